import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { type Backend, json, type Recorder, startBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { CachedSite } from './cached-page.js';

let backend: Backend;
let site: CachedSite;

beforeEach(async () => {
  backend = await startBackend();
  site = new CachedSite();
});
afterEach(closeAll);

const url = (path = '/a') => backend.origin + path;
const MINUTE = 60_000;

describe('an answer with a ttl', () => {
  test('is asked for once, and then used without an attempt', async () => {
    backend.answer('/a', { n: 1 });
    const ask = site.page({ url: url(), cache: MINUTE });
    const first = await ask();
    expect(first).toMatchObject({ status: 'success', source: 'network', attempts: 1 });
    expect(first.cache).toMatchObject({ status: 'miss', age: 0, stored: true, why: 'uri-miss' });
    site.clock.advance(1000);
    const second = await ask();
    expect(second).toMatchObject({ status: 'success', data: { n: 1 }, source: 'cache', attempts: 0, error: null });
    expect(second.cache).toMatchObject({ status: 'hit', age: 1000, stored: false, why: null });
    expect(second.response).toMatchObject({ status: 200, url: url() });
    expect(second.timings).toMatchObject({ started: null, firstByte: null });
    expect(backend.seen).toHaveLength(1);
  });

  test('is fresh for nine tenths of it at least, and for no more than all of it', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: MINUTE } });
    const ttl = (await ask()).cache?.ttl as number;
    expect(ttl).toBeGreaterThan(0.9 * MINUTE - 1);
    expect(ttl).toBeLessThanOrEqual(MINUTE);
    site.clock.advance(ttl - 1);
    expect((await ask()).source).toBe('cache');
    site.clock.advance(1);
    expect((await ask()).cache).toMatchObject({ status: 'miss', why: 'stale', stored: true });
    expect(backend.seen).toHaveLength(2);
  });

  test.each(['no-store', 'private', 'no-cache', 'max-age=0', 'must-revalidate, max-age=0'])(
    'is used whatever the upstream says: %s',
    async (control) => {
      backend.answer('/a', 1, { headers: { 'cache-control': control, vary: '*', 'set-cookie': 'sid=alice' } });
      const ask = site.page({ url: url(), cache: MINUTE });
      await ask();
      const hit = await ask();
      expect(hit.source).toBe('cache');
      expect(hit.response?.headers).not.toHaveProperty('set-cookie');
      expect(backend.seen).toHaveLength(1);
    },
  );

  test('is shared by all pages of the instance, and not with another instance', async () => {
    backend.answer('/a', 1);
    await site.page({ url: url(), cache: MINUTE })();
    expect((await site.page({ url: url(), cache: { ttl: MINUTE } })()).source).toBe('cache');
    expect((await new CachedSite().page({ url: url(), cache: MINUTE })()).source).toBe('network');
  });

  test('is not used by a page that does not cache', async () => {
    backend.answer('/a', 1);
    await site.page({ url: url(), cache: MINUTE })();
    const plain = await site.page({ url: url() })();
    expect(plain).toMatchObject({ source: 'network', cache: null });
  });

  test('that failed is never stored', async () => {
    backend.answer('/a', 1, { status: 500 });
    const ask = site.page({ url: url(), cache: MINUTE });
    expect(await ask()).toMatchObject({ status: 'error', cache: { status: 'miss', stored: false, why: 'status' } });
    backend.answer('/a', 2);
    expect((await ask()).data).toBe(2);
  });

  test('whose data cannot be read is never stored, and the outcome still shows its head', async () => {
    const upstream = await startUpstream((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
    );
    const ask = site.page({ url: upstream.origin, cache: MINUTE });
    for (const _ of [1, 2]) {
      const { status, error, response } = await ask();
      expect({ status, code: error?.code, head: response?.status }).toEqual({
        status: 'error',
        code: 'ERR_UPSTREAM_BODY',
        head: 200,
      });
    }
    expect(upstream.sent).toHaveLength(2);
  });

  test('is stored decompressed', async () => {
    const upstream = await startUpstream((response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync('{"n":1}')),
    );
    const ask = site.page({ url: upstream.origin, cache: MINUTE });
    await ask();
    expect((await ask()).data).toEqual({ n: 1 });
    expect(upstream.sent).toHaveLength(1);
  });

  test('larger than maxEntryBytes is used and not stored', async () => {
    const small = new CachedSite({ maxEntryBytes: 100 });
    backend.answer('/a', 'x'.repeat(100));
    const ask = small.page({ url: url(), cache: MINUTE });
    for (const _ of [1, 2]) {
      expect(await ask()).toMatchObject({ status: 'success', cache: { stored: false, why: 'too-large' } });
    }
    expect(small.mashup.stats().cache).toMatchObject({ entries: 0, misses: 2 });
  });
});

