// The claim that everything here grew from: in parallel, a page costs its slowest upstream and a little more, not the sum.
import { table } from '../lib/markdown.js';
import { withSides } from '../lib/sides.js';
import { median, percentile } from '../lib/stats.js';

const DELAYS = [30, 60, 90, 120, 150];
const WAYS = {
  sequential: 'one after the other',
  multiGet: '**`multiGet`**',
  slowest: 'the slowest alone',
};
const WARMUP = 2;

export default async function sequential({ pages }, log) {
  const times = Math.max(3, Math.round(pages / 3));
  const urls = ([origin]) => DELAYS.map((delay) => `${origin}/slow/${delay}`);
  const sides = { upstreams: { origins: 1, upstreams: 1, size: 2048 }, pages: [{ side: 'sequential', urls }] };
  const seen = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  await withSides(sides, async (_load, [side]) => {
    log(`${times} times three ways`);
    for (let time = 0; time < WARMUP + times; time++) {
      for (const way of Object.keys(WAYS)) {
        const ms = await side.ask('time', way);
        if (time >= WARMUP) seen[way].push(ms);
      }
    }
  });
  const over = (way) => median(seen[way].map((ms, time) => ms - seen.slowest[time])).toFixed(1);
  return [
    `## One after the other, or at once: upstreams of ${DELAYS.join(', ')} ms, ${times} times`,
    table(
      ['way', 'median, ms', 'p99', 'more than the slowest alone'],
      Object.entries(WAYS).map(([way, name]) => [
        name,
        median(seen[way]).toFixed(1),
        percentile(seen[way], 0.99).toFixed(1),
        over(way),
      ]),
    ),
  ].join('\n\n');
}
