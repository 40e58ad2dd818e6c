import assert from 'node:assert/strict';
import { once } from 'node:events';
import { inspect } from 'node:util';
import express from 'express';
import { createMashup, mashup, multiGet } from 'express-mashup';

const [users, orders] = process.argv.slice(2);
const upstreams = {
  user: { url: `${users}/users/{params.id}`, required: true },
  orders: `${orders}/orders?account={user.account}`,
};
const show = (_req, res) => res.json({ user: res.locals.user, orders: res.locals.orders });

const instance = createMashup();
const app = express();
app.get('/p/:id', mashup(upstreams), show);
app.get('/own/:id', instance(upstreams), show);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${server.address().port}`;
const answers = [];
for (const path of ['/p/7', '/own/7']) answers.push(await (await fetch(base + path)).json());
// What is printed of errors is the classes' own names.
const [[, , { error }]] = await multiGet([`${users}/nobody`]);
assert.match(inspect(error), /^UpstreamError: /);
assert.throws(
  () => mashup({ a: 1 }),
  (problem) => /^ConfigError: /.test(inspect(problem)),
);
server.close();
await instance.close();
console.log(JSON.stringify(answers));
