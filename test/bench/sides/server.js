// The process on the first core: one contender's page, in an Express app.
import { once } from 'node:events';
import express from 'express';
import { answer, config, cpu } from '../lib/child.js';

const { contender, urls, origin } = config();
const { default: page } = await import(`../contenders/${contender}.js`);

const app = express();
app.get('/', await page(urls, origin));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

answer({
  port: () => server.address().port,
  cpu,
});
