import type { ServerResponse } from 'node:http';
import { type Recorder, type Sent, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { CachedSite } from './cached-page.js';

let upstream: Recorder;
let site: CachedSite;
let answer: (response: ServerResponse, sent: Sent) => void;

beforeEach(async () => {
  upstream = await startUpstream((response, sent) => answer(response, sent));
  site = new CachedSite();
});
afterEach(closeAll);

const SECOND = 1000;

function answers(headers: Record<string, string | string[]>, body: unknown = { n: 1 }, status = 200): void {
  answer = (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const page = (options: object = {}) => site.page({ url: upstream.origin, cache: true, ...options });

test('what the upstream’s headers allow is stored, for as long as they allow it', async () => {
  answers({ 'cache-control': 'max-age=10' });
  const ask = page();
  expect((await ask()).cache).toMatchObject({ status: 'miss', stored: true, ttl: 10 * SECOND });
  site.clock.advance(9 * SECOND);
  expect((await ask()).cache).toMatchObject({ status: 'hit', age: 9 * SECOND, ttl: SECOND });
  site.clock.advance(SECOND);
  expect((await ask()).cache).toMatchObject({ status: 'miss', why: 'stale' });
});

test('waiting for a turn at the origin does not make an answer older', async () => {
  const limits = { perOrigin: 1, queue: 10 };
  const { clock } = site;
  const mashup = mashupWith({ clock, limits });
  closeLater(() => mashup.close());
  const held: (() => void)[] = [];
  answer = (response, { url }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=2' });
    if (url === '/first') held.push(() => response.end('1'));
    else response.end('2');
  };
  const first = mashup(
    { a: { url: `${upstream.origin}/first`, timeout: 60 * SECOND } },
    { deadline: 60 * SECOND },
  ).run();
  const second = mashup({ a: { url: `${upstream.origin}/second`, cache: true } }, { deadline: 60 * SECOND }).run();
  while (held.length === 0) await settled();
  clock.advance(5 * SECOND);
  held[0]?.();
  await first;
  expect((await second).outcomes.a.cache).toMatchObject({ stored: true, age: 0, ttl: 2 * SECOND });
});

test.each([
  ['no-store', { 'cache-control': 'no-store, max-age=10' }],
  ['private', { 'cache-control': 'private, max-age=10' }],
  ['set-cookie', { 'cache-control': 'max-age=10', 'set-cookie': 'sid=1' }],
])('what they do not allow is not: %s', async (why, headers) => {
  answers(headers);
  const ask = page();
  for (const _ of [1, 2]) {
    expect(await ask()).toMatchObject({
      source: 'network',
      data: { n: 1 },
      cache: { status: 'miss', stored: false, why },
    });
  }
  expect(Object.isFrozen((await ask()).data)).toBe(false);
});

describe('revalidation', () => {
  test('by ETag: a 304 makes the stored answer fresh again, with the headers of the 304', async () => {
    answer = (response, { headers }) => {
      response.setHeader('etag', '"v1"');
      response.setHeader('cache-control', 'max-age=10');
      response.setHeader('x-sent', String(upstream.sent.length));
      if (headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"n":1}');
    };
    const ask = page();
    const first = await ask();
    site.clock.advance(11 * SECOND);
    const second = await ask();
    expect(second).toMatchObject({ status: 'success', data: { n: 1 }, source: 'network', attempts: 1 });
    expect(second.cache).toMatchObject({ status: 'revalidated', stored: true, why: 'stale', ttl: 10 * SECOND });
    expect(second.response).toMatchObject({ status: 200, headers: { 'x-sent': '2', etag: '"v1"' } });
    expect((await ask()).source).toBe('cache');
    expect(first.response?.headers['x-sent']).toBe('1');
    expect(upstream.sent[0]?.headers).not.toHaveProperty('if-none-match');
  });

  test('by Last-Modified', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    answer = (response, { headers }) => {
      const isSame = headers['if-modified-since'] === date;
      response
        .writeHead(isSame ? 304 : 200, {
          'content-type': 'application/json',
          'last-modified': date,
          'cache-control': 'max-age=10',
        })
        .end(isSame ? undefined : '1');
    };
    const ask = page();
    await ask();
    site.clock.advance(11 * SECOND);
    expect((await ask()).cache?.status).toBe('revalidated');
  });

  test('works with retry, hedge and breaker: a 304 is a success to them', async () => {
    let asked = 0;
    answer = (response, { headers }) => {
      asked++;
      response.setHeader('etag', '"v1"');
      response.setHeader('cache-control', 'max-age=10');
      if (headers['if-none-match'] !== undefined && asked > 2) response.writeHead(304).end();
      else if (asked === 2) response.writeHead(503).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end('1');
    };
    const ask = page({ retry: { backoff: 0.0001 }, hedge: 500, breaker: true });
    await ask();
    site.clock.advance(11 * SECOND);
    const waiting = ask();
    const pause = setInterval(() => site.clock.advance(1), 1);
    expect(await waiting).toMatchObject({ source: 'network', attempts: 2, cache: { status: 'revalidated' } });
    clearInterval(pause);
  });

  test('a page whose copy was changed by the upstream gets the new answer', async () => {
    let version = 1;
    answer = (response, { headers }) => {
      const etag = `"v${version}"`;
      response.setHeader('etag', etag);
      response.setHeader('cache-control', 'no-cache');
      if (headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(String(version));
    };
    const ask = page();
    await ask();
    expect((await ask()).cache?.status).toBe('revalidated');
    version = 2;
    expect(await ask()).toMatchObject({ data: 2, cache: { status: 'miss', why: 'stale', stored: true } });
  });

  test('a 304 for something else than what was asked about is asked again without a condition', async () => {
    answer = (response, { headers }) => {
      response.setHeader('cache-control', 'max-age=10');
      if (headers['if-none-match'] !== undefined) response.writeHead(304, { etag: '"other"' }).end();
      else response.writeHead(200, { 'content-type': 'application/json', etag: '"v1"' }).end('1');
    };
    const ask = page();
    await ask();
    site.clock.advance(11 * SECOND);
    expect(await ask()).toMatchObject({ data: 1, attempts: 2, cache: { status: 'miss' } });
  });

  test('a 304 that forbids storing is used this once', async () => {
    answer = (response, { headers }) => {
      if (headers['if-none-match'] !== undefined)
        response.writeHead(304, { etag: '"1"', 'cache-control': 'no-store' }).end();
      else
        response
          .writeHead(200, { 'content-type': 'application/json', etag: '"1"', 'cache-control': 'max-age=10' })
          .end('1');
    };
    const ask = page();
    await ask();
    site.clock.advance(11 * SECOND);
    expect(await ask()).toMatchObject({ data: 1, cache: { status: 'revalidated', stored: false, why: 'no-store' } });
  });

  test('a 304 that nobody asked for is an answer like any other', async () => {
    answer = (response) => response.writeHead(304).end();
    expect(await page()()).toMatchObject({ status: 'error', error: { upstreamStatus: 304 } });
  });
});

describe('an answer to which a redirect led', () => {
  /** `/latest` redirects to the version of now, and each version may be kept for a year. */
  function redirects(headers: Record<string, string>, status = 302, target = '/v?n='): (version: number) => void {
    let version = 1;
    answer = (response, { url }) => {
      if (url === '/latest') return response.writeHead(status, { location: `${target}${version}`, ...headers }).end();
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=31536000' });
      return response.end(JSON.stringify(url));
    };
    return (next) => {
      version = next;
    };
  }
  const latest = (options: object = {}) => page({ url: `${upstream.origin}/latest`, ...options });

  test.each([
    ['nothing', 'no-freshness', {}],
    ['no-store', 'no-store', { 'cache-control': 'no-store' }],
    ['private', 'private', { 'cache-control': 'private, max-age=60' }],
    ['Set-Cookie', 'set-cookie', { 'cache-control': 'max-age=60', 'set-cookie': 'sid=1' }],
  ])('is not stored where the redirect says %s', async (_what, why, headers: Record<string, string>) => {
    const become = redirects(headers);
    const ask = latest();
    expect(await ask()).toMatchObject({ data: '/v?n=1', cache: { stored: false, why } });
    become(2);
    expect((await ask()).data).toBe('/v?n=2');
  });

  test('is used as long as the redirect is fresh', async () => {
    const become = redirects({ 'cache-control': 'max-age=10' });
    const ask = latest();
    expect((await ask()).cache).toMatchObject({ stored: true, ttl: 10 * SECOND });
    become(2);
    site.clock.advance(9 * SECOND);
    expect(await ask()).toMatchObject({ data: '/v?n=1', source: 'cache' });
    site.clock.advance(SECOND);
    expect((await ask()).data).toBe('/v?n=2');
  });

  test.each([301, 308])('is used as long as it is fresh where the redirect is permanent: %i', async (status) => {
    redirects({}, status);
    expect((await latest()()).cache).toMatchObject({ stored: true, ttl: 31536000 * SECOND });
  });

  test('is used for the ttl of the page, and as stale as it allows', async () => {
    const become = redirects({ 'cache-control': 'no-store' });
    const ask = latest({ cache: 10 * SECOND });
    await ask();
    become(2);
    expect((await ask()).data).toBe('/v?n=1');
    redirects({});
    const other = latest({ cache: { staleIfError: 60 * SECOND } });
    expect((await other()).cache).toMatchObject({ stored: true });
    answer = (response) => response.writeHead(500).end();
    expect(await other()).toMatchObject({ data: '/v?n=1', source: 'stale' });
  });

  test('is told apart by what the redirect says in Vary', async () => {
    answer = (response, { url, headers }) => {
      response.setHeader('cache-control', 'max-age=60');
      if (url !== '/me') return response.writeHead(200, { 'content-type': 'text/plain' }).end(url);
      return response.writeHead(302, { location: `/of/${headers['x-tenant']}`, vary: 'x-tenant' }).end();
    };
    for (const cache of [{ keyHeaders: [] }, { ttl: SECOND, keyHeaders: [] }]) {
      const headers = ({ params }: { params: Record<string, string> }) => ({ 'x-tenant': params['tenant'] });
      const ask = page({ url: `${upstream.origin}/me`, headers, cache });
      for (const tenant of ['a', 'b', 'a']) expect((await ask({ params: { tenant } })).data).toBe(`/of/${tenant}`);
    }
    expect(upstream.sent).toHaveLength(8);
  });

  test('is not taken for that of another redirect, of which a 304 says that it has not changed', async () => {
    let version = 1;
    answer = (response, { url, headers }) => {
      response.setHeader('cache-control', 'max-age=10');
      if (url === '/latest?n=0') return response.writeHead(302, { location: `/latest?n=${version}` }).end();
      response.setHeader('last-modified', 'Thu, 01 Jan 2015 00:00:00 GMT');
      if (headers['if-modified-since'] !== undefined) return response.writeHead(304).end();
      return response.writeHead(200, { 'content-type': 'text/plain' }).end(url);
    };
    const ask = page({ url: `${upstream.origin}/latest?n=0` });
    expect((await ask()).data).toBe('/latest?n=1');
    version = 2;
    site.clock.advance(11 * SECOND);
    expect((await ask()).data).toBe('/latest?n=2');
    // The validators of what is stored are not sent on to another URL.
    expect(upstream.sent.map(({ url, headers }) => `${url} ${headers['if-modified-since'] !== undefined}`)).toEqual([
      '/latest?n=0 false',
      '/latest?n=1 false',
      '/latest?n=0 true',
      '/latest?n=2 false',
    ]);
    const other = page({ url: `${upstream.origin}/latest`, params: { n: 1 } });
    expect((await other()).data).toBe('/latest?n=1');
  });
});

describe('a request that says how it may be answered', () => {
  test('with a condition or a range of its own goes past the cache', async () => {
    answers({ 'cache-control': 'max-age=10' });
    await page({ headers: { range: 'bytes=0-1' } })();
    const { cache } = await page({ headers: { 'if-none-match': '"x"' } })();
    expect(cache).toEqual({ status: 'bypass', age: null, ttl: null, stored: false, why: 'request' });
    expect(site.mashup.stats().cache).toMatchObject({ entries: 0, bypasses: 2 });
  });

  test('no-cache asks the upstream, max-age refuses what is older, only-if-cached asks nobody', async () => {
    answers({ 'cache-control': 'max-age=10' });
    const ask = (control: string) => page({ headers: { 'cache-control': control }, cache: { keyHeaders: [] } })();
    await ask('max-age=60');
    site.clock.advance(3 * SECOND);
    expect((await ask('max-age=60')).source).toBe('cache');
    expect((await ask('no-cache')).source).toBe('network');
    site.clock.advance(3 * SECOND);
    expect((await ask('max-age=2')).source).toBe('network');
    expect((await ask('only-if-cached')).source).toBe('cache');
    site.clock.advance(20 * SECOND);
    expect(await ask('only-if-cached')).toMatchObject({ status: 'error', attempts: 0, error: { upstreamStatus: 504 } });
  });
});

describe('stale answers', () => {
  test('are used as the upstream allows it: stale-while-revalidate and stale-if-error (RFC 5861)', async () => {
    answers({ 'cache-control': 'max-age=10, stale-while-revalidate=10, stale-if-error=100' });
    const ask = page();
    await ask();
    site.clock.advance(11 * SECOND);
    expect((await ask()).source).toBe('stale');
    await site.idle();
    site.clock.advance(30 * SECOND);
    answers({}, 0, 500);
    expect(await ask()).toMatchObject({ data: { n: 1 }, source: 'stale', error: { upstreamStatus: 500 } });
  });

  test('are widened by the page’s options, but never where they must be revalidated', async () => {
    answers({ 'cache-control': 'max-age=10' });
    const wide = page({ cache: { swr: 100 * SECOND } });
    await wide();
    site.clock.advance(11 * SECOND);
    expect((await wide()).source).toBe('stale');
    await site.idle();
    answers({ 'cache-control': 'max-age=10, must-revalidate' });
    const strict = page({ url: `${upstream.origin}/strict`, cache: { swr: 100 * SECOND, staleIfError: 100 * SECOND } });
    await strict();
    site.clock.advance(11 * SECOND);
    expect((await strict()).source).toBe('network');
    site.clock.advance(11 * SECOND);
    answers({}, 0, 500);
    expect((await strict()).status).toBe('error');
  });
});
