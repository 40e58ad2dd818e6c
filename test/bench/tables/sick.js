// Whether an origin that hangs, with all its slots and its queue taken, slows a page on other origins of the same instance.
import { setTimeout as sleep } from 'node:timers/promises';
import { table } from '../lib/markdown.js';
import { expected } from '../lib/payload.js';
import { compare } from '../lib/rounds.js';
import { spread, withSides } from '../lib/sides.js';
import { median, percentile } from '../lib/stats.js';
import { Patience, watch } from '../lib/watch.js';

const limits = { perOrigin: 16, queue: 16 };
const DEADLINE = 2000;
/** Milliseconds between the requests for its page: enough of them to take all slots, few enough to cost nothing themselves. */
const EVERY = 40;
const HEALTHY = 5;
const upstreams = { origins: 1 + HEALTHY, upstreams: 2 * HEALTHY, size: 2048 };

// The first origin hangs; each of the page's five upstreams has one of the others to itself.
const urls = ([sick, ...healthy]) => [`${sick}/hang`, ...spread('data', HEALTHY)(healthy)];

/** Waits until the origin's slots and queue are all taken, or all free. */
async function until(server, { inFlight, queued }) {
  for (;;) {
    const stats = await server.ask('stats');
    if (stats.inFlight === inFlight && stats.queued === queued) return;
    await sleep(20);
  }
}

async function turn(load, server, options, isSick) {
  if (isSick) await load.ask('keepAsking', { url: `http://127.0.0.1:${server.port}/sick`, every: EVERY });
  await until(server, isSick ? { inFlight: limits.perOrigin, queued: limits.queue } : { inFlight: 0, queued: 0 });
  await load.ask('run', options.warmup);
  const seen = await watch([server, load], () => load.ask('run', options.window));
  const latencies = await load.ask('latencies');
  const { inFlight } = await server.ask('stats');
  await load.ask('keepAsking');
  if (isSick && inFlight !== limits.perOrigin) throw new Error(`Only ${inFlight} slots were taken`);
  return { ...seen, latencies };
}

export default async function sick(options, log) {
  const { connections, rounds } = options;
  const patience = new Patience(options.patience / 3);
  const text = JSON.stringify(expected({ ...upstreams, upstreams: HEALTHY }));
  const turns = { well: [], sick: [] };
  const sides = { upstreams, pages: [{ side: 'sick', urls, limits, deadline: DEADLINE }] };
  await withSides(sides, async (load, [server]) => {
    await load.ask('open', { port: server.port, connections: Math.min(connections, limits.perOrigin), text });
    for (let round = 0; round <= rounds; round++) {
      for (const state of round % 2 ? ['sick', 'well'] : ['well', 'sick']) {
        const seen = await patience.quiet(() => turn(load, server, options, state === 'sick'));
        const { value, cpu, calm, latencies } = seen;
        const p99 = percentile(latencies, 0.99);
        const measured = { calm, p99, rate: value.pages / (value.ms / 1000), cost: cpu[0] / value.pages };
        if (round > 0) turns[state].push({ ...measured, median: median(latencies) });
      }
      log(`round ${round} of ${rounds}${round ? '' : ', to warm up: does not count'}`);
    }
    await load.ask('close');
  });
  const { ratio, byCpu, calm } = compare(turns.sick, turns.well);
  const middle = (state, key, digits) => median(turns[state].map((turn) => turn[key])).toFixed(digits);
  const row = (name, state, ...ratios) => [
    name,
    ...ratios,
    ...[middle(state, 'rate', 0), middle(state, 'median', 2), middle(state, 'p99', 2)],
  ];
  return [
    `## Beside a sick origin: a page of five upstreams, while one on a hanging origin is asked ${1000 / EVERY} times a second`,
    table(
      ['the hanging origin', 'ratio', 'ratio by CPU', 'calm rounds', 'pages/s', 'median, ms', 'p99, ms'],
      [
        row('left alone', 'well', '1.00', '1.00', calm),
        row('all slots and its queue taken', 'sick', ratio.toFixed(2), byCpu.toFixed(2), calm),
      ],
    ),
    String(patience),
  ].join('\n\n');
}
