// Public holidays, from `date-holidays`.
import Holidays from 'date-holidays';
import { Router } from 'express';
import { HttpError } from './http-error.js';

export interface Holiday {
  /** Such as '2026-12-25'. */
  date: string;
  name: string;
}

const covered = new Holidays().getCountries();

/** Lunar calendars take a while to compute, and there are only so many countries and years. */
const computed = new Map<string, Holiday[]>();

export const holidays = Router();

/** Those of a year, or else the next six. */
holidays.get('/holidays/:iso2', (req, res) => {
  const iso2 = req.params.iso2.toUpperCase();
  const { year } = req.query;
  if (!/^[A-Z]{2}$/.test(iso2)) throw new HttpError(400, 'a country code has two letters');
  if (year !== undefined && !(typeof year === 'string' && /^(19|20)\d\d$/.test(year))) {
    throw new HttpError(400, 'year takes a year from 1900 to 2099');
  }
  if (!Object.hasOwn(covered, iso2)) throw new HttpError(404, 'no holidays known for this country');
  res
    .set('Cache-Control', 'public, max-age=600')
    .json(year === undefined ? next(iso2, 6) : ofYears(iso2, Number(year)));
});

function next(iso2: string, count: number): Holiday[] {
  const today = new Date().toISOString().slice(0, 10);
  const year = Number(today.slice(0, 4));
  return ofYears(iso2, year, year + 1)
    .filter(({ date }) => date >= today)
    .slice(0, count);
}

function ofYears(iso2: string, ...years: number[]): Holiday[] {
  return years.flatMap((year) => {
    const key = `${iso2} ${year}`;
    const known = computed.get(key) ?? ofYear(iso2, year);
    computed.set(key, known);
    return known;
  });
}

function ofYear(iso2: string, year: number): Holiday[] {
  const calendar = new Holidays(iso2, { languages: ['en'], types: ['public'] });
  return calendar.getHolidays(year).map(({ date, name }) => ({ date: date.slice(0, 10), name }));
}
