import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Outcome, UpstreamOptions } from '../../src/index.js';
import { type Asked, type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { type Site, startSite, type Visit } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const outcome = async (visit: Promise<Visit>): Promise<Outcome> => (await visit).locals.mashup['a'] as Outcome;

/** A page whose only upstream is hedged after 100 ms, with both of its attempts under way. */
async function race(options: Partial<UpstreamOptions> = {}): Promise<{ visit: Promise<Visit>; asked: [Asked, Asked] }> {
  const visit = site.visit({ a: { url: url('/a'), hedge: 100, ...options } }, { deadline: 1000 });
  const first = await backend.asked('/a');
  site.clock.advance(100);
  return { visit, asked: [first, await backend.asked('/a')] };
}

describe('a hedge is sent', () => {
  test('when the first attempt has not answered after the delay, and not before', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100 } });
    await backend.asked('/a');
    site.clock.advance(99);
    expect(site.begun).toBe(1);
    site.clock.advance(1);
    expect(site.begun).toBe(2);
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test('once: there is no third attempt', async () => {
    const { visit, asked } = await race();
    site.clock.advance(800);
    expect(site.begun).toBe(2);
    asked[0].reply(1);
    await visit;
  });

  test('not for an answer that comes before', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100 } });
    const a = await backend.asked('/a');
    site.clock.advance(99);
    a.reply(1);
    expect(await outcome(visit)).toMatchObject({ status: 'success', attempts: 1 });
    expect(site.clock.pending).toBe(0);
    site.clock.advance(100);
    expect(backend.seen).toHaveLength(1);
  });

  test('for one whose head has come and whose body has not', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100 } });
    const first = await backend.asked('/a');
    first.begin('[1,');
    site.clock.advance(100);
    (await backend.asked('/a')).reply([2]);
    expect((await visit).locals['a']).toEqual([2]);
    await first.closed;
  });

  test('with the same method and headers', async () => {
    const visit = site.visit({ a: { url: url('/a'), method: 'HEAD', headers: { 'x-key': 'k' }, hedge: 100 } });
    await backend.asked('/a');
    site.clock.advance(100);
    const hedge = await backend.asked('/a');
    expect(hedge).toMatchObject({ method: 'HEAD', headers: { 'x-key': 'k' } });
    hedge.reply(null);
    expect(await outcome(visit)).toMatchObject({ status: 'success', data: null });
  });

  test('not where the deadline comes first', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100, timeout: 100 } });
    await backend.asked('/a');
    site.clock.advance(100);
    expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' }, attempts: 1 });
    expect(site.begun).toBe(1);
  });
});

describe('the first success wins', () => {
  test('that of the hedge: the first attempt is aborted, and its connection closed', async () => {
    const { visit, asked } = await race();
    site.clock.advance(50);
    asked[1].reply('hedge');
    expect(await outcome(visit)).toMatchObject({
      status: 'success',
      data: 'hedge',
      error: null,
      source: 'network',
      attempts: 2,
      timings: { ready: 0, started: 0, firstByte: 150, ended: 150 },
    });
    await asked[0].closed;
    expect(site.clock.pending).toBe(0);
  });

  test('that of the first attempt: the hedge is aborted, and its connection closed', async () => {
    const { visit, asked } = await race();
    asked[0].reply('first');
    expect(await outcome(visit)).toMatchObject({ data: 'first', attempts: 2, timings: { firstByte: 100 } });
    await asked[1].closed;
  });

  test('and the connection of the winner is kept', async () => {
    const { origin, requests } = await startServer();
    const visit = site.visit({ a: { url: `${origin}/`, hedge: 100 } });
    await requests(1);
    site.clock.advance(100);
    const [, [request, response]] = (await requests(2)) as [Exchange, Exchange];
    response.end('1');
    await visit;
    const next = site.visit({ a: `${origin}/` });
    const third = (await requests(3))[2] as Exchange;
    expect(third[0].socket).toBe(request.socket);
    third[1].end();
    await next;
  });

  test.each([
    ['the hedge', 1, 0],
    ['the first attempt', 0, 1],
  ])('a fast 500 of %s does not beat a slow 200', async (_which, fast, slow) => {
    const { visit, asked } = await race();
    (asked[fast] as Asked).reply('no', { status: 500 });
    await answered(1);
    site.clock.advance(200);
    (asked[slow] as Asked).reply('yes');
    const { status, data, timings, response } = await outcome(visit);
    expect({ status, data, answer: response?.status }).toEqual({ status: 'success', data: 'yes', answer: 200 });
    // Of the answer that is the outcome's.
    expect(timings).toEqual({ ready: 0, started: 0, firstByte: 300, ended: 300 });
  });

  test('a connection that breaks does not beat a slow 200', async () => {
    const { origin, requests } = await startServer();
    const visit = site.visit({ a: { url: `${origin}/`, hedge: 100 } });
    await requests(1);
    site.clock.advance(100);
    const [first, second] = (await requests(2)) as [Exchange, Exchange];
    first[0].socket.destroy();
    await answered(1, origin);
    second[1].setHeader('content-type', 'text/plain').end('yes');
    expect(await outcome(visit)).toMatchObject({ status: 'success', data: 'yes', attempts: 2 });
  });

  test('what validateStatus accepts is a success', async () => {
    const { visit, asked } = await race({ validateStatus: (status) => status === 404 });
    asked[1].reply('none', { status: 404 });
    expect(await outcome(visit)).toMatchObject({ status: 'success', data: 'none' });
    await asked[0].closed;
  });

  test('a validateStatus that throws is told of, once both have been judged', async () => {
    const { visit, asked } = await race({
      validateStatus: () => {
        throw new Error('oh');
      },
    });
    asked[1].reply(1);
    await answered(1);
    asked[0].reply(1);
    expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_HOOK' }, attempts: 2 });
  });
});

