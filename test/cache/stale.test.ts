import type { StandardSchema } from '../../src/standard-schema.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { MemoryStore } from '../support/memory-store.js';
import { type AskPage, CachedSite } from './cached-page.js';

let backend: Backend;
let site: CachedSite;

beforeEach(async () => {
  backend = await startBackend();
  site = new CachedSite();
});
afterEach(closeAll);

const url = (path = '/a') => backend.origin + path;
const SECOND = 1000;

describe('stale-while-revalidate', () => {
  test('uses the stale copy at once, refreshes it once behind the page, and then uses the fresh one', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: SECOND, swr: 10 * SECOND } });
    await ask();
    backend.answer('/a', 2);
    site.clock.advance(2 * SECOND);
    const outcomes = [await ask(), await ask()];
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'success', data: 1, source: 'stale', attempts: 0, error: null });
      expect(outcome.cache).toMatchObject({ status: 'stale', age: 2 * SECOND, stored: false });
      expect(outcome.cache?.ttl).toBeLessThan(0);
    }
    await site.idle();
    expect(await ask()).toMatchObject({ data: 2, source: 'cache' });
    expect(backend.seen).toHaveLength(2);
    expect(site.clock.pending).toBe(0);
  });

  test('ends: after that the page waits for a fresh answer', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: SECOND, swr: SECOND } });
    await ask();
    backend.answer('/a', 2);
    site.clock.advance(2 * SECOND);
    expect(await ask()).toMatchObject({ data: 2, source: 'network', cache: { status: 'miss', why: 'stale' } });
  });

  test('a refresh that hangs is ended by the time of a call, and another is tried after a second', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url('/a'), timeout: 300, cache: { ttl: SECOND, swr: 60 * SECOND } });
    await ask();
    backend.forget('/a');
    site.clock.advance(2 * SECOND);
    await ask();
    const asked = await backend.asked('/a');
    site.clock.advance(300);
    await asked.closed;
    await site.idle();
    await ask();
    expect(backend.seen).toHaveLength(2);
    site.clock.advance(SECOND);
    await ask();
    (await backend.asked('/a')).reply(3);
    await site.idle();
    expect((await ask()).data).toBe(3);
    expect(site.clock.pending).toBe(0);
  });

  test('the refresh goes on when the client has left', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: SECOND, swr: 60 * SECOND } });
    await ask();
    backend.forget('/a');
    site.clock.advance(2 * SECOND);
    const controller = new AbortController();
    await ask({ signal: controller.signal });
    const asked = await backend.asked('/a');
    controller.abort();
    asked.reply(2);
    await site.idle();
    expect((await ask()).data).toBe(2);
  });

  test('a call without a usable copy shares the request of a refresh', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: SECOND, swr: SECOND } });
    await ask();
    backend.forget('/a');
    site.clock.advance(1.5 * SECOND);
    await ask();
    const asked = await backend.asked('/a');
    site.clock.advance(SECOND);
    const waiting = ask();
    await settled();
    asked.reply(2);
    expect(await waiting).toMatchObject({ data: 2, source: 'shared' });
    expect(backend.seen).toHaveLength(2);
  });
});

