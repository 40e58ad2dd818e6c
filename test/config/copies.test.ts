import type { UpstreamMap } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { openPage } from '../support/site.js';
import { deepFreeze } from './problems.js';

afterEach(closeAll);

/** Every option that can hold an object, in the hands of a page's author. */
function makeConfig(origin: string) {
  const transformResponse = [(text: string) => JSON.parse(text) as unknown];
  return {
    upstreams: {
      user: {
        url: `${origin}/users/{params.id}`,
        method: 'POST',
        headers: { 'X-Key': 'k', 'X-List': ['a', 'b'] },
        params: { v: 1, ids: [1, 2] },
        data: { a: { b: [1, { c: 2 }] } },
        auth: { username: 'ann', password: 'pw' },
        forward: ['accept-language'],
        origins: ['https://a.example.com'],
        transformResponse,
      },
      orders: { url: `${origin}/orders`, headers: { 'X-List': ['c'] }, params: { v: 1 }, after: ['user'] },
      form: {
        url: `${origin}/form`,
        method: 'PUT',
        data: new URLSearchParams('a=1'),
        params: new URLSearchParams('b=2'),
      },
      bytes: { url: `${origin}/bytes`, method: 'PUT', data: Buffer.from('bytes') },
      failing: { url: `${origin}/fail`, fallback: { list: [1], inner: { a: 1 } } },
    },
    options: { into: 'data', deadline: 5000 },
  };
}

type Config = ReturnType<typeof makeConfig>;

/** Starts the upstreams, and asks the page of a config twice: once at first, and once after `between`. */
async function askTwice(prepare: (config: Config) => Config, between: (config: Config) => void) {
  const upstream = await startUpstream((response, { url }) => {
    response.statusCode = url === '/fail' ? 500 : 200;
    response.setHeader('content-type', 'application/json').end('{"id":1}');
  });
  const config = prepare(makeConfig(upstream.origin));
  const visit = await openPage(config.upstreams as UpstreamMap, { options: config.options });
  const client = { headers: { 'accept-language': 'nb' } };
  const first = (await visit(client)).locals['data'];
  const sentFirst = upstream.sent.map(comparable).sort();
  between(config);
  const second = (await visit(client)).locals['data'];
  const sentSecond = upstream.sent.slice(sentFirst.length).map(comparable).sort();
  return { first, second, sentFirst, sentSecond };
}

function comparable({ method, url, headers, body }: { method: string; url: string; headers: object; body: Buffer }) {
  return JSON.stringify({ method, url, headers, body: body.toString('latin1') });
}

describe("the caller's objects", () => {
  test('may be frozen through and through', async () => {
    const freeze = (config: Config) => deepFreeze(config);
    const { first, sentFirst } = await askTwice(freeze, () => {});
    expect(first).toEqual({
      user: { id: 1 },
      orders: { id: 1 },
      form: { id: 1 },
      bytes: { id: 1 },
      failing: { list: [1], inner: { a: 1 } },
    });
    expect(sentFirst).toHaveLength(5);
    expect(sentFirst.join()).toContain('/users/1?v=1');
  });

  test('are not written to', async () => {
    let config: Config | undefined;
    let before: Config | undefined;
    await askTwice(
      (given) => {
        config = given;
        before = makeConfig(given.upstreams.failing.url.replace('/fail', ''));
        before.upstreams.user.transformResponse = given.upstreams.user.transformResponse;
        return given;
      },
      () => {},
    );
    expect(config).toEqual(before);
  });

  test('may change after the page was made, which changes nothing', async () => {
    const { first, second, sentFirst, sentSecond } = await askTwice(
      (config) => config,
      ({ upstreams, options }) => {
        const { user, orders, form, bytes, failing } = upstreams;
        user.url = 'http://127.0.0.1:1/';
        user.method = 'DELETE';
        user.headers['X-Key'] = 'changed';
        user.headers['X-List'].push('changed');
        user.params.ids.push(3);
        user.data.a.b.push(5);
        user.auth.password = 'changed';
        user.forward.push('cookie');
        user.origins.length = 0;
        user.transformResponse.push(() => 'changed');
        orders.headers['X-List'].push('changed');
        orders.params.v = 2;
        orders.after.length = 0;
        form.data.append('changed', '1');
        form.params.append('changed', '1');
        bytes.data.fill(0);
        failing.fallback.list.push(2);
        failing.fallback.inner.a = 2;
        Object.assign(upstreams, { more: 'http://127.0.0.1:1/' });
        options.into = 'changed';
        options.deadline = 1;
      },
    );
    expect(sentSecond).toEqual(sentFirst);
    expect(second).toEqual(first);
  });

  test('keep what a handler writes into a fallback from the next request', async () => {
    const upstream = await startUpstream((response) => response.writeHead(500).end());
    const fallback = { list: [] as string[] };
    const visit = await openPage({ cart: { url: `${upstream.origin}/`, fallback } });
    const first = await visit();
    (first.locals['cart'] as typeof fallback).list.push('secret of the first visitor');
    const second = await visit();
    expect(second.locals['cart']).toEqual({ list: [] });
    expect(fallback).toEqual({ list: [] });
  });

  test('of a class are given as they are', async () => {
    const upstream = await startUpstream((response) => response.writeHead(500).end());
    const fallback = new Map([['a', 1]]);
    const visit = await openPage({ cart: { url: `${upstream.origin}/`, fallback } });
    expect((await visit()).locals['cart']).toBe(fallback);
  });
});
