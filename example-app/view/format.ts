// Times, numbers and words, as people read them.
import type { Sky } from '../services/sun.js';

/** '14:05', by the clocks of that zone. */
export function clock(instant: string, timeZone: string): string {
  return new Date(instant).toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
}

/** 'Monday 23 November' from '2026-11-23' or '2026-11-23T14:05'. */
export function longDay(day: string): string {
  return utcDay(day).toLocaleDateString('en-GB', { timeZone: 'UTC', weekday: 'long', day: 'numeric', month: 'long' });
}

/** '25 Dec'. */
export function shortDay(day: string): string {
  return utcDay(day).toLocaleDateString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short' });
}

/** 'today', 'tomorrow', 'in 32 days'. */
export function daysUntil(day: string, today: string): string {
  const days = Math.round((utcDay(day).getTime() - utcDay(today).getTime()) / 86_400_000);
  return new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' }).format(days, 'day');
}

/** '1,234,567'. */
export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** '6 h 59 min' from minutes. */
export function hours(minutes: number): string {
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** '−4°', with a real minus. */
export function degrees(temperature: number): string {
  return `${String(Math.round(temperature)).replace('-', '−')}°`;
}

/** Where the wind comes from: 'north-east'. */
export function compass(direction: number): string {
  const names = ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west'];
  return names[Math.round(direction / 45) % 8] ?? '';
}

/** The bands of the European air quality index. */
export function airBand(index: number): { name: string; level: number } {
  const names = ['Good', 'Fair', 'Moderate', 'Poor', 'Very poor', 'Extremely poor'];
  const level = Math.min(Math.floor(index / 20), names.length - 1);
  return { name: names[level] ?? '', level };
}

/** Whether it is dark there at that instant, as far as is known. */
export function isDark(instant: string, sky: Sky | null, timeZone: string): boolean {
  if (sky === null) return false;
  const { sunrise, sunset, dayLength } = sky.sun;
  if (sunrise === null || sunset === null) return dayLength === 0;
  const [time, rise, set] = [instant, sunrise, sunset].map((each) => clock(each, timeZone));
  return time !== undefined && rise !== undefined && set !== undefined && (time < rise || time > set);
}

function utcDay(day: string): Date {
  return new Date(`${day.slice(0, 10)}T00:00Z`);
}
