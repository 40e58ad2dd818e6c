import { jest } from '@jest/globals';
import express from 'express';
import supertest from 'supertest';
import { systemClock } from '../../src/clock.js';
import { createMashup, mashup as defaultMashup, type Mashup } from '../../src/index.js';
import { type MockedUpstreams, mockUpstreams } from '../../src/testing/index.js';
import { startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { MemoryStore } from '../support/memory-store.js';

const url = (name: string) => `https://${name}.example.test/`;

let mashup: Mashup;

beforeEach(() => {
  mashup = createMashup();
  closeLater(() => mashup.close());
});
afterEach(closeAll);

function mock<const M extends Record<string, unknown>>(mocks: M): MockedUpstreams<keyof M & string> {
  const upstreams = mockUpstreams(mashup, mocks);
  closeLater(() => upstreams.restore());
  return upstreams;
}

test('a page with six upstreams is tested in ten lines', async () => {
  const names = ['user', 'orders', 'weather', 'news', 'map', 'stock'];
  const page = mashup(
    Object.fromEntries(
      names.map((name) => [name, { url: url(name), retry: 1, timeout: name === 'news' ? 300 : 30_000 }]),
    ),
    { deadline: 30_000 },
  );
  const app = express().get('/', page, (_req, res) => void res.json(res.locals));
  const upstreams = mock({
    user: { id: 1 },
    orders: () => [7],
    weather: { status: 404 },
    news: { stall: true },
    map: { error: 'ERR_UPSTREAM_CONNECT' },
    stock: [{ status: 503 }, { body: 7 }],
  });
  const { body } = await supertest(app).get('/').expect(200);
  expect(body).toMatchObject({ user: { id: 1 }, orders: [7], weather: null, news: null, map: null, stock: 7 });
  expect(body.mashup.news.error.code).toBe('ERR_UPSTREAM_TIMEOUT');
  expect(upstreams.calls.stock).toHaveLength(2);
  upstreams.done();
});

test('the default instance is mocked where none is given', async () => {
  const upstreams = mockUpstreams({ user: { id: 1 } });
  closeLater(() => upstreams.restore());
  const { data } = await defaultMashup({ user: url('user') }).run();
  expect(data).toEqual({ user: { id: 1 } });
});

test.each<[string, unknown, unknown]>([
  ['a number', 7, 7],
  ['null', null, null],
  ['text', 'pas', 'pas'],
  ['an object without a word of replies', { id: 1 }, { id: 1 }],
  ['a list in a body', { body: [1, 2] }, [1, 2]],
  ['text of another type', { headers: { 'content-type': 'text/html' }, body: '<p>' }, '<p>'],
  ['bytes', { body: Buffer.from([1, 2]) }, Buffer.from([1, 2])],
  ['a status without a body', { status: 204 }, null],
  [
    'a function of the request',
    ({ upstream, method }: Record<string, unknown>) => ({ upstream, method }),
    { upstream: 'a', method: 'GET' },
  ],
  ['an async function', async () => ({ status: 201, body: 7 }), 7],
])('%s is answered', async (_what, mocked, data) => {
  mock({ a: mocked });
  const result = await mashup({ a: url('a') }).run();
  expect(result.outcomes['a']).toMatchObject({ status: 'success', source: 'network', attempts: 1 });
  expect(result.data['a']).toEqual(data);
});

test.each<[string, object, string]>([
  ['a refused connection', { error: 'ERR_UPSTREAM_CONNECT' }, 'ERR_UPSTREAM_CONNECT'],
  ['a timeout', { error: 'ERR_UPSTREAM_TIMEOUT' }, 'ERR_UPSTREAM_TIMEOUT'],
  ['a blocked address', { error: 'ERR_UPSTREAM_BLOCKED' }, 'ERR_UPSTREAM_BLOCKED'],
  ['a reset', { reset: true }, 'ERR_UPSTREAM_NETWORK'],
  ['a reset in the body', { reset: 'body', body: [1, 2] }, 'ERR_UPSTREAM_NETWORK'],
  ['a truncated body', { truncate: true, body: [1, 2] }, 'ERR_UPSTREAM_NETWORK'],
  ['a status', { status: 500 }, 'ERR_UPSTREAM_STATUS'],
  [
    'an answer that is not JSON',
    { headers: { 'content-type': 'application/json' }, body: Buffer.from('{') },
    'ERR_UPSTREAM_BODY',
  ],
  ['too many redirects', { status: 302, headers: { location: '/' } }, 'ERR_UPSTREAM_REDIRECT'],
])('%s is a failure as over a network', async (_what, mocked, code) => {
  mock({ a: mocked });
  const { outcomes, data } = await mashup({ a: url('a') }).run();
  expect([outcomes['a']?.error?.code, data['a']]).toEqual([code, null]);
});

test('a mock under a method and a URL comes before a name, and says what stood in it', async () => {
  const upstreams = mock({
    a: { status: 302, headers: { location: 'https://a.example.test/users/x%20y?lang=en&more=1' } },
    'GET https://a.example.test/users/{id}?lang={lang}': ({ params, query }: { params: object; query: object }) => ({
      params,
      query,
    }),
  });
  const { data } = await mashup({ a: url('a') }).run();
  expect(data['a']).toEqual({ params: { id: 'x y', lang: 'en' }, query: { lang: 'en', more: '1' } });
  expect(upstreams.calls.a).toHaveLength(1);
});

test('calls show what was sent', async () => {
  const upstreams = mock({ a: { ok: true } });
  await mashup({ a: { url: `${url('a')}x?q=1`, method: 'POST', data: { n: 1 }, headers: { 'x-key': 'k' } } }).run();
  expect(upstreams.calls.a).toEqual([
    expect.objectContaining({
      upstream: 'a',
      method: 'POST',
      url: 'https://a.example.test/x?q=1',
      query: { q: '1' },
      body: { n: 1 },
      headers: expect.objectContaining({ 'x-key': 'k' }),
    }),
  ]);
});

test('a request by an axios instance is mocked too, its interceptors included', async () => {
  const { default: axios } = await import('axios');
  const client = axios.create({ baseURL: 'https://base.example.test' });
  client.interceptors.request.use((config) => {
    config.headers.set('x-token', 't');
    return config;
  });
  mashup = createMashup({ axios: client });
  const upstreams = mock({ a: { id: 1 } });
  const { data } = await mashup({ a: '/x' }).run();
  expect(data['a']).toEqual({ id: 1 });
  expect(upstreams.calls.a[0]).toMatchObject({ url: 'https://base.example.test/x', headers: { 'x-token': 't' } });
});

describe('what is not mocked', () => {
  test('makes the page call next(error), and done() throw, both naming it without its query', async () => {
    const upstreams = mock({ user: 1 });
    const app = express().get(
      '/',
      mashup({ user: url('user'), wether: { url: `${url('weather')}?key=s3cret`, fallback: 1 } }),
    );
    const problems: Error[] = [];
    app.use(((error, _req, res, _next) => {
      problems.push(error);
      res.sendStatus(error.status);
    }) as express.ErrorRequestHandler);
    await supertest(app).get('/').expect(500);
    const message = "'wether' is not mocked (GET https://weather.example.test/?key=…); mocked are 'user'";
    expect(problems[0]?.message).toContain(message);
    expect(() => upstreams.done()).toThrow(message);
    expect(() => upstreams.done()).not.toThrow();
  });

  test('makes run() reject, also where it is an item of a list or cached', async () => {
    mock({ user: 1 });
    const items = mashup({ a: { url: `${url('a')}{item}`, each: () => [1, 2] } });
    await expect(items.run()).rejects.toThrow("'a' is not mocked");
    await expect(mashup({ b: { url: url('b'), cache: 1000 } }).run()).rejects.toThrow("'b' is not mocked");
  });

  test('makes done() alone throw where the page does not wait for it', async () => {
    const upstreams = mock({ a: 1 });
    const { data } = await mashup({ a: url('a'), b: { url: url('b'), defer: true } }).run();
    expect(await data['b']).toBe(null);
    expect(() => upstreams.done()).toThrow("'b' is not mocked");
  });

  test('includes a mock that throws', async () => {
    const upstreams = mock({
      a: () => {
        throw new Error('no such user');
      },
    });
    await expect(mashup({ a: url('a') }).run()).rejects.toThrow('no such user');
    expect(() => upstreams.done()).toThrow("the mock of 'a' failed: no such user");
  });

  test("is asked where its mock is 'pass'", async () => {
    const backend = await startBackend();
    backend.answer('/a', { real: true });
    const upstreams = mock({ a: 'pass' });
    const { data } = await mashup({ a: `${backend.origin}/a` }).run();
    expect([data['a'], upstreams.calls.a.length]).toEqual([{ real: true }, 1]);
    upstreams.done();
  });
});

describe('the end', () => {
  test('gives up what is under way, which then sends nothing to anybody', async () => {
    const backend = await startBackend();
    const upstreams = mock({ a: { status: 503 }, b: { stall: true } });
    const page = mashup({
      a: { url: `${backend.origin}/a`, retry: { attempts: 3, backoff: 30 } },
      b: `${backend.origin}/b`,
      c: { url: `${backend.origin}/c`, after: ['b'] },
    });
    const run = page.run();
    await new Promise(setImmediate);
    upstreams.done();
    const { outcomes } = await run;
    expect(Object.values(outcomes).map(({ status }) => status)).toEqual(['error', 'error', 'error']);
    expect(outcomes['b']?.error?.code).toBe('ERR_UPSTREAM_CANCELED');
    expect(backend.seen).toEqual([]);
  });

  test('leaves nothing in the cache and no breaker open', async () => {
    const page = mashup({ a: { url: url('a'), cache: 60_000, breaker: { threshold: 0.5, minimum: 1 } } });
    for (const [mocked, data] of [
      [1, 1],
      [2, 2],
      [{ status: 500 }, null],
      [3, 3],
    ] as const) {
      const upstreams = mock({ a: mocked });
      expect((await page.run()).data['a']).toBe(data);
      expect((await page.run()).data['a']).toBe(data);
      upstreams.done();
    }
  });

  test('comes with the block that uses it', async () => {
    {
      using upstreams = mockUpstreams(mashup, { a: 1 });
      expect((await mashup({ a: url('a') }).run()).data).toEqual({ a: 1 });
      expect(upstreams.calls.a).toHaveLength(1);
    }
    using _again = mockUpstreams(mashup, { a: 2 });
    expect((await mashup({ a: url('a') }).run()).data).toEqual({ a: 2 });
  });

  test('lets a store go where the instance was closed in the meantime, and the store was not used', async () => {
    const store = new MemoryStore(systemClock);
    const stopped = jest.fn();
    const { watch } = store;
    store.watch = (onChange) => {
      const stop = watch.call(store, onChange);
      return () => {
        stopped();
        stop();
      };
    };
    mashup = createMashup({ cache: { store } });
    const before = store.calls.length;
    const upstreams = mock({ a: 1 });
    await mashup({ a: { url: url('a'), cache: 1000 } }).run();
    await mashup.close();
    expect([store.calls.length, stopped.mock.calls.length]).toEqual([before, 0]);
    upstreams.done();
    expect(stopped).toHaveBeenCalledTimes(1);
  });

  test('must come before the same instance is mocked again', () => {
    mock({ a: 1 });
    expect(() => mockUpstreams(mashup, { a: 1 })).toThrow('mocked already');
  });
});

test('set() changes one mock and adds another', async () => {
  const upstreams = mock({ a: 1 });
  const page = mashup({ a: url('a'), b: url('b') });
  upstreams.set('a', { body: 'two' });
  upstreams.set('b', 3);
  expect((await page.run()).data).toEqual({ a: 'two', b: 3 });
});

test('a breaker opens, and equal requests are sent once', async () => {
  const upstreams = mock({ a: { delay: 1, body: 1 }, b: { delay: 1, body: 2 } });
  const page = mashup({ a: { url: url('same'), coalesce: true }, b: { url: url('same'), coalesce: true } });
  expect((await page.run()).data).toEqual({ a: 1, b: 1 });
  expect(upstreams.calls.a.length + upstreams.calls.b.length).toBe(1);
});

test('a public address is asked for as over a network', async () => {
  mock({ a: { status: 302, headers: { location: 'http://127.0.0.1/' } } });
  const { outcomes } = await mashup({ a: 'http://a.example.test/' }).run();
  expect(outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_BLOCKED');
});

test.each<[string, unknown, RegExp]>([
  ['words beside data', { status: 200, id: 1 }, /^.*'id': not a word of a reply; .* \{ body: … \}/s],
  ['data that looks like a reply', { status: 'active' }, /status: a whole number from 200 to 599/],
  ['two ends', { stall: true, reset: true }, /stall and reset exclude each other/],
  ['an error that the page itself makes', { error: 'ERR_UPSTREAM_CIRCUIT_OPEN' }, /error: one of ERR_UPSTREAM_CONNECT/],
  ['an empty list', [], /an empty list answers nothing/],
  ['what JSON cannot say', undefined, /undefined is not data/],
  ['one in a list', [1, { delay: -1 }], /a\[1\]: delay: milliseconds/],
])('%s are refused', (_what, mocked, message) => {
  expect(() => mock({ a: mocked })).toThrow(message);
  // Nothing is mocked then.
  mock({ a: 1 });
});

test('what is no instance, no name and no URL is refused', () => {
  expect(() => mockUpstreams((() => {}) as unknown as Mashup, {})).toThrow('not one of createMashup()');
  expect(() => mock({ 'get /x': 1, 'GET https://{host}/x': 1 })).toThrow(/2 problems/);
});

test('an axios instance with an adapter of its own is refused, for its requests would be sent', async () => {
  const { default: axios } = await import('axios');
  mashup = createMashup({
    axios: axios.create({ adapter: async (config) => ({ config, data: 1, status: 200, statusText: '', headers: {} }) }),
  });
  expect(() => mock({ a: 1 })).toThrow('an adapter of its own');
});
