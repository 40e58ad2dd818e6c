// The process on the first core: one contender's page, in an Express app.
import { once } from 'node:events';
import express from 'express';
import { answer, config, cpu } from '../lib/child.js';

const given = config();
const { default: page } = await import(`../contenders/${given.contender}.js`);

const app = express();
app.get('/', await page(given.urls, given));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

/** Bytes, after everything that can be collected has been: `heap` is what JavaScript and its buffers hold. */
function memory() {
  for (let time = 0; time < 3; time++) globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

answer({
  port: () => server.address().port,
  cpu,
  memory,
});
