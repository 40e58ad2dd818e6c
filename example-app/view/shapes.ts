// The little drawings: where the sun is on its way, and how the moon looks.
import type { Sky } from '../services/sun.js';

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

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
