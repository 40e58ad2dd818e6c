// Countries of the world, from `world-countries`.
import { Router } from 'express';
import countryList from 'world-countries';
import { HttpError } from './http-error.js';

export interface Country {
  name: string;
  officialName: string;
  iso2: string;
  iso3: string;
  capital: string[];
  region: string;
  subregion: string;
  languages: string[];
  currencies: { code: string; name: string; symbol: string }[];
  flag: string;
  /** The neighbours, as three-letter codes. */
  borders: string[];
  /** In square kilometres. */
  area: number;
  latlng: [number, number];
}

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

countries.get('/countries/:code', (req, res) => {
  const code = req.params.code.toUpperCase();
  if (!/^[A-Z]{2,3}$/.test(code)) throw new HttpError(400, 'a country code has two or three letters');
  const country = byCode.get(code);
  if (country === undefined) throw new HttpError(404, 'no such country');
  // A cache may keep it.
  res.set('Cache-Control', 'public, max-age=3600').json(country);
});
