import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createMashup, type MashupLocals, mashup, type Outcome, upstream } from 'express-mashup';

interface User {
  name: string;
  account: string;
}

const [users, orders] = process.argv.slice(2);
const upstreams = {
  user: upstream<User>({ url: `${users}/users/{params.id}`, required: true }),
  orders: upstream<number[]>(`${orders}/orders?account={user.account}`),
};

async function main(): Promise<void> {
  const instance = createMashup();
  const page = instance(upstreams);
  const app = express();
  app.get('/p/:id', mashup(upstreams), (_req, res) => {
    const user: User = res.locals.user;
    // @ts-expect-error it may be null: it is not required
    const orders: number[] = res.locals.orders;
    const outcome: Outcome<number[] | null> = res.locals.mashup.orders;
    res.json({ user, orders: outcome.data === null ? [] : orders });
  });
  app.get('/own/:id', page, (_req, res) => {
    const { user, orders }: MashupLocals<typeof page> = res.locals;
    res.json({ user, orders });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answers: unknown[] = [];
  for (const path of ['/p/7', '/own/7']) answers.push(await (await fetch(base + path)).json());
  server.close();
  await instance.close();
  console.log(JSON.stringify(answers));
}

main();
