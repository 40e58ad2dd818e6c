import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import { createMashup, type Mashup, type Upstream } from '../../src/index.js';
import { closeAll } from '../support/closing.js';
import { openPage } from '../support/site.js';
import { answer, healthy, RawUpstream } from './raw-upstream.js';
import { type PageReport, reportOf } from './report.js';

let upstream: RawUpstream;
let mashup: Mashup;

beforeEach(async () => {
  upstream = await RawUpstream.start();
  mashup = createMashup();
});
afterEach(async () => {
  await closeAll();
  await mashup.close();
  await upstream.close();
});

type Seen = PageReport['outcomes'][string] & { data: unknown };

const seen = ({ outcomes, data }: PageReport): Seen => ({ ...(outcomes['it'] as Seen), data: data['it'] });

/**
 * What becomes of requests that begin on a kept connection in the same turn of the event loop in which this happens to it. The
 * run begins in a timer, so that the loop looks for what has come before it lets the request go.
 */
async function seenWhen(happens: (socket: Socket) => void, entry: Upstream, rounds: number): Promise<Seen[]> {
  const before: RequestHandler = (_req, _res, next) => {
    setTimeout(() => {
      for (const socket of upstream.sockets) happens(socket);
      next();
    }, 0);
  };
  const first = await openPage({ it: `${upstream.origin}/first` }, { mashup });
  const then = await openPage({ it: entry }, { mashup, before });
  const all: Seen[] = [];
  for (let round = 0; round < rounds; round++) {
    expect(seen(reportOf(await first()))).toMatchObject({ status: 'success' });
    expect(upstream.sockets.size).toBe(1);
    all.push(seen(reportOf(await then())));
  }
  return all;
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
    const all = await seenWhen(happens, entry as Upstream, rounds);
    const good = { status: 'success', attempts: 1, code: null, data: method === 'HEAD' ? null : { path: '/it' } };
    expect(all).toEqual(Array.from({ length: rounds }, () => good));
    expect(requests()).toEqual(Array.from({ length: rounds }, () => method));
  });
});

test('a request whose new connection is refused is CONNECT', async () => {
  const refuse = (socket: Socket) => {
    void upstream.refuse();
    socket.resetAndDestroy();
  };
  const [only] = await seenWhen(refuse, { url: `${upstream.origin}/it`, method: 'POST' }, 1);
  expect(only).toMatchObject({ status: 'error', attempts: 1, code: 'ERR_UPSTREAM_CONNECT' });
});

test('a POST whose new connection is reset under it is not sent again', async () => {
  upstream.behaviour = {
    onRequest: (socket, request) => {
      if (request.path === '/it') socket.resetAndDestroy();
      else healthy.onRequest?.(socket, request);
    },
  };
  const entry = { url: `${upstream.origin}/it`, method: 'POST' } as const;
  const [only] = await seenWhen((socket) => void socket.resetAndDestroy(), entry, 1);
  expect(only).toMatchObject({ status: 'error', attempts: 1, code: 'ERR_UPSTREAM_NETWORK' });
  expect(requests()).toEqual(['POST']);
});

test('a request that is not valid HTTP is sent on no kept connection, and not again', async () => {
  const entry = { url: `${upstream.origin}/it`, headers: () => ({ 'x-bad': 'a\nb' }) };
  const [only] = await seenWhen(() => {}, entry, 1);
  expect(only).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_HOOK' });
  expect(requests()).toEqual([]);
});
