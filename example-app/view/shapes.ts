// The little drawings: where the sun is on its way, how the moon looks, how warm it gets.
import type { Sky } from '../services/sun.js';
import type { Hour } from '../services/weather.js';

/** Where the sun stands on a half ellipse of 180 × 60 around (100, 70); null while it is down. */
export function sunOnArc({ sun }: Sky, now: Date): { x: number; y: number } | null {
  if (!sun.up || sun.sunrise === null || sun.sunset === null) return null;
  const rise = Date.parse(sun.sunrise);
  const way = Math.min(Math.max((now.getTime() - rise) / (Date.parse(sun.sunset) - rise), 0), 1);
  return { x: round(100 - 90 * Math.cos(Math.PI * way)), y: round(70 - 60 * Math.sin(Math.PI * way)) };
}

/** The lit part of a disk of radius 20 around the origin, as an SVG path; from the south the moon is the other way round. */
export function moonPath({ moon }: Sky, latitude: number): string {
  const side = moon.waxing === latitude >= 0 ? 1 : 0;
  const width = round(20 * Math.abs(1 - 2 * moon.illumination));
  const bulge = moon.illumination > 0.5 ? side : 1 - side;
  return `M0-20A20 20 0 0 ${side} 0 20A${width} 20 0 0 ${bulge} 0-20Z`;
}

/** The temperatures as the points of a line in 1200 × 60, each above the middle of its hour's column. */
export function temperatureLine(hours: readonly Hour[]): string {
  const temperatures = hours.map(({ temperature }) => temperature);
  const highest = Math.max(...temperatures);
  const range = Math.max(highest - Math.min(...temperatures), 4);
  const column = 1200 / hours.length;
  return temperatures
    .map((t, index) => `${round((index + 0.5) * column)},${round(4 + ((highest - t) / range) * 52)}`)
    .join(' ');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
