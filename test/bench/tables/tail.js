// How long after its slowest upstream a page runs: what waiting in parallel adds to the wait itself.
import { start } from '../lib/child.js';
import { table } from '../lib/markdown.js';
import { median, percentile } from '../lib/stats.js';

const LOAD = new URL('../sides/load.js', import.meta.url);
const SERVER = new URL('../sides/tail.js', import.meta.url);
const DELAYS = [30, 60, 90, 120, 150];
const WARMUP = 10;

async function ask(port, page) {
  const response = await fetch(`http://127.0.0.1:${port}/${page}`);
  if (response.status !== 200) throw new Error(`${page} answers ${response.status} ${await response.text()}`);
  return response.json();
}

const row = (name, values) => [name, median(values).toFixed(2), percentile(values, 0.99).toFixed(2)];

export default async function tail({ pages }, log) {
  const load = await start(LOAD, { core: 1, config: { upstreams: 1, origins: 1, size: 2048 } });
  try {
    const [origin] = await load.ask('origins');
    const server = await start(SERVER, { core: 0, config: { urls: DELAYS.map((delay) => `${origin}/slow/${delay}`) } });
    try {
      const port = await server.ask('port');
      log(`${WARMUP + pages} pages of ${Math.max(...DELAYS)} ms, twice`);
      const seen = { request: [], 'express-mashup': [] };
      for (let page = 0; page < WARMUP + pages; page++) {
        for (const [name, samples] of Object.entries(seen)) {
          const sample = await ask(port, name);
          if (page >= WARMUP) samples.push(sample);
        }
      }
      const of = (name, key) => seen[name].map((sample) => sample[key]);
      return [
        `## After the slowest upstream: upstreams of ${DELAYS.join(', ')} ms, ${pages} pages, one at a time`,
        table(
          ['from … to the handler, ms', 'median', 'p99'],
          [
            row('**express-mashup**: the last outcome’s `ended`', of('express-mashup', 'afterEnded')),
            row('**express-mashup**: the slowest upstream sends its answer', of('express-mashup', 'afterSent')),
            row('undici `request`, `Promise.all`: the same', of('request', 'afterSent')),
          ],
        ),
      ].join('\n\n');
    } finally {
      server.stop();
    }
  } finally {
    load.stop();
  }
}
