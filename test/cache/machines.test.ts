import { jest } from '@jest/globals';
import type { Outcome, UpstreamOptions } from '../../src/index.js';
import { type Asked, type Backend, json, startBackend, startUpstream } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { MemoryStore } from '../support/memory-store.js';
import { CachedSite } from './cached-page.js';

let backend: Backend;
let clock: ManualClock;
let store: MemoryStore;
let warnings: string[];

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
  store = new MemoryStore(clock);
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((warning: unknown) => {
    warnings.push(String(warning));
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path = '/a') => backend.origin + path;
const MINUTE = 60_000;

/** A machine, which has read the log. */
async function machine(): Promise<CachedSite> {
  const site = new CachedSite({ store }, clock);
  await settled();
  return site;
}

const page = (site: CachedSite, options: Partial<UpstreamOptions> = {}) =>
  site.page({ url: url(), cache: { ttl: MINUTE, staleIfError: MINUTE, tags: ['one'] }, ...options });

/** Lets a run end whose store is looked at again and again. */
async function ended(run: Promise<Outcome>): Promise<Outcome> {
  let outcome: Outcome | undefined;
  void run.then((value) => {
    outcome = value;
  });
  while (outcome === undefined) {
    await settled();
    if (outcome === undefined) clock.advance(1);
  }
  return outcome;
}

describe('what one machine has fetched', () => {
  test('another uses, without asking, for as long as it is fresh', async () => {
    backend.answer('/a', { n: 1 }, { headers: { 'x-of': 'the upstream' } });
    const [one, two] = [page(await machine()), page(await machine())];
    const ttl = (await one()).cache?.ttl as number;
    await settled();
    clock.advance(1000);
    const hit = await two();
    expect(hit).toMatchObject({ data: { n: 1 }, source: 'cache', attempts: 0 });
    expect(hit.cache).toMatchObject({ status: 'hit', age: 1000, stored: false, why: null });
    expect(hit.cache?.ttl).toBeCloseTo(ttl - 1000, 1);
    expect(hit.response).toMatchObject({ status: 200, url: url(), headers: { 'x-of': 'the upstream' } });
    expect(Object.isFrozen(hit.data)).toBe(true);
    expect(backend.seen).toHaveLength(1);
    store.calls.length = 0;
    expect((await two()).source).toBe('cache');
    expect(store.calls).toEqual([]);
    clock.advance(ttl);
    expect((await two()).source).toBe('network');
  });

  test('is asked for again where a request says that it must be', async () => {
    backend.answer('/a', 1);
    const options = (control: string) => ({
      headers: { 'cache-control': control },
      cache: { ttl: MINUTE, keyHeaders: [] },
    });
    await page(await machine(), options('max-age=60'))();
    await settled();
    clock.advance(2000);
    backend.answer('/a', 2);
    expect((await page(await machine(), options('max-age=60'))()).data).toBe(1);
    expect((await page(await machine(), options('max-age=1'))()).data).toBe(2);
    backend.answer('/a', 3);
    expect((await page(await machine(), options('no-cache'))()).data).toBe(3);
  });

  test('is of nobody else: headers tell users apart in the store too', async () => {
    const upstream = await startUpstream((response, { headers }) => json(response, headers['cookie']));
    const options = { url: upstream.origin, forward: ['cookie'], cache: { ttl: MINUTE, keyHeaders: [] } };
    const [one, two] = [(await machine()).page(options), (await machine()).page(options)];
    await one({ headers: { cookie: 'alice' } });
    await settled();
    expect(await two({ headers: { cookie: 'bob' } })).toMatchObject({ data: 'bob', source: 'network' });
    expect(await two({ headers: { cookie: 'alice' } })).toMatchObject({ data: 'alice', source: 'cache' });
    expect(JSON.stringify([...store.values.keys()])).not.toMatch(/alice|bob|127/);
  });

  test('is told apart by Vary, and all variants are kept', async () => {
    const upstream = await startUpstream((response, { headers }) => {
      response.setHeader('vary', 'accept-language');
      json(response, headers['accept-language']);
    });
    let language = 'nb';
    const options = {
      url: upstream.origin,
      headers: () => ({ 'accept-language': language }),
      cache: { ttl: MINUTE, keyHeaders: [] },
    };
    const one = (await machine()).page(options);
    await one();
    language = 'fr';
    await one();
    await settled();
    const two = (await machine()).page(options);
    for (const each of ['nb', 'fr']) {
      language = each;
      expect(await two()).toMatchObject({ data: each, source: 'cache' });
    }
    expect(upstream.sent).toHaveLength(2);
  });

  test('is used by another at once where it may be refreshed behind the page', async () => {
    const stale = { cache: { ttl: 1000, swr: MINUTE } };
    const [one, two] = [await machine(), await machine()];
    backend.answer('/a', 1);
    await page(one, stale)();
    await settled();
    clock.advance(2000);
    backend.forget('/a');
    const ask = page(two, stale);
    const outcomes = [ask(), ask()];
    for (const outcome of outcomes) {
      const expected = { data: 1, source: 'stale', attempts: 0, error: null, cache: { status: 'stale', why: null } };
      expect(await outcome).toMatchObject(expected);
    }
    (await backend.asked('/a')).reply(2);
    await two.idle();
    await settled();
    expect(await ask()).toMatchObject({ data: 2, source: 'cache' });
    expect(await page(await machine(), stale)()).toMatchObject({ data: 2, source: 'cache' });
    expect(backend.seen).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('can be revalidated by another', async () => {
    const upstream = await startUpstream((response, { headers }) => {
      const isSame = headers['if-none-match'] === '"v"';
      response.writeHead(isSame ? 304 : 200, {
        'content-type': 'application/json',
        etag: '"v"',
        'cache-control': 'max-age=10',
      });
      response.end(isSame ? undefined : '1');
    });
    const options = { url: upstream.origin, cache: true };
    await (await machine()).page(options)();
    await settled();
    const two = (await machine()).page(options);
    clock.advance(11_000);
    expect(await two()).toMatchObject({ data: 1, cache: { status: 'revalidated', why: 'uri-miss' } });
  });

  test('stays in memory where it is longer than 1 MiB', async () => {
    backend.answer('/a', 'x'.repeat(1024 * 1024));
    const options = { maxContentLength: 4_000_000 };
    const [one, two] = [page(await machine(), options), page(await machine(), options)];
    await one();
    expect((await one()).source).toBe('cache');
    expect(store.values.size).toBe(0);
    expect((await two()).source).toBe('network');
  });

  test('is used by another when that fails, as stale as it is', async () => {
    backend.answer('/a', 1);
    await page(await machine())();
    await settled();
    const two = page(await machine());
    clock.advance(MINUTE);
    backend.answer('/a', 0, { status: 500 });
    expect(await two()).toMatchObject({ data: 1, source: 'stale', error: { upstreamStatus: 500 } });
  });

  test('is no longer looked for once the instance is closed', async () => {
    backend.answer('/a', 1);
    await page(await machine())();
    await settled();
    const two = await machine();
    await two.mashup.close();
    expect((await page(two)()).source).toBe('network');
  });

  test('and cannot be read by a page of another machine is fetched anew by it', async () => {
    backend.answer('/a', { n: 1 });
    await page(await machine())();
    await settled();
    const two = page(await machine(), {
      transformResponse: (text: string) => {
        if (backend.seen.length === 1) throw new Error('not this one');
        return text;
      },
    });
    expect(await two()).toMatchObject({ status: 'success', source: 'network' });
  });
});

describe('what is not an entry of ours is a miss', () => {
  async function withValue(change: (bytes: Uint8Array) => Uint8Array | null): Promise<Outcome> {
    backend.answer('/a', 1);
    await page(await machine())();
    await settled();
    for (const [key, { value, until }] of [...store.values]) {
      const changed = change(value);
      if (changed === null) store.values.delete(key);
      else store.values.set(key, { value: changed, until });
    }
    return await page(await machine())();
  }

  test('(as it is, it is a hit)', async () => {
    expect((await withValue((bytes) => bytes)).source).toBe('cache');
  });

  test.each<[what: string, change: (bytes: Uint8Array) => Uint8Array | null]>([
    ['nothing', () => null],
    ['empty', () => new Uint8Array()],
    ['text', () => Buffer.from('hello')],
    ['truncated', (bytes) => bytes.slice(0, -1)],
    ['longer', (bytes) => Buffer.concat([bytes, Buffer.from('x')])],
    ['of another version', (bytes) => Buffer.concat([Buffer.from('mashup2\n'), bytes.slice(8)])],
    ['with a bit turned', (bytes) => bytes.map((byte, at) => (at === 60 ? byte ^ 1 : byte))],
    ['with another body', (bytes) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))],
  ])('%s', async (_what, change) => {
    expect(await withValue(change)).toMatchObject({ source: 'network', data: 1, cache: { why: 'uri-miss' } });
    expect(warnings).toEqual([]);
  });

  test('of another key', async () => {
    backend.answer('/a', 'a');
    backend.answer('/b', 'b');
    const one = await machine();
    await page(one)();
    await page(one, { url: url('/b') })();
    await settled();
    const [[first, a], [second, b]] = [...store.values] as [[string, never], [string, never]];
    store.values.set(first, b);
    store.values.set(second, a);
    expect(await page(await machine())()).toMatchObject({ data: 'a', source: 'network' });
  });
});

describe('a cold key', () => {
  test('is fetched by one machine, and awaited by the others', async () => {
    const sites = [await machine(), await machine(), await machine()];
    const runs = sites.map((site) => ended(page(site)()));
    const asked = await backend.asked('/a');
    for (let at = 0; at < 10; at++) await settled();
    asked.reply(1);
    const outcomes = await Promise.all(runs);
    expect(outcomes.map(({ data }) => data)).toEqual([1, 1, 1]);
    expect(outcomes.map(({ source }) => source).sort()).toEqual(['cache', 'cache', 'network']);
    expect(backend.seen).toHaveLength(1);
  });

  test('is fetched by the next where the first fails: it says so', async () => {
    const [one, two] = [await machine(), await machine()];
    const first = ended(page(one)());
    const asked = await backend.asked('/a');
    const second = ended(page(two)());
    await settled();
    asked.reply('broken', { status: 500 });
    expect((await first).status).toBe('error');
    (await backend.asked('/a')).reply(1);
    expect(await second).toMatchObject({ data: 1, source: 'network' });
    expect(clock.pending).toBe(0);
  });

  test('is fetched by the next where the client of the first leaves', async () => {
    const [one, two] = [await machine(), await machine()];
    const controller = new AbortController();
    const first = page(one)({ signal: controller.signal });
    const asked = await backend.asked('/a');
    const second = ended(page(two)());
    await settled();
    controller.abort();
    await expect(first).rejects.toThrow();
    await asked.closed;
    (await backend.asked('/a')).reply(1);
    expect(await second).toMatchObject({ data: 1, source: 'network' });
  });

  test('is waited for no longer than the lock lives: then everybody fetches it', async () => {
    const [one, two] = [await machine(), await machine()];
    const first = page(one, { timeout: 10_000 });
    const options = { deadline: 20_000 };
    const [waiting, other] = [one, two].map((site) =>
      site.page({ url: url(), timeout: 10_000, cache: MINUTE }, options),
    ) as [typeof first, typeof first];
    const leader = waiting();
    const asked = await backend.asked('/a');
    const follower = ended(other());
    const late = await backend.asked('/a');
    late.reply('late');
    expect(await follower).toMatchObject({ data: 'late', source: 'network' });
    asked.reply('first');
    expect((await leader).data).toBe('first');
  });

  test('is fetched by others within their own deadlines where who fetches it has died', async () => {
    const two = await machine();
    // A lock that nobody gives back, and that lives longer than a page.
    store.lock = () => Promise.resolve(false);
    const run = page(two)();
    let isOver = false;
    void run.then(() => {
      isOver = true;
    });
    void backend.asked('/a').then((asked) => {
      isOver = true;
      asked.reply(1);
    });
    for (; !isOver; await settled()) clock.advance(1);
    expect(await run).toMatchObject({ status: 'success', data: 1, source: 'network' });
  });

  test('is taken from the other machine also while it is asked for by both, and the own request is given up', async () => {
    const [one, two] = [await machine(), await machine()];
    const leader = page(one)();
    const asked = await backend.asked('/a');
    const follower = page(two)();
    let own: Asked | null = null;
    void backend.asked('/a').then((second) => {
      own = second;
    });
    for (; own === null; await settled()) clock.advance(1);
    asked.reply('of one');
    await leader;
    for (let at = 0; at < 3; at++, await settled()) clock.advance(20);
    expect(await follower).toMatchObject({ status: 'success', data: 'of one', source: 'cache' });
    await (own as Asked | null)?.closed;
    await two.idle();
    expect(await page(two)()).toMatchObject({ data: 'of one', source: 'cache' });
    expect(clock.pending).toBe(0);
  });

  test('is not waited for where the last answer was not stored', async () => {
    const machines = [await machine(), await machine(), await machine()];
    backend.answer('/a', 1, { headers: { 'cache-control': 'no-store' } });
    const pages = machines.map((site) => page(site, { cache: true }));
    for (const ask of pages) await ask();
    backend.forget('/a');
    const runs = pages.map((ask) => ask());
    const asked = [await backend.asked('/a'), await backend.asked('/a'), await backend.asked('/a')];
    for (const one of asked) one.reply(2, { headers: { 'cache-control': 'max-age=60' } });
    for (const run of runs) expect(await run).toMatchObject({ data: 2, source: 'network' });
    await settled();
    expect(await page(await machine(), { cache: true })()).toMatchObject({ data: 2, source: 'cache' });
  });

  test('can be locked by another at once where a lock comes too late', async () => {
    const site = await machine();
    let answers = (): void => {};
    const lock = store.lock.bind(store);
    store.lock = (...given) =>
      new Promise((resolve) => {
        answers = () => resolve(lock(...given));
      });
    const get = jest.spyOn(store, 'get');
    get.mockResolvedValueOnce(null).mockRejectedValueOnce(new Error('it fails'));
    backend.answer('/a', 1);
    expect((await page(site)()).data).toBe(1);
    const key = get.mock.calls[0]?.[0] as string;
    answers();
    await settled();
    expect(store.calls).toContain('unlock');
    expect(await lock(key, 'another', 1000)).toBe(true);
  });

  test('nobody waits beyond the own deadline', async () => {
    const [one, two] = [await machine(), await machine()];
    void page(one)();
    const asked = await backend.asked('/a');
    const outcome = await ended(page(two, { timeout: 100 })());
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
    asked.reply(1);
    await one.idle();
    expect(clock.pending).toBe(0);
  });
});

describe('invalidate and purge', () => {
  test.each([
    ['all', { all: true as const }],
    ['a tag', { tag: 'one' }],
  ])('hold on every machine, in memory and in the store: by %s', async (_what, target) => {
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    const pages = [page(one), page(two)];
    for (const ask of pages) await ask();
    await settled();
    for (const how of ['purge', 'invalidate'] as const) {
      const { length } = backend.seen;
      await two.mashup[how](target);
      await settled();
      await settled();
      const outcomes = [];
      for (const ask of [...pages, page(await machine())]) {
        outcomes.push((await ask()).source);
        await settled();
      }
      expect(outcomes).toEqual(['network', 'cache', 'cache']);
      expect(backend.seen).toHaveLength(length + 1);
    }
  });

  test('an answer asked for before a purge by another machine is not stored after it', async () => {
    const [one, two] = [await machine(), await machine()];
    const run = page(one)();
    const asked = await backend.asked('/a');
    await two.mashup.purge({ all: true });
    await settled();
    await settled();
    asked.reply('before');
    expect((await run).data).toBe('before');
    await settled();
    backend.answer('/a', 'after');
    for (const site of [one, two]) expect((await page(site)()).data).toBe('after');
  });

  test('made while the store is away are kept, and sent when it is back', async () => {
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    await page(one)();
    await settled();
    await page(two)();
    store.behaves = 'fails';
    await one.mashup.purge({ tag: 'one' });
    expect((await page(two)()).source).toBe('cache');
    store.behaves = 'well';
    // It is tried again every second.
    while ((await page(two)()).source === 'cache') {
      clock.advance(1000);
      await settled();
    }
    expect(backend.seen).toHaveLength(2);
  });

  test('are read again after a reconnection, however many messages were missed', async () => {
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    await page(one)();
    await page(two)();
    const { poke } = store;
    store.poke = () => {};
    await one.mashup.purge({ tag: 'one' });
    await settled();
    expect((await page(two)()).source).toBe('cache');
    store.poke = poke;
    store.poke();
    await settled();
    expect((await page(two)()).source).not.toBe('cache');
  });

  test('that cannot be known any more, for the store has lost its log, leave nothing that was stored before', async () => {
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    await page(one)();
    await page(two)();
    store.lose();
    store.poke();
    await settled();
    expect((await page(one)()).source).toBe('network');
    await settled();
    expect((await page(two)()).source).toBe('cache');
  });

  test('that are more than the log has do so too', async () => {
    store = new MemoryStore(clock, 3);
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    await page(one)();
    await page(two)();
    const { poke } = store;
    store.poke = () => {};
    for (const tag of ['two', 'three', 'four', 'five']) await one.mashup.invalidate({ tag });
    store.poke = poke;
    store.poke();
    await settled();
    expect((await page(two)()).source).toBe('network');
  });
});

describe('a quota', () => {
  const quota = { requests: 2, per: MINUTE, name: 'theirs' };
  const limited = (site: CachedSite, path = '/a') => site.page({ url: url(path), quota });

  test('is that of all machines together', async () => {
    backend.answer('/a', 1);
    const sites = [await machine(), await machine(), await machine()];
    const codes = [];
    for (const site of sites) codes.push((await limited(site)()).error?.code ?? null);
    expect(codes).toEqual([null, null, 'ERR_UPSTREAM_QUOTA']);
    expect(backend.seen).toHaveLength(2);
    clock.advance(MINUTE);
    expect((await limited(sites[2] as CachedSite)()).status).toBe('success');
  });

  test('gets back what was not sent', async () => {
    backend.answer('/a', 1);
    const [one, two] = [await machine(), await machine()];
    // All places of the origin are taken, so what has room in the quota waits.
    const holding = Array.from({ length: 128 }, (_, at) => one.page({ url: url(`/hold${at}`) })());
    for (let at = 0; at < 128; at++) await backend.asked(`/hold${at}`);
    const controller = new AbortController();
    const waiting = limited(one)({ signal: controller.signal });
    while (one.mashup.stats().origins[backend.origin]?.queued !== 1) await settled();
    expect((await limited(two)()).status).toBe('success');
    expect((await limited(two)()).error?.code).toBe('ERR_UPSTREAM_QUOTA');
    controller.abort();
    await expect(waiting).rejects.toThrow();
    await settled();
    expect((await limited(two)()).status).toBe('success');
    await one.mashup.close({ timeout: 1 });
    clock.advance(2000);
    await Promise.all(holding);
  });

  test('is that of the machine alone where the store fails', async () => {
    backend.answer('/a', 1);
    const site = await machine();
    store.behaves = 'hangs';
    const outcomes = [];
    for (let at = 0; at < 3; at++) outcomes.push((await ended(limited(site)())).error?.code ?? null);
    expect(outcomes).toEqual([null, null, 'ERR_UPSTREAM_QUOTA']);
  });
});

describe('a store that is sick', () => {
  test.each(['hangs', 'fails', 'throws'] as const)(
    'and %s costs a page its limit at most, is left alone after five failures, and is reported once',
    async (behaviour) => {
      const site = await machine();
      store.behaves = behaviour;
      for (let at = 0; at < 8; at++) {
        backend.answer(`/${at}`, at);
        const began = clock.now();
        const outcome = await ended(page(site, { url: url(`/${at}`) })());
        expect(outcome).toMatchObject({ status: 'success', data: at, source: 'network' });
        expect(clock.now() - began).toBeLessThan(60);
      }
      const stats = site.mashup.stats().store;
      expect(stats).toMatchObject({ state: 'open' });
      expect(stats?.failures).toBe(5);
      expect(stats?.timeouts).toBe(behaviour === 'hangs' ? 5 : 0);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('the store of the cache fails');
      expect(warnings[0]).not.toContain('secret');
      store.behaves = 'well';
      clock.advance(2000);
      await settled();
      backend.answer('/x', 'x');
      await ended(page(site, { url: url('/x') })());
      await settled();
      expect(site.mashup.stats().store).toMatchObject({ state: 'closed' });
      expect(warnings).toEqual([warnings[0], 'the store of the cache is used again']);
      await site.mashup.close();
      expect(clock.pending).toBe(0);
    },
  );

  test('and gives garbage is not believed', async () => {
    const site = await machine();
    store.behaves = 'gives garbage';
    backend.answer('/a', 1);
    const outcome = await ended(page(site)());
    expect(outcome).toMatchObject({ status: 'success', data: 1, source: 'network' });
    expect(site.mashup.stats().store?.failures).toBeGreaterThan(0);
    expect((await page(site)()).source).toBe('cache');
  });

  test('and gives what throws when it is looked at is a failure, and no unhandled rejection', async () => {
    const site = await machine();
    const hostile = new Proxy(new Uint8Array(), {
      getPrototypeOf() {
        throw new Error('looked at');
      },
    });
    store.get = () => Promise.resolve(hostile);
    backend.answer('/a', 1);
    expect(await page(site)()).toMatchObject({ status: 'success', data: 1 });
    expect(site.mashup.stats().store).toMatchObject({ failures: 1, timeouts: 0 });
  });

  test('and watches with a function that is async is watched, ended, and may fail', async () => {
    const ends: string[] = [];
    const watch = jest.spyOn(store, 'watch');
    watch.mockReturnValueOnce(Promise.resolve(() => ends.push('ended')) as never);
    await (await machine()).mashup.close();
    await settled();
    expect(ends).toEqual(['ended']);
    watch.mockReturnValueOnce(Promise.reject(new Error('it cannot listen')) as never);
    const site = await machine();
    expect(site.mashup.stats().store).toMatchObject({ failures: 1 });
    await site.mashup.close();
    backend.answer('/a', 1);
    expect((await page(site)()).data).toBe(1);
  });

  test('makes nobody wait who waits for another machine', async () => {
    const [one, two] = [await machine(), await machine()];
    void page(one)();
    const asked = await backend.asked('/a');
    const waiting = page(two)();
    for (let at = 0; at < 5; at++) {
      clock.advance(20);
      await settled();
    }
    store.behaves = 'hangs';
    const began = clock.now();
    const run = ended(waiting);
    (await backend.asked('/a')).reply('own');
    expect((await run).data).toBe('own');
    expect(clock.now() - began).toBeLessThan(100);
    asked.reply(1);
    await one.idle();
  });

  test('a late answer changes nothing', async () => {
    const site = await machine();
    let late: (value: Uint8Array | null) => void = () => {};
    store.get = () =>
      new Promise((resolve) => {
        late = resolve;
      });
    backend.answer('/a', 1);
    expect((await ended(page(site)())).data).toBe(1);
    late(Buffer.from('late'));
    await settled();
    expect((await page(site)()).source).toBe('cache');
  });
});
