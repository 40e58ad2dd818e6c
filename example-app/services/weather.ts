// Weather from recorded samples, played back as if it were today: of each sample's 24 hours, those from now on.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Router } from 'express';
import { exampleFolder } from '../folder.js';
import { HttpError } from './http-error.js';

export type WeatherSymbol = 'clear' | 'fair' | 'cloudy' | 'fog' | 'rain' | 'snow' | 'thunder';

export interface Hour {
  /** An instant in UTC. */
  time: string;
  /** In °C. */
  temperature: number;
  /** The chance of rain or snow, in per cent. */
  precipitation: number;
  symbol: WeatherSymbol;
}

export interface Weather {
  city: string;
  current: {
    temperature: number;
    feelsLike: number;
    /** In per cent. */
    humidity: number;
    /** In m/s, and where it comes from in degrees. */
    wind: { speed: number; direction: number };
    symbol: WeatherSymbol;
  };
  hourly: Hour[];
}

/** Columns hold one value for each hour of the day there, from midnight. */
interface Sample {
  city: string;
  timezone: string;
  hourly: {
    temperature: number[];
    precipitation: number[];
    humidity: number[];
    windSpeed: number[];
    windDirection: number[];
    symbol: WeatherSymbol[];
  };
}

const folder = join(exampleFolder, 'samples/weather');
const samples = new Map(
  readdirSync(folder).map((file) => {
    const sample = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Sample;
    return [sample.city, sample];
  }),
);

export const weather = Router();

weather.get('/weather/:slug', (req, res) => {
  const sample = samples.get(req.params.slug);
  if (sample === undefined) throw new HttpError(404, 'no station there');
  res.json(play(sample, new Date()));
});

function play({ city, timezone, hourly }: Sample, now: Date): Weather {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: 'numeric', hourCycle: 'h23' });
  const thisHour = new Date(now);
  thisHour.setUTCMinutes(0, 0, 0);

  const hour = (ahead: number): Hour & { index: number } => {
    const time = new Date(thisHour.getTime() + ahead * 3_600_000);
    const index = Number(clock.format(time));
    return {
      index,
      time: time.toISOString(),
      temperature: hourly.temperature[index] ?? 0,
      precipitation: hourly.precipitation[index] ?? 0,
      symbol: hourly.symbol[index] ?? 'cloudy',
    };
  };

  const { index, temperature, symbol } = hour(0);
  const wind = { speed: hourly.windSpeed[index] ?? 0, direction: hourly.windDirection[index] ?? 0 };
  return {
    city,
    current: {
      temperature,
      feelsLike: Math.round(temperature - wind.speed / 3),
      humidity: hourly.humidity[index] ?? 0,
      wind,
      symbol,
    },
    hourly: Array.from({ length: 12 }, (_, ahead) => hour(ahead)).map(({ index: _, ...rest }) => rest),
  };
}
