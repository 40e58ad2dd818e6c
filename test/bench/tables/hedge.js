// What a second attempt does for a page whose upstreams are now and then slow, and how many more requests that costs.
import { table } from '../lib/markdown.js';
import { expected } from '../lib/payload.js';
import { spread, withSides } from '../lib/sides.js';
import { median, percentile } from '../lib/stats.js';

const upstreams = { origins: 1, upstreams: 5, size: 2048 };
const KINDS = { without: {}, "`hedge: 'p95'`": { hedge: 'p95' } };

export default async function hedge(options, log) {
  const text = JSON.stringify(expected(upstreams));
  const pages = Object.values(KINDS).map((upstream) => ({
    contender: 'express-mashup',
    urls: spread('lazy', upstreams.upstreams),
    upstream,
  }));
  const seen = Object.keys(KINDS).map((name) => ({ name, latencies: [], served: 0 }));
  await withSides({ upstreams, pages }, async (load, servers) => {
    for (let round = 0; round <= options.rounds; round++) {
      for (const [index, server] of servers.entries()) {
        await load.ask('open', { port: server.port, connections: options.connections, text });
        const { served } = await load.ask('run', options.window);
        const latencies = await load.ask('latencies');
        await load.ask('close');
        // The first round is there to know how slow the origin is.
        if (round === 0) continue;
        seen[index].latencies.push(...latencies);
        seen[index].served += served;
      }
      log(`round ${round} of ${options.rounds}${round ? '' : ', to warm up: does not count'}`);
    }
  });
  const base = percentile(seen[0].latencies, 0.99);
  return [
    '## Hedging: five upstreams, of whose answers 2 % take 500 ms instead of 5',
    table(
      ['page', 'median, ms', 'p99', 'p99 relative', 'extra requests', 'pages'],
      seen.map(({ name, latencies, served }) => [
        name,
        median(latencies).toFixed(1),
        percentile(latencies, 0.99).toFixed(1),
        (percentile(latencies, 0.99) / base).toFixed(2),
        `${(100 * (served / (latencies.length * upstreams.upstreams) - 1)).toFixed(1)} %`,
        latencies.length,
      ]),
    ),
  ].join('\n\n');
}
