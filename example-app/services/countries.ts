// Countries of the world, from `world-countries`. It serves the OpenAPI document that describes it, of which the types are made.
import { join } from 'node:path';
import { Router } from 'express';
import countryList from 'world-countries';
import { exampleFolder } from '../folder.js';
import type { components } from '../types/countries-api.js';
import { HttpError } from './http-error.js';

/** As the service's own document says it, `countries.openapi.json`. */
export type Country = components['schemas']['Country'];

const byCode = new Map(
  countryList.flatMap(({ name, cca2, cca3, languages, currencies, ...rest }) => {
    const { capital, region, subregion, flag, borders, area, latlng } = rest;
    const country: Country = {
      name: name.common,
      officialName: name.official,
      iso2: cca2,
      iso3: cca3,
      capital,
      region,
      subregion,
      languages: Object.values(languages),
      currencies: Object.entries(currencies).map(([code, currency]) => ({ code, ...currency })),
      flag,
      borders,
      area,
      latlng,
    };
    return [[cca2, country] as const, [cca3, country] as const];
  }),
);

export const countries = Router();

countries.get('/openapi.json', (_req, res) => {
  res.sendFile('countries.openapi.json', { root: join(exampleFolder, 'services') });
});

countries.get('/countries/:code', (req, res) => {
  const code = req.params.code.toUpperCase();
  if (!/^[A-Z]{2,3}$/.test(code)) throw new HttpError(400, 'a country code has two or three letters');
  const country = byCode.get(code);
  if (country === undefined) throw new HttpError(404, 'no such country');
  // A cache may keep it.
  res.set('Cache-Control', 'public, max-age=3600').json(country);
});
