// Where sun and moon are, computed by `suncalc`.
import { Router } from 'express';
import { getMoonIllumination, getMoonTimes, getPosition, getTimes } from 'suncalc';
import { HttpError } from './http-error.js';

export interface Sky {
  sun: {
    /** Whether it is above the horizon at the moment. */
    up: boolean;
    /** Instants in UTC; null where the sun does not rise or set that day. */
    sunrise: string | null;
    sunset: string | null;
    noon: string;
    /** In minutes. */
    dayLength: number;
  };
  moon: {
    phase: string;
    /** The lit share of the disk, from 0 to 1. */
    illumination: number;
    waxing: boolean;
    rise: string | null;
    set: string | null;
  };
}

const phases = [
  'new moon',
  'waxing crescent',
  'first quarter',
  'waxing gibbous',
  'full moon',
  'waning gibbous',
  'last quarter',
  'waning crescent',
];

export const sun = Router();

sun.get('/sun', (req, res) => {
  const lat = coordinate('lat', req.query['lat'], 90);
  const lng = coordinate('lng', req.query['lng'], 180);
  res.json(skyOver(lat, lng, day(req.query['date'])));
});

function skyOver(lat: number, lng: number, date: Date): Sky {
  const { sunrise, sunset, solarNoon, alwaysUp } = getTimes(date, lat, lng);
  const moon = getMoonIllumination(date);
  const { rise, set } = getMoonTimes(date, lat, lng);
  return {
    sun: {
      up: getPosition(date, lat, lng).altitude > -0.3,
      sunrise: instant(sunrise),
      sunset: instant(sunset),
      noon: solarNoon.toISOString(),
      dayLength: sunrise && sunset ? Math.round((sunset.getTime() - sunrise.getTime()) / 60_000) : alwaysUp ? 1440 : 0,
    },
    moon: {
      phase: phases[Math.round(moon.phase * 8) % 8] ?? '',
      illumination: Math.round(moon.fraction * 100) / 100,
      waxing: moon.waxing,
      rise: instant(rise),
      set: instant(set),
    },
  };
}

function coordinate(name: string, value: unknown, limit: number): number {
  const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (!(Math.abs(degrees) <= limit)) throw new HttpError(400, `${name} takes degrees from -${limit} to ${limit}`);
  return degrees;
}

function day(value: unknown): Date {
  if (value === undefined) return new Date();
  const date = new Date(typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T12:00Z` : '');
  if (Number.isNaN(date.getTime())) throw new HttpError(400, 'date takes a day, as in 2026-05-12');
  return date;
}

function instant(date: Date | null | undefined): string | null {
  return date?.toISOString() ?? null;
}