describe('stale-if-error', () => {
  const cache = { ttl: SECOND, staleIfError: 60 * SECOND };

  /** Asks once for an answer to be stored, and makes it stale. */
  async function stored(options: object = {}, pageOptions: object = {}) {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache, ...options }, pageOptions);
    await ask();
    backend.forget('/a');
    site.clock.advance(2 * SECOND);
    return ask;
  }

  test.each([500, 503, 429])('a status %d gives the stale copy, and says what went wrong', async (status) => {
    const ask = await stored();
    backend.answer('/a', 'broken', { status });
    const outcome = await ask();
    expect(outcome).toMatchObject({ status: 'success', data: 1, source: 'stale', attempts: 1 });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: status });
    expect(outcome.cache).toMatchObject({ status: 'stale', why: 'error', stored: false });
  });

  test.each([401, 403, 404, 410])('a status %d is an answer, and no reason for a stale copy', async (status) => {
    const ask = await stored();
    backend.answer('/a', 'no', { status });
    expect(await ask()).toMatchObject({ status: 'error', data: null, source: null, error: { upstreamStatus: status } });
  });

  test('a connection that breaks gives it', async () => {
    const ask = await stored();
    const waiting = ask();
    // A GET on a connection that was kept is repeated once.
    for (const _ of [1, 2]) (await backend.asked('/a')).cut();
    expect(await waiting).toMatchObject({ data: 1, source: 'stale', error: { code: 'ERR_UPSTREAM_NETWORK' } });
  });

  test('an answer that cannot be read gives it', async () => {
    const ask = await stored();
    const waiting = ask();
    (await backend.asked('/a')).replyText('{');
    expect(await waiting).toMatchObject({ data: 1, source: 'stale', error: { code: 'ERR_UPSTREAM_BODY' } });
  });

  test('the timeout of the call gives it', async () => {
    const ask = await stored({ timeout: 100 });
    const waiting = ask();
    await backend.asked('/a');
    site.clock.advance(100);
    expect(await waiting).toMatchObject({
      status: 'success',
      data: 1,
      source: 'stale',
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
    });
  });

  test('the deadline gives it, also where the upstream is required', async () => {
    const ask = await stored({ required: true }, { deadline: 500 });
    const waiting = ask();
    await backend.asked('/a');
    site.clock.lag(700);
    expect(await waiting).toMatchObject({
      status: 'success',
      data: 1,
      source: 'stale',
      error: { code: 'ERR_UPSTREAM_DEADLINE' },
    });
  });

  test('the deadline gives it where its data is read asynchronously, and cannot be kept', async () => {
    const validate = async (value: unknown) => ({ value: new Date(value as number) });
    const schema: StandardSchema<unknown, Date> = { '~standard': { version: 1, vendor: 'test', validate } };
    const ask = site.page({ url: url(), schema, cache }, { deadline: 500 });
    backend.answer('/a', 7);
    expect((await ask()).data).toEqual(new Date(7));
    site.clock.advance(2 * SECOND);
    backend.forget('/a');
    const waiting = ask();
    await backend.asked('/a');
    site.clock.advance(500);
    expect(await waiting).toMatchObject({ status: 'success', source: 'stale', data: new Date(7) });
  });

  test('it goes before a fallback, and the fallback is used where there is no copy any more', async () => {
    const ask = await stored({ fallback: 'fallback' });
    backend.answer('/a', 'broken', { status: 500 });
    expect((await ask()).data).toBe(1);
    site.clock.advance(60 * SECOND);
    expect(await ask()).toMatchObject({ status: 'fallback', data: 'fallback', source: null });
  });

  test('an open breaker and a used-up quota give it', async () => {
    const breaker = { minimum: 1, window: 10_000, halfOpenAfter: 5000 };
    const ask = await stored({ breaker });
    // The answer that was stored counts as well.
    site.clock.advance(10_000);
    backend.answer('/a', 'broken', { status: 500 });
    await ask();
    expect(await ask()).toMatchObject({ source: 'stale', attempts: 0, error: { code: 'ERR_UPSTREAM_CIRCUIT_OPEN' } });
    const limited = await stored({ quota: { requests: 1, per: 3_600_000 }, headers: { 'x-other': 'key' } });
    expect(await limited()).toMatchObject({ source: 'stale', error: { code: 'ERR_UPSTREAM_QUOTA' } });
  });

  test('dependents of the upstream get the stale data', async () => {
    backend.answer('/a', { id: 7 });
    backend.answer('/b/7', 'b');
    const page = site.mashup({
      a: { url: url(), cache },
      b: `${backend.origin}/b/{a.id}`,
    });
    await page.run();
    backend.answer('/a', 'broken', { status: 500 });
    site.clock.advance(2 * SECOND);
    expect((await page.run()).data).toEqual({ a: { id: 7 }, b: 'b' });
  });

  test('what was given up because a required upstream failed has none', async () => {
    backend.answer('/a', 1);
    backend.answer('/r', 1);
    const page = site.mashup({ a: { url: url(), cache }, r: { url: url('/r'), required: true } });
    await page.run();
    site.clock.advance(2 * SECOND);
    backend.forget('/a');
    backend.answer('/r', 1, { status: 500 });
    await expect(page.run()).rejects.toMatchObject({ upstream: 'r' });
  });
});

