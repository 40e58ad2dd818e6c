import type { Socket } from 'node:net';
import express from 'express';
import { createMashup, type Mashup, type Upstream } from '../../src/index.js';
import { getJson, listen } from './page.js';
import { answer, healthy, RawUpstream } from './raw-upstream.js';

let upstream: RawUpstream;
let mashup: Mashup;

beforeEach(async () => {
  upstream = await RawUpstream.start();
  mashup = createMashup();
});
afterEach(async () => {
  await mashup.close();
  await upstream.close();
});

interface Seen {
  status: string;
  attempts: number;
  code: string | null;
  data: unknown;
}

/**
 * What becomes of requests that begin on a kept connection in the same turn of the event loop in which this happens to it. The
 * run begins in a timer, so that the loop looks for what has come before it lets the request go.
 */
async function seenWhen(happens: (socket: Socket) => void, entry: Upstream, rounds: number): Promise<Seen[]> {
  const app = express();
  const page = mashup({ it: entry }) as express.RequestHandler;
  const report: express.RequestHandler = (_req, res) => {
    const { status, attempts, error, data } = res.locals['mashup'].it;
    res.json({ status, attempts, code: error?.code ?? null, data });
  };
  app.get('/first', mashup({ it: `${upstream.origin}/first` }) as express.RequestHandler, report);
  app.get(
    '/then',
    (_req, _res, next) => {
      setTimeout(() => {
        for (const socket of upstream.sockets) happens(socket);
        next();
      }, 0);
    },
    page,
    report,
  );
  const server = await listen(app);
  try {
    const seen: Seen[] = [];
    for (let round = 0; round < rounds; round++) {
      expect(await getJson(server, '/first')).toMatchObject({ status: 'success' });
      expect(upstream.sockets.size).toBe(1);
      seen.push((await getJson(server, '/then')) as Seen);
    }
    return seen;
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const data = { POST: { a: 1 }, PUT: { a: 1 }, PATCH: { a: 1 } };

/** The requests that came but for those that only made a connection. */
const requests = () => upstream.heads.filter((head) => !head.includes(' /first ')).map((head) => head.split(' ')[0]);

describe.each<[string, number, (socket: Socket) => void]>([
  ['is reset', 20, (socket) => void socket.resetAndDestroy()],
  ['is closed', 5, (socket) => void socket.destroy()],
  ['is ended', 5, (socket) => void socket.end()],
  ['says something that is not HTTP', 5, (socket) => void socket.write('nonsense\r\n\r\n')],
  ['says something that nobody asked for', 5, (socket) => void socket.write(answer('"stray"'))],
])('a kept connection that %s in the turn in which a request begins, %i times', (_what, rounds, happens) => {
  test.each(methods)('costs nothing: %s is sent once, on a new connection', async (method) => {
    const entry = { url: `${upstream.origin}/it`, method, data: data[method as keyof typeof data] };
    const seen = await seenWhen(happens, entry as Upstream, rounds);
    const good = { status: 'success', attempts: 1, code: null, data: method === 'HEAD' ? null : { path: '/it' } };
    expect(seen).toEqual(Array.from({ length: rounds }, () => good));
    expect(requests()).toEqual(Array.from({ length: rounds }, () => method));
  });
});

test('a request whose new connection is refused is CONNECT', async () => {
  const refuse = (socket: Socket) => {
    void upstream.refuse();
    socket.resetAndDestroy();
  };
  const [seen] = await seenWhen(refuse, { url: `${upstream.origin}/it`, method: 'POST' }, 1);
  expect(seen).toMatchObject({ status: 'error', attempts: 1, code: 'ERR_UPSTREAM_CONNECT' });
});

test('a POST whose new connection is reset under it is not sent again', async () => {
  upstream.behaviour = {
    onRequest: (socket, request) => {
      if (request.path === '/it') socket.resetAndDestroy();
      else healthy.onRequest?.(socket, request);
    },
  };
  const entry = { url: `${upstream.origin}/it`, method: 'POST' } as const;
  const [seen] = await seenWhen((socket) => void socket.resetAndDestroy(), entry, 1);
  expect(seen).toMatchObject({ status: 'error', attempts: 1, code: 'ERR_UPSTREAM_NETWORK' });
  expect(requests()).toEqual(['POST']);
});

test('a request that is not valid HTTP is sent on no kept connection, and not again', async () => {
  const entry = { url: `${upstream.origin}/it`, headers: () => ({ 'x-bad': 'a\nb' }) };
  const [seen] = await seenWhen(() => {}, entry, 1);
  expect(seen).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_HOOK' });
  expect(requests()).toEqual([]);
});
