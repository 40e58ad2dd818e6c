// The process on the first core for the table `sick`: one instance, a page on healthy origins and one on an origin that hangs.
import { once } from 'node:events';
import express from 'express';
import { createMashup } from '../../../dist/index.js';
import { answer, config, cpu } from '../lib/child.js';
import { digest } from '../lib/payload.js';

const { urls, deadline, limits } = config();
const [hanging, ...healthy] = urls;
const names = healthy.map((_, index) => `upstream${index}`);
const mashup = createMashup({ limits });
const options = { serverTiming: false };

const app = express();
app.get('/', mashup(Object.fromEntries(names.map((name, index) => [name, healthy[index]])), options), (_req, res) => {
  res.json(digest(names.map((name) => res.locals[name])));
});
app.get('/sick', mashup({ sick: hanging }, { ...options, deadline }), (_req, res) => {
  res.json(res.locals.mashup.sick.error);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

answer({
  cpu,
  port: () => server.address().port,
  stats: () => mashup.stats()[new URL(hanging).origin] ?? { inFlight: 0, queued: 0 },
});
