import type { ServerResponse } from 'node:http';
import type { CacheOptions } from '../../src/cache-types.js';
import { json, type Recorder, type Sent, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { CachedSite } from './cached-page.js';

let upstream: Recorder;
let site: CachedSite;
let answer: (response: ServerResponse, sent: Sent) => void;

beforeEach(async () => {
  answer = (response, { headers }) => json(response, headers);
  upstream = await startUpstream((response, sent) => answer(response, sent));
  site = new CachedSite();
});
afterEach(closeAll);

const MINUTE = 60_000;

describe('who asks', () => {
  test.each(['cookie', 'authorization', 'x-api-key', 'x-home-made'])(
    'is told apart by a forwarded %s, whatever keyHeaders says',
    async (name) => {
      for (const keyHeaders of [undefined, []]) {
        const options = { ttl: MINUTE, ...(keyHeaders && { keyHeaders }) };
        const ask = site.page({ url: `${upstream.origin}/${keyHeaders}`, forward: [name], cache: options });
        for (const _ of [1, 2]) {
          for (const who of ['alice', 'bob']) {
            expect((await ask({ headers: { [name]: who } })).data).toMatchObject({ [name]: who });
          }
          expect((await ask()).data).not.toHaveProperty(name);
        }
      }
      expect(upstream.sent).toHaveLength(6);
    },
  );

  test('is told apart by what a function of headers gives, and by `auth`', async () => {
    let token = 'one';
    const ask = site.page({ url: upstream.origin, headers: () => ({ 'x-token': token }), cache: MINUTE });
    await ask();
    token = 'two';
    expect((await ask()).data).toMatchObject({ 'x-token': 'two' });
    const auth = (username: string) =>
      site.page({ url: upstream.origin, auth: { username, password: 'x' }, cache: MINUTE })();
    await auth('alice');
    expect((await auth('bob')).source).toBe('network');
    expect((await auth('alice')).source).toBe('cache');
  });

  test('is not told apart by trace headers', async () => {
    let traces = 0;
    const headers = () => ({ traceparent: `00-${++traces}`, tracestate: `t=${traces}` });
    const ask = site.page({ url: upstream.origin, headers, cache: MINUTE });
    await ask();
    expect((await ask()).source).toBe('cache');
  });
});

describe('keyHeaders', () => {
  test('leaves the other headers of the page out of the key', async () => {
    let token = 0;
    const headers = () => ({ authorization: `Bearer ${++token}`, 'x-tenant': token > 2 ? 'b' : 'a' });
    const ask = site.page({ url: upstream.origin, headers, cache: { ttl: MINUTE, keyHeaders: ['X-Tenant'] } });
    const sources = [];
    for (const _ of [1, 2, 3, 4]) sources.push((await ask()).source);
    expect(sources).toEqual(['network', 'cache', 'network', 'cache']);
  });

  test('and Vary tells them apart where the upstream says so', async () => {
    answer = (response, { headers }) => {
      response.setHeader('vary', 'Accept-Language, X-Other');
      json(response, headers['accept-language']);
    };
    let language = 'nb';
    const headers = () => ({ 'accept-language': language });
    const ask = site.page({ url: upstream.origin, headers, cache: { ttl: MINUTE, keyHeaders: [] } });
    await ask();
    language = 'fr';
    expect(await ask()).toMatchObject({ data: 'fr', cache: { status: 'miss', why: 'vary-miss' } });
    language = 'nb';
    expect(await ask()).toMatchObject({ data: 'nb', source: 'cache' });
    language = 'fr';
    expect(await ask()).toMatchObject({ data: 'fr', source: 'cache' });
    expect(upstream.sent).toHaveLength(2);
    expect(site.mashup.stats().cache.entries).toBe(1);
  });
});

test('a page with other limits of redirects or sizes has entries of its own', async () => {
  await site.page({ url: upstream.origin, cache: MINUTE })();
  expect((await site.page({ url: upstream.origin, cache: MINUTE, maxRedirects: 0 })()).source).toBe('network');
  expect((await site.page({ url: upstream.origin, cache: MINUTE, maxContentLength: 9999 })()).source).toBe('network');
});

test.each([
  ['shorter ttl', 60 * MINUTE, 1000],
  ['ttl of the headers', 60 * MINUTE, true],
  ['time for stale copies', { ttl: 1000, swr: MINUTE }, 1000],
  ['tag', MINUTE, { ttl: MINUTE, tags: ['one'] }],
  ['function of tags', MINUTE, { ttl: MINUTE, tags: () => ['one'] }],
] as const)(
  'a page with another %s is not given what was stored for longer than it allows',
  async (_what, long, short) => {
    answer = (response) => {
      response.setHeader('cache-control', 'no-store');
      json(response, upstream.sent.length);
    };
    await site.page({ url: upstream.origin, cache: long as CacheOptions })();
    const ask = site.page({ url: upstream.origin, cache: short as CacheOptions });
    await ask();
    site.clock.advance(2000);
    await site.mashup.purge({ tag: 'one' });
    expect(await ask()).toMatchObject({ data: 3, source: 'network' });
  },
);

test('pages with the same options share, whichever of them has asked', async () => {
  const options = () => ({ ttl: MINUTE, swr: MINUTE, tags: (_context: unknown, data: unknown) => [typeof data] });
  await site.page({ url: upstream.origin, cache: options() })();
  expect((await site.page({ url: upstream.origin, cache: options() })()).source).toBe('cache');
});

test('a status that one page accepts and another does not is no hit for the other', async () => {
  answer = (response) => json(response, 'gone', 404);
  const lenient = site.page({ url: upstream.origin, validateStatus: null, cache: MINUTE });
  await lenient();
  expect((await lenient()).source).toBe('cache');
  expect(await site.page({ url: upstream.origin, cache: MINUTE })()).toMatchObject({
    status: 'error',
    error: { upstreamStatus: 404 },
  });
  expect((await lenient()).source).toBe('cache');
});
