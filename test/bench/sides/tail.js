// The process on the first core for the table `tail`: pages that answer how long after their slowest upstream they ran.
import { once } from 'node:events';
import express from 'express';
import { request } from 'undici';
import { mashup } from '../../../dist/index.js';
import { answer, config } from '../lib/child.js';
import { now } from '../lib/clock.js';

const { urls } = config();
const names = urls.map((_, index) => `upstream${index}`);
const lastSent = (list) => Math.max(...list.map(({ sent }) => sent));
const get = async (url) => (await request(url)).body.json();

const app = express();

app.get('/request', async (_req, res) => {
  const list = await Promise.all(urls.map(get));
  res.json({ afterSent: now() - lastSent(list) });
});

app.get(
  '/express-mashup',
  (_req, res, next) => {
    res.locals.entered = performance.now();
    next();
  },
  mashup(Object.fromEntries(names.map((name, index) => [name, urls[index]])), { serverTiming: false }),
  (_req, res) => {
    const afterEntry = performance.now() - res.locals.entered;
    const afterSent = now() - lastSent(names.map((name) => res.locals[name]));
    const ended = Math.max(...names.map((name) => res.locals.mashup[name].timings.ended));
    res.json({ afterEnded: afterEntry - ended, afterSent });
  },
);

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
answer({ port: () => server.address().port });
