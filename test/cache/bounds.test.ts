import { createServer, type ServerResponse } from 'node:http';
import { json, listen, originOf, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { memoryInUse } from '../support/memory.js';
import { CachedSite } from './cached-page.js';

afterEach(closeAll);

const MINUTE = 60_000;

describe('what is kept in memory', () => {
  test('is no more than maxBytes, and no more than maxEntries: the least used goes first', async () => {
    const upstream = await startUpstream((response, { url }) => json(response, url));
    const site = new CachedSite({ maxEntries: 3 });
    const page = site.mashup({ a: { url: `${upstream.origin}/{params.id}`, cache: MINUTE } });
    const ask = async (id: string) => (await page.run({ params: { id } })).outcomes.a.source;
    for (const id of ['1', '2', '3']) await ask(id);
    expect(await ask('1')).toBe('cache');
    await ask('4');
    expect(site.mashup.stats().cache.entries).toBe(3);
    expect([await ask('1'), await ask('3'), await ask('4')]).toEqual(['cache', 'cache', 'cache']);
    expect(await ask('2')).toBe('network');
  });

  test('is counted with its decoded data, for each decoder', async () => {
    const upstream = await startUpstream((response) =>
      json(
        response,
        Array.from({ length: 1000 }, (_, n) => ({ n })),
      ),
    );
    const site = new CachedSite();
    const bytes = () => site.mashup.stats().cache.bytes;
    await site.page({ url: upstream.origin, cache: MINUTE })();
    const one = bytes();
    expect(one).toBeGreaterThan(30_000);
    await site.page({ url: upstream.origin, cache: MINUTE, transformResponse: (text: string) => JSON.parse(text) })();
    expect(bytes()).toBeGreaterThan(one + 20_000);
    await site.mashup.purge({ all: true });
    expect(bytes()).toBe(0);
  });

  test('an entry that grows beyond maxBytes is dropped, and the call has its data all the same', async () => {
    const upstream = await startUpstream((response) =>
      json(
        response,
        Array.from({ length: 500 }, (_, n) => ({ n })),
      ),
    );
    const site = new CachedSite({ maxBytes: 20_000 });
    const ask = site.page({ url: upstream.origin, cache: MINUTE });
    for (const _ of [1, 2]) expect((await ask()).data).toHaveLength(500);
    expect(site.mashup.stats().cache).toMatchObject({ entries: 0, bytes: 0 });
  });

  test('is counted as no less than it takes, small entries too', async () => {
    // An upstream that remembers no requests.
    const origin = originOf(await listen(createServer(({ url }, response) => json(response, { url }))));
    const site = new CachedSite();
    const page = site.mashup({ a: { url: `${origin}/{params.id}`, cache: MINUTE } }, { concurrency: 50 });
    const fill = async (from: number, count: number) => {
      for (let at = from; at < from + count; at += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, one) => page.run({ params: { id: String(at + one) } })));
      }
    };
    await fill(0, 500);
    const [before, counted] = [await memoryInUse(), site.mashup.stats().cache.bytes];
    await fill(500, 5000);
    expect((await memoryInUse()) - before).toBeLessThan(1.1 * (site.mashup.stats().cache.bytes - counted));
  });

  test('decoders without end are not kept without end', async () => {
    const upstream = await startUpstream((response) =>
      json(
        response,
        Array.from({ length: 1000 }, (_, n) => ({ n })),
      ),
    );
    const site = new CachedSite();
    for (let count = 0; count < 30; count++) {
      const page = { url: upstream.origin, cache: MINUTE, transformResponse: (text: string) => JSON.parse(text) };
      expect((await site.page(page)()).data).toHaveLength(1000);
    }
    expect(site.mashup.stats().cache.bytes).toBeLessThan(1_000_000);
    expect(upstream.sent).toHaveLength(1);
  });

  test('variants without end are not kept without end', async () => {
    const upstream = await startUpstream((response, { headers }) => {
      response.setHeader('vary', 'x-kind');
      json(response, headers['x-kind']);
    });
    const site = new CachedSite();
    let kind = 0;
    const headers = () => ({ 'x-kind': String(++kind) });
    const ask = site.page({ url: upstream.origin, headers, cache: { ttl: MINUTE, keyHeaders: [] } });
    for (let count = 0; count < 100; count++) await ask();
    expect(site.mashup.stats().cache.entries).toBe(1);
    expect(site.mashup.stats().cache.bytes).toBeLessThan(16 * 3000);
  });

  test('stays under its bound with distinct URLs and bodies of 5 MiB', async () => {
    const large = Buffer.alloc(5 * 1024 * 1024 - 1, 'x');
    const answer = (response: ServerResponse, url: string) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end(url.startsWith('/large') ? large : url);
    const upstream = await startUpstream((response, { url }) => answer(response, url));
    const site = new CachedSite({ maxBytes: 32 * 1024 * 1024 });
    const page = site.mashup(
      { a: { url: `${upstream.origin}/{params.id}`, cache: MINUTE, responseType: 'arraybuffer' } },
      { concurrency: 50 },
    );
    const ask = (id: string) => page.run({ params: { id } });
    await ask('warm');
    const before = await memoryInUse();
    for (let at = 0; at < 3000; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, one) => ask(`${at + one}`)));
      if (at % 300 === 0) await ask(`large${at}`);
    }
    const { bytes, entries } = site.mashup.stats().cache;
    expect(bytes).toBeLessThanOrEqual(32 * 1024 * 1024);
    expect(entries).toBeGreaterThan(5);
    expect((await memoryInUse()) - before).toBeLessThan(48 * 1024 * 1024);
  });
});

test('refreshing 500 keys behind pages whose clients leave keeps nothing', async () => {
  const upstream = await startUpstream((response, { url }) => json(response, url));
  const site = new CachedSite();
  const page = site.mashup({
    a: { url: `${upstream.origin}/{params.id}`, cache: { ttl: 1000, swr: MINUTE } },
    slow: { url: `${upstream.origin}/slow/{params.id}`, cache: { ttl: 1, swr: 1 } },
  });
  const ids = Array.from({ length: 500 }, (_, at) => String(at));
  for (const id of ids) await page.run({ params: { id } });
  site.clock.advance(2000);
  for (const id of ids) {
    const controller = new AbortController();
    const run = page.run({ params: { id }, signal: controller.signal }).catch(() => {});
    await settled();
    controller.abort();
    await run;
  }
  await site.idle();
  expect(site.clock.pending).toBe(0);
  const sources = [];
  for (const id of ids) sources.push((await page.run({ params: { id } })).outcomes.a.source);
  expect(new Set(sources)).toEqual(new Set(['cache']));
});
