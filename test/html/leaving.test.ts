import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import express, { type RequestHandler } from 'express';
import fc from 'fast-check';
import { html, late, send } from '../../src/html/index.js';
import type { Outcome } from '../../src/index.js';
import { json, listen, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { memoryInUse } from '../support/memory.js';
import { newMashup } from '../support/site.js';
import { isSoak } from '../support/soak.js';

afterEach(closeAll);

function ask(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  closeLater(() => socket.destroy());
  return socket;
}

test('pages whose clients do not read take no more memory than what is printed at once', async () => {
  const row = html`<p>${'x'.repeat(93)}</p>`;
  const rows = Array<typeof row>(100_000).fill(row);
  const app = express();
  app.get('/', (_req, res) => send(res, html`<body>${rows}</body>`));
  const connections: Socket[] = [];
  const server = await listen(createServer(app).on('connection', (socket) => connections.push(socket)));
  const { port } = server.address() as { port: number };
  const begin = async () => {
    const socket = ask(port).pause();
    // The system's buffers are full when no more is taken.
    for (let before = -1, now = 0; now > before; now = await bytesRead(socket)) before = now;
    return socket;
  };
  await begin();
  const before = await memoryInUse();
  for (let count = 0; count < 20; count++) await begin();
  // 10 MB each otherwise.
  expect((await memoryInUse()) - before).toBeLessThan(20 * 300_000);

  /** What the server has written to a connection by now. */
  async function bytesRead(socket: Socket): Promise<number> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    return connections.find(({ remotePort }) => remotePort === socket.localPort)?.bytesWritten ?? 0;
  }
});

test('clients that leave at any moment leave nothing behind', async () => {
  const pages = isSoak ? 2000 : 200;
  const upstream = await startUpstream((response, { url }) => {
    const { n } = Object.fromEntries(new URL(url, 'http://a').searchParams);
    // Some after turns of the event loop, some with an error, some never.
    const turns = Number(n) % 7;
    const answer = (left: number) => {
      if (left > 0) setImmediate(answer, left - 1);
      else if (Number(n) % 3 === 0) response.writeHead(500).end();
      else json(response, { n });
    };
    if (turns !== 6) answer(turns * 3);
  });
  const mashup = newMashup();
  const url = `${upstream.origin}/?n={params.n}`;
  const page = mashup({
    a: { url: `${url}1`, defer: true },
    b: { url: `${url}2`, defer: true },
    c: { url: `${url}3`, defer: true, fallback: 'instead' },
    d: { url: `${url}4`, timeout: 50 },
  }) as unknown as RequestHandler;
  const errors: unknown[] = [];
  const outcomes: Outcome[] = [];
  const app = express();
  app.get('/:n', page, (_req, res) => {
    res.on('error', (error) => errors.push(error));
    outcomes.push(...Object.values(res.locals['mashup'] as Record<string, Outcome>));
    const part = (name: string) =>
      late(res.locals[name] as Promise<unknown>, {
        wait: name.repeat(1000),
        ok: (data) =>
          html`<p>${JSON.stringify(data)}${late(Promise.resolve(name), { ok: (text) => text.repeat(20_000) })}</p>`,
        fail: ({ status }) => status,
      });
    send(
      res,
      html`<body>${['a', 'b', 'c'].map(part)}${Promise.reject(new Error('also this')).catch(() => 'text')}</body>`,
    );
  });
  const server = await listen(createServer(app));
  const { port } = server.address() as { port: number };
  const moments = fc.sample(fc.tuple(fc.nat(1000), fc.nat(40), fc.boolean()), { numRuns: pages, seed: 3 });
  const visit = async ([n, turns, isReset]: [number, number, boolean]) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.resume().write(`GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (let turn = 0; turn < turns * 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (isReset) socket.resetAndDestroy();
    else socket.destroy();
    await closed;
  };
  for (let at = 0; at < pages; at += 50) await Promise.all(moments.slice(at, at + 50).map(visit));
  while (outcomes.some(({ status }) => status === 'pending')) await new Promise((resolve) => setImmediate(resolve));
  expect(errors).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(pages);
  while ((await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))) > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
});
