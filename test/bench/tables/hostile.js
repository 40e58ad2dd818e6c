// How long the event loop is kept by a hundred pages whose upstream's bodies are made for that.

import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { start } from '../lib/child.js';
import { bodies } from '../lib/hostile.js';
import { table } from '../lib/markdown.js';
import { median } from '../lib/stats.js';

const PAGES = 100;
const AT_ONCE = 20;
const ROUNDS = 5;

function ask(agent, url) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    }).on('error', reject);
  });
}

export default async function hostile(_options, log) {
  const all = await bodies();
  const upstream = createServer((request, response) => {
    const [, headers, body] = all[Number(request.url.split('/')[1])];
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const urls = all.map((_, at) => `http://127.0.0.1:${upstream.address().port}/${at}`);
  const server = await start(new URL('../sides/hostile.js', import.meta.url), {
    // Both: decoders have threads of their own, and are not to take the loop's core.
    core: '0,1',
    config: { urls },
    flags: ['--expose-gc'],
  });
  const agent = new Agent({ keepAlive: true });
  const rows = [];
  try {
    const port = await server.ask('port');
    /** So many at a time: a hundred at once are a long turn whatever they ask for. */
    const pages = async (at) => {
      const codes = new Set();
      let n = 0;
      const worker = async () => {
        while (n < PAGES) codes.add(await ask(agent, `http://127.0.0.1:${port}/${at}?n=${n++}`));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return [...codes];
    };
    for (let warm = 0; warm < 20; warm++) await pages(warm % 4);
    for (const [at, [name]] of all.entries()) {
      const seen = [];
      for (let round = 0; round < ROUNDS; round++) {
        await server.ask('begin');
        const began = performance.now();
        const codes = await pages(at);
        seen.push({ ms: performance.now() - began, codes, ...(await server.ask('end')) });
      }
      const turns = seen.map(({ longest }) => longest);
      const what = [...new Set(seen.flatMap(({ codes }) => codes))]
        .map((code) => code.replace('ERR_UPSTREAM_', ''))
        .join(', ');
      const rss = Math.max(...seen.map(({ rss }) => rss)) / 1024 ** 2;
      rows.push([
        name,
        what,
        median(turns).toFixed(1),
        Math.max(...turns).toFixed(1),
        median(seen.map(({ ms }) => ms)).toFixed(0),
        rss.toFixed(0),
      ]);
      log(`${name}: ${rows.at(-1).slice(1).join(', ')}`);
    }
  } finally {
    server.stop();
    agent.destroy();
    upstream.close();
    upstream.closeAllConnections();
  }
  return [
    `## Hostile bodies: ${PAGES} pages, ${AT_ONCE} at a time, each with one upstream`,
    table(
      [
        'body',
        'outcome',
        'longest turn of the loop, ms (median of rounds)',
        'longest of all',
        'all pages, ms',
        'RSS at most, MB',
      ],
      rows,
    ),
  ].join('\n\n');
}