describe('a stale copy is not used any more', () => {
  const stale = { swr: 60 * SECOND, staleIfError: 60 * SECOND };

  test.each([401, 403, 404, 410])('once the upstream has answered %i, in memory and in a store', async (status) => {
    const store = new MemoryStore(site.clock);
    const machines = [new CachedSite({ store }, site.clock), new CachedSite({ store }, site.clock)];
    await settled();
    const [ask, other] = machines.map((one) => one.page({ url: url(), cache: { ttl: SECOND, ...stale } })) as [
      AskPage,
      AskPage,
    ];
    backend.answer('/a', 'secret');
    await ask();
    site.clock.advance(2 * SECOND);
    backend.answer('/a', 'not any more', { status });
    expect(await ask()).toMatchObject({ data: 'secret', source: 'stale' });
    await machines[0]?.idle();
    backend.answer('/a', 'broken', { status: 503 });
    for (const one of [ask, other]) expect((await one()).status).toBe('error');
  });

  test.each([
    ['must not be stored', { 'cache-control': 'no-store' }],
    ['is for one user', { 'cache-control': 'private' }],
  ])('once there is an answer that %s', async (_what, headers) => {
    const ask = site.page({ url: url(), cache: stale });
    backend.answer('/a', 1, { headers: { 'cache-control': 'max-age=1' } });
    await ask();
    site.clock.advance(2 * SECOND);
    backend.answer('/a', 2, { headers });
    await ask();
    await site.idle();
    expect(await ask()).toMatchObject({ data: 2, source: 'network' });
  });

  test('once a 304 has forbidden to store it', async () => {
    const ask = site.page({ url: url(), cache: stale });
    backend.answer('/a', 1, { headers: { 'cache-control': 'max-age=1', etag: '"1"' } });
    await ask();
    site.clock.advance(2 * SECOND);
    backend.answer('/a', 0, { status: 304, headers: { 'cache-control': 'no-store' } });
    await ask();
    await site.idle();
    backend.answer('/a', 0, { status: 500 });
    expect((await ask()).status).toBe('error');
  });

  test.each([429, 500, 503])('but is where it answered %i: that says nothing of it', async (status) => {
    const ask = site.page({ url: url(), cache: { ttl: SECOND, ...stale } });
    backend.answer('/a', 1);
    await ask();
    site.clock.advance(2 * SECOND);
    backend.answer('/a', 0, { status });
    await ask();
    await site.idle();
    expect(await ask()).toMatchObject({ data: 1, source: 'stale' });
  });
});

describe('softTimeout', () => {
  const cache = { ttl: SECOND, staleIfError: 60 * SECOND, softTimeout: 100 };

  test('uses the stale copy when it has passed; the request goes on and fills the cache', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache });
    await ask();
    backend.forget('/a');
    site.clock.advance(2 * SECOND);
    const waiting = ask();
    const asked = await backend.asked('/a');
    site.clock.advance(100);
    expect(await waiting).toMatchObject({
      status: 'success',
      data: 1,
      source: 'stale',
      error: null,
      attempts: 1,
      cache: { status: 'stale', why: 'soft-timeout' },
    });
    asked.reply(2);
    await site.idle();
    expect(await ask()).toMatchObject({ data: 2, source: 'cache' });
    expect(backend.seen).toHaveLength(2);
    expect(site.clock.pending).toBe(0);
  });

  test('does nothing where there is no copy', async () => {
    const ask = site.page({ url: url(), cache });
    const waiting = ask();
    const asked = await backend.asked('/a');
    site.clock.advance(100);
    asked.reply(1);
    expect(await waiting).toMatchObject({ data: 1, source: 'network' });
  });

  test('an answer before it is used', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache });
    await ask();
    backend.answer('/a', 2);
    site.clock.advance(2 * SECOND);
    expect(await ask()).toMatchObject({ data: 2, source: 'network' });
    expect(site.clock.pending).toBe(0);
  });
});
