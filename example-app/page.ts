// The two pages, as what they are made of. This is the part to copy from.
import { type Mashup, upstream } from 'express-mashup';
import { openapi } from 'express-mashup/openapi';
import { airAnswer } from './air-answer.js';
import { type Article, parseNews } from './news.js';
import type { City } from './services/cities.js';
import type { Holiday } from './services/holidays.js';
import type { ServiceUrls } from './services/index.js';
import type { Sky } from './services/sun.js';
import type { Weather } from './services/weather.js';
import type { paths } from './types/countries-api.js';
import { type UsualWeather, usualWeather } from './usual-weather.js';

/** The page's own ?slow= and ?fail= go on to every service: each makes itself sick if it is named there. */
const sick = 'query.slow,query.fail';

export function homePage(services: ServiceUrls, mashup: Mashup) {
  return mashup({
    cities: upstream<City[]>(`${services.cities}/cities{?query.q,${sick}}`),
  });
}

export function cityPage(services: ServiceUrls, mashup: Mashup) {
  // Typed by the OpenAPI document of the service: a wrong path or a wrong name in its query does not compile.
  const countries = openapi<paths>(services.countries);
  return mashup(
    {
      // Without the city there is no page: its 404 is the page's 404.
      city: upstream<City>({ url: `${services.cities}/cities/{params.slug}{?${sick}}`, required: true }),

      // These three need something of `city`, so they start when it has arrived.
      // The services say for how long their answers are good, and so long they are kept.
      country: { ...countries(`/countries/{city.iso2}{?${sick}}`), cache: true },
      holidays: upstream<Holiday[]>({ url: `${services.holidays}/holidays/{city.iso2}{?${sick}}`, cache: true }),
      sky: upstream<Sky>(`${services.sun}/sun{?city.lat,city.lng,${sick}}`),

      // One request for each neighbour, all at once: starts when `country` has arrived. What follows starts at once.
      neighbours: { ...countries(`/countries/{item}{?${sick}}`), each: 'country.borders', cache: true },

      // Never worth more than 400 ms of anybody's time. What the page knows itself stands in for it.
      weather: upstream<Weather, UsualWeather>({
        url: `${services.weather}/weather/{params.slug}{?${sick}}`,
        timeout: cityLimits.timeouts.weather,
        fallback: (_error, { params }) => usualWeather(String(params['slug']), new Date()),
      }),

      // RSS, not JSON. The page does not wait for it: it is filled in when it comes. Good for 15 seconds, whatever its service says; then an older copy is shown while it is refreshed, for ten
      // minutes, and where that fails, for an hour.
      news: upstream<Article[]>({
        url: `${services.news}/news/{params.slug}{?${sick}}`,
        responseType: 'text',
        transformResponse: parseNews,
        defer: true,
        timeout: 8000,
        cache: { ttl: 15_000, swr: 600_000, staleIfError: 3_600_000, tags: ['news-{params.slug}'] },
      }),

      // A POST, in the way of GraphQL, that only reads. It is filled in later, too. The schema checks the answer, unwraps it, and types it.
      air: {
        method: 'POST',
        url: `${services.air}/graphql{?${sick}}`,
        data: ({ params }) => ({ query: airQuery, variables: { slug: params['slug'] } }),
        schema: airAnswer,
        safe: true,
        defer: true,
        timeout: 8000,
        cache: 60_000,
      },
    },
    { deadline: cityLimits.deadline },
  );
}

/** The times of this page, for the panel that shows where they went. */
export const cityLimits = { deadline: 1500, timeouts: { weather: 400 }, late: ['news', 'air'] } as const;

const airQuery = 'query ($slug: String!) { airQuality(slug: $slug) { station index pm25 pm10 no2 o3 } }';
