// Pages that are sent at once and filled in by one slow fragment: when they begin, when they end, and what they cost.
import { Agent, get } from 'node:http';
import { table } from '../lib/markdown.js';
import { withSides } from '../lib/sides.js';
import { median, order, percentile } from '../lib/stats.js';

const NAMES = { tailor: 'Tailor, `async`', 'express-mashup': '**express-mashup**, `defer` and `late()`' };
const SLOW_MS = 2000;
const AT_ONCE = 100;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** Milliseconds to the first byte of the body, and to the last. */
function visit(port) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    get({ port, host: '127.0.0.1', path: '/', agent }, (response) => {
      let first = null;
      let text = '';
      response.setEncoding('utf8').on('data', (more) => {
        first ??= performance.now() - began;
        text += more;
      });
      response.on('end', () => {
        if (response.statusCode !== 200 || !text.includes('slow')) return reject(new Error(`Wrong answer: ${text}`));
        resolve({ first, total: performance.now() - began });
      });
    }).on('error', reject);
  });
}

export default async function late({ upstreams, origins, size, rounds }, log) {
  const config = { origins, upstreams, size, type: 'text' };
  const urls = (list) => [
    ...Array.from({ length: upstreams - 1 }, (_, index) => `${list[index % list.length]}/data/${index}`),
    `${list[0]}/slow/${SLOW_MS}`,
  ];
  const pages = Object.keys(NAMES).map((contender) => ({ side: 'late', contender, urls }));
  return await withSides({ upstreams: config, pages }, async (_load, servers) => {
    const seen = servers.map((server, at) => ({
      ...server,
      name: Object.keys(NAMES)[at],
      first: [],
      total: [],
      cost: [],
    }));
    for (let round = -1; round < rounds; round++) {
      for (const server of order(seen, round + 1)) {
        const before = await server.ask('cpu');
        const visits = await Promise.all(Array.from({ length: AT_ONCE }, () => visit(server.port)));
        const after = await server.ask('cpu');
        if (round < 0) continue;
        server.first.push(...visits.map(({ first }) => first));
        server.total.push(...visits.map(({ total }) => total));
        server.cost.push((after - before) / AT_ONCE);
      }
      log(`round ${round + 1} of ${rounds}`);
    }
    const rows = seen.map(({ name, first, total, cost }) => [
      NAMES[name],
      ...[first, total].flatMap((times) => [median(times).toFixed(1), percentile(times, 0.99).toFixed(1)]),
      median(cost).toFixed(0),
    ]);
    return [
      `## Late data: ${upstreams} fragments of ${size} bytes, one after ${SLOW_MS} ms, ${AT_ONCE} pages at once, ${rounds} rounds`,
      table(['page', 'first byte, ms', 'p99', 'whole page, ms', 'p99', 'CPU µs/page'], rows),
    ].join('\n\n');
  });
}