describe('where nothing succeeds', () => {
  test('a failure before the delay is returned at once, without a hedge', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100 } });
    (await backend.asked('/a')).reply('no', { status: 500 });
    expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_STATUS' }, attempts: 1 });
    expect(site.clock.pending).toBe(0);
  });

  test.each([
    ['of the first attempt', 0, 1],
    ['of the hedge', 1, 0],
  ] as const)("the failure that comes first is the call's: that %s", async (_whose, fast, slow) => {
    const { visit, asked } = await race();
    asked[fast].reply('no', { status: 501 });
    await answered(1);
    site.clock.advance(50);
    asked[slow].reply('no', { status: 502 });
    expect(await outcome(visit)).toMatchObject({
      status: 'error',
      error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 501, attempts: 2 },
      response: { status: 501 },
      timings: { firstByte: 100, ended: 150 },
    });
  });

  test('an answer, if only of failure, goes before none', async () => {
    const { origin, requests } = await startServer();
    const visit = site.visit({ a: { url: `${origin}/`, hedge: 100 } });
    await requests(1);
    site.clock.advance(100);
    const [first, second] = (await requests(2)) as [Exchange, Exchange];
    second[0].socket.destroy();
    await answered(1, origin);
    first[1].writeHead(500).end();
    expect(await outcome(visit)).toMatchObject({ error: { upstreamStatus: 500 }, response: { status: 500 } });
  });

  test('an attempt that is late by itself fails alone', async () => {
    const { visit, asked } = await race({ attemptTimeout: 150 });
    site.clock.advance(50);
    await asked[0].closed;
    site.clock.advance(49);
    asked[1].reply('hedge');
    expect(await outcome(visit)).toMatchObject({ status: 'success', data: 'hedge', timings: { ended: 199 } });
  });

  test('when both are late by themselves the call is', async () => {
    const { visit } = await race({ attemptTimeout: 150 });
    site.clock.advance(150);
    expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' }, timings: { ended: 250 } });
  });
});

type Exchange = [IncomingMessage, ServerResponse];

/** A server whose requests are the test's to answer. */
async function startServer(): Promise<{ origin: string; requests: (count: number) => Promise<Exchange[]> }> {
  const seen: Exchange[] = [];
  const server = await listen(createServer((...exchange) => void seen.push(exchange)));
  const requests = async (count: number) => {
    while (seen.length < count) await settled();
    return seen;
  };
  return { origin: originOf(server), requests };
}

/** Resolves when so many attempts have ended. */
async function answered(count: number, origin = backend.origin): Promise<void> {
  const ended = () => Object.values(site.mashup.stats().origins[origin]?.outcomes ?? {}).reduce((a, b) => a + b, 0);
  while (ended() < count) await settled();
}
