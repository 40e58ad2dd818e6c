// Cities of the world and their local time, from `city-timezones`.
import cityTimezones from 'city-timezones';
import { Router } from 'express';
import { HttpError } from './http-error.js';

export interface City {
  slug: string;
  name: string;
  province: string;
  country: string;
  iso2: string;
  iso3: string;
  lat: number;
  lng: number;
  population: number;
  timezone: string;
  /** The wall clock there, such as '2026-05-12T14:05'. */
  localTime: string;
  /** Such as '+02:00'. */
  utcOffset: string;
}

type Place = Omit<City, 'localTime' | 'utcOffset'>;

/** Those that the recorded samples cover. */
const featured = ['oslo', 'london', 'berlin', 'new-york', 'sao-paulo', 'nairobi', 'tokyo', 'sydney'];

const places = nameAll();

export const cities = Router();

cities.get('/cities', (req, res) => {
  const wanted = req.query['q'] ?? '';
  if (typeof wanted !== 'string' || wanted.length > 80) throw new HttpError(400, 'q takes the beginning of a name');
  const start = slugOf(wanted);
  const slugs = start === '' ? featured : [...places.keys()].filter((slug) => slug.startsWith(start)).slice(0, 24);
  res.json(
    slugs
      .map((slug) => places.get(slug))
      .filter((place) => place !== undefined)
      .map(withTime),
  );
});

cities.get('/cities/:slug', (req, res) => {
  const place = places.get(req.params.slug);
  if (place === undefined) throw new HttpError(404, 'no such city');
  res.json(withTime(place));
});

/** The larger of two namesakes has the plain slug, the others add the country, and then the province. */
function nameAll(): Map<string, Place> {
  const named = new Map<string, Place>();
  const byPopulation = [...cityTimezones.cityMapping].sort((a, b) => b.pop - a.pop);
  for (const { city, city_ascii, province, country, iso2, iso3, lat, lng, pop, timezone } of byPopulation) {
    // In Antarctica and in disputed places, some have no zone and no country code.
    if (!timezone || !/^[A-Z]{2}$/.test(iso2)) continue;
    const name = slugOf(city_ascii);
    const slug = [name, `${name}-${slugOf(iso2)}`, `${name}-${slugOf(iso2)}-${slugOf(province)}`].find(
      (candidate) => !named.has(candidate),
    );
    if (slug === undefined || name === '') continue;
    const population = Math.round(pop);
    named.set(slug, { slug, name: city, province, country, iso2, iso3, lat, lng, population, timezone });
  }
  return named;
}

function slugOf(text: string): string {
  const plain = text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

function withTime(place: Place): City {
  const part = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', {
      timeZone: place.timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'longOffset',
    })
      .formatToParts(new Date())
      .map(({ type, value }) => [type, value]),
  );
  return {
    ...place,
    localTime: `${part['year']}-${part['month']}-${part['day']}T${part['hour']}:${part['minute']}`,
    utcOffset: part['timeZoneName']?.replace('GMT', '') || '+00:00',
  };
}