describe('data', () => {
  test('is frozen deeply, and the same object for all', async () => {
    backend.answer('/a', { list: [{ n: 1 }] });
    const ask = site.page({ url: url(), cache: MINUTE });
    const [first, second] = [await ask(), await ask()];
    expect(second.data).toBe(first.data);
    const data = second.data as { list: { n: number }[] };
    expect([data, data.list, data.list[0]].map(Object.isFrozen)).toEqual([true, true, true]);
    expect(Object.isFrozen(second.response?.headers)).toBe(true);
  });

  test('is decoded by each page in its own way, once', async () => {
    backend.answer('/a', { n: 1 });
    let transformed = 0;
    const transform = (text: string) => {
      transformed++;
      return { length: text.length };
    };
    const pages = [
      site.page({ url: url(), cache: MINUTE }),
      site.page({ url: url(), cache: MINUTE, transformResponse: transform }),
      site.page({ url: url(), cache: MINUTE, responseType: 'text' }),
      site.page({ url: url(), cache: MINUTE, schema: z.object({ n: z.number() }).transform(({ n }) => ({ m: n })) }),
    ];
    for (const _ of [1, 2]) {
      const data = [];
      for (const ask of pages) data.push((await ask()).data);
      expect(data).toEqual([{ n: 1 }, { length: 7 }, '{"n":1}', { m: 1 }]);
    }
    expect(backend.seen).toHaveLength(1);
    expect(transformed).toBe(1);
  });

  test('that one page cannot read is fetched anew for it, and stays good for the others', async () => {
    backend.answer('/a', { n: 1 });
    const good = site.page({ url: url(), cache: MINUTE });
    const strict = site.page({ url: url(), cache: MINUTE, schema: z.object({ m: z.number() }) });
    await good();
    expect((await strict()).error?.code).toBe('ERR_UPSTREAM_SCHEMA');
    expect((await strict()).error?.code).toBe('ERR_UPSTREAM_SCHEMA');
    expect((await good()).source).toBe('cache');
  });

  test.each([
    ['bytes', { responseType: 'arraybuffer' as const }],
    ['dates', { transformResponse: (text: string) => ({ at: new Date(text.length) }) }],
    ['maps', { transformResponse: (text: string) => new Map([['n', text]]) }],
  ])('that cannot be frozen (%s) is made anew for each call', async (_what, options) => {
    backend.answer('/a', { n: 1 });
    const ask = site.page({ url: url(), cache: MINUTE, ...options });
    const [first, second] = [await ask(), await ask()];
    expect(second.source).toBe('cache');
    expect(second.data).toEqual(first.data);
    expect(second.data).not.toBe(first.data);
  });

  test('of an empty answer is null', async () => {
    const upstream = await startUpstream((response) => response.writeHead(204).end());
    const ask = site.page({ url: upstream.origin, cache: MINUTE });
    for (const source of ['network', 'cache'])
      expect(await ask()).toMatchObject({ status: 'success', data: null, source });
  });
});

describe('calls at the same time', () => {
  test('share one request, also of different runs', async () => {
    const ask = site.page({ url: url(), cache: MINUTE });
    const asks = [ask(), ask(), ask()];
    (await backend.asked('/a')).reply({ n: 1 });
    const outcomes = await Promise.all(asks);
    expect(outcomes.map(({ source }) => source).sort()).toEqual(['network', 'shared', 'shared']);
    expect(outcomes.map(({ cache }) => cache?.status)).toEqual(['miss', 'miss', 'miss']);
    expect(new Set(outcomes.map(({ data }) => data)).size).toBe(1);
    expect(backend.seen).toHaveLength(1);
  });
});

describe('a fan-out', () => {
  test('caches its items one by one', async () => {
    for (const n of [1, 2, 3]) backend.answer(`/i/${n}`, { n });
    const ask = (list: number[]) => site.page({ url: `${backend.origin}/i/{item}`, each: () => list, cache: MINUTE })();
    await ask([1, 2]);
    const { data, cache, source, items, attempts } = await ask([2, 3, 1]);
    expect(data).toEqual([{ n: 2 }, { n: 3 }, { n: 1 }]);
    expect(items?.map((item) => item.cache?.status)).toEqual(['hit', 'miss', 'hit']);
    expect({ cache, source, attempts }).toEqual({ cache: null, source: 'cache', attempts: 1 });
    expect(backend.seen).toHaveLength(3);
  });
});

describe('a POST', () => {
  let upstream: Recorder;
  beforeEach(async () => {
    upstream = await startUpstream((response, { body }) => json(response, { asked: String(body) }));
  });

  test('that is safe is cached by its body', async () => {
    const ask = (data: object) =>
      site.page({ url: upstream.origin, method: 'POST', safe: true, data, cache: MINUTE })();
    await ask({ q: 1 });
    expect(await ask({ q: 1 })).toMatchObject({ source: 'cache', data: { asked: '{"q":1}' } });
    expect(await ask({ q: 2 })).toMatchObject({ source: 'network', data: { asked: '{"q":2}' } });
  });

  test('that is safe is asked again without a condition, for it would be answered with 412', async () => {
    const strict = await startUpstream((response, { headers }) => {
      response.setHeader('etag', '"1"');
      json(response, strict.sent.length, headers['if-none-match'] === '"1"' ? 412 : 200);
    });
    const ask = site.page({ url: strict.origin, method: 'POST', safe: true, data: { q: 1 }, cache: MINUTE });
    await ask();
    site.clock.advance(2 * MINUTE);
    expect(await ask()).toMatchObject({ status: 'success', data: 2, attempts: 1 });
  });
});
