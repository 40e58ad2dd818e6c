// What pages whose answers nobody has yet wait for, while Redis is well, paused, killed, and full; and how soon a purge is seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMashup } from '../../../dist/index.js';
import { redisStore } from '../../../dist/redis/index.js';
import { table } from '../lib/markdown.js';

const PORT = 26_379;
const PHASE_MS = 3000;
const AT_ONCE = 8;

function start() {
  const args = ['--port', String(PORT), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return spawn('redis-server', args, { stdio: 'ignore' });
}

async function send(...command) {
  const socket = connect(PORT, '127.0.0.1');
  socket.on('error', () => {});
  socket.end(`*${command.length}\r\n${command.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`);
  await Promise.race([once(socket, 'close'), sleep(500)]);
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]?.toFixed(1) ?? '-';

export default async function store(_options, log) {
  const upstream = createServer((_req, res) => res.setHeader('content-type', 'application/json').end('{"n":1}'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = `http://127.0.0.1:${upstream.address().port}/{params.id}`;
  let redis = start();
  await once(redis, 'spawn');
  const stores = [1, 2].map(() => redisStore({ url: `redis://127.0.0.1:${PORT}` }));
  const [one, two] = stores.map((store) => createMashup({ cache: { store } }));
  const plain = createMashup();
  const upstreams = { a: { url, cache: { ttl: 600_000, tags: ['all'] } } };
  const [page, other] = [one(upstreams), two(upstreams)];
  const without = plain(upstreams);
  process.on('warning', () => {});
  let ids = 0;

  /** Milliseconds of pages, each for something new. */
  async function load(run) {
    const times = [];
    let failed = 0;
    const end = performance.now() + PHASE_MS;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (performance.now() < end) {
          const began = performance.now();
          const { outcomes } = await run.run({ params: { id: String(ids++) } });
          times.push(performance.now() - began);
          if (outcomes.a.status !== 'success') failed++;
          await sleep(5);
        }
      }),
    );
    times.sort((a, b) => a - b);
    return [times.length, failed, at(times, 0.5), at(times, 0.99), at(times, 1)];
  }

  const rows = [];
  async function phase(name, before, run = page) {
    log(name);
    await before();
    rows.push([name, ...(await load(run))]);
  }
  await sleep(500);
  await load(page);
  await phase('without Redis', () => {}, without);
  await phase('Redis is well', () => {});
  await phase('paused (SIGSTOP)', () => redis.kill('SIGSTOP'));
  await phase('goes on (SIGCONT)', () => redis.kill('SIGCONT'));
  await phase('killed', () => redis.kill('SIGKILL'));
  await phase('started anew', async () => {
    redis = start();
    await once(redis, 'spawn');
  });
  await phase('full (maxmemory)', () => send('CONFIG', 'SET', 'maxmemory', '1'));
  await phase('has room again', () => send('CONFIG', 'SET', 'maxmemory', '0'));

  const seen = [];
  await sleep(2000);
  for (let count = 0; count < 100; count++) {
    const id = `purge${count}`;
    for (const each of [page, other]) await each.run({ params: { id } });
    await sleep(10);
    const began = performance.now();
    void one.purge({ tag: 'all' });
    while ((await other.run({ params: { id } })).outcomes.a.source === 'cache') await sleep(0);
    seen.push(performance.now() - began);
  }
  seen.sort((a, b) => a - b);

  for (const each of [one, two, plain]) await each.close();
  for (const each of stores) await each.close();
  redis.kill('SIGKILL');
  upstream.close();
  upstream.closeAllConnections();
  const head = ['Redis', 'pages', 'failed', 'median ms', 'p99 ms', 'longest ms'];
  return [
    `## Pages for something new, ${AT_ONCE} at once, while Redis is sick`,
    table(head, rows),
    `A purge by one instance is seen by another after ${at(seen, 0.5)} ms (median), ${at(seen, 0.99)} ms (p99), ${at(seen, 1)} ms (longest).`,
  ].join('\n\n');
}
