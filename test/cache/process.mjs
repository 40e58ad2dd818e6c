// One machine: an app of the built package, whose page caches in Redis. Told by lines on stdin, tells by lines on stdout.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import express from 'express';
import { createMashup } from '../../dist/index.js';
import { redisStore } from '../../dist/redis/index.js';

const [upstream, redis, timeout] = process.argv.slice(2);
const store = redisStore({ url: redis, timeout: Number(timeout) });
const mashup = createMashup({ cache: { store } });
const app = express();
const page = mashup(
  { a: { url: `${upstream}/{params.id}`, cache: { ttl: 600_000, tags: ['all-{params.id}'] }, forward: ['cookie'] } },
  { serverTiming: false },
);
app.get('/:id', page, (_req, res) => res.json({ a: res.locals.a, of: res.locals.mashup.a }));
const server = createServer(app).listen(0, '127.0.0.1');
await once(server, 'listening');

const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const commands = {
  purge: (tag) => mashup.purge({ tag }),
  stats: () => mashup.stats(),
  ready: async () => {
    while ((await store.log(null).catch(() => null)) === null) await new Promise((resolve) => setTimeout(resolve, 5));
  },
};
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const [name, argument] = JSON.parse(line);
    tell({ answer: (await commands[name](argument)) ?? null });
  })
  .on('close', async () => {
    server.close();
    server.closeAllConnections();
    await mashup.close();
    await store.close();
  });
tell({ answer: server.address().port });
