import axios, { type AxiosInstance } from 'axios';
import type { Mashup } from '../../src/index.js';
import { json, type Recorder, startBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy, newMashup, openPage } from '../support/site.js';

let upstream: Recorder;
let instance: AxiosInstance;
let mashup: Mashup;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) => {
    if (url === '/user') json(response, { id: 7, friends: ['ann', 'bo'] });
    else json(response, { url }, url === '/broken' || url === '/friends/bo' ? 500 : 200);
  });
  instance = axios.create({ baseURL: upstream.origin });
  mashup = newMashup({ axios: instance });
});
afterEach(closeAll);

describe('pages of an axios instance', () => {
  test('forward headers of the client, and no others', async () => {
    const headers = { cookie: 'a=1', 'accept-language': 'nb', 'x-other': 'no', authorization: 'Bearer client' };
    await askBy(instance, { url: '/a', forward: ['Cookie', 'accept-language'] }, { headers });
    expect(upstream.only.headers).toMatchObject({ cookie: 'a=1', 'accept-language': 'nb' });
    expect(upstream.only.headers).not.toHaveProperty('x-other');
    expect(upstream.only.headers).not.toHaveProperty('authorization');
  });

  test("have forwarded headers win over the instance's, and the page's own over both", async () => {
    const headers = { 'x-a': 'client', 'x-b': 'client' };
    for (const name of ['x-a', 'x-b']) instance.defaults.headers.common[name] = 'instance';
    await askBy(instance, { url: '/a', forward: ['x-a', 'x-b'], headers: { 'X-B': 'page' } }, { headers });
    expect(upstream.only.headers).toMatchObject({ 'x-a': 'client', 'x-b': 'page' });
  });

  test('never forward hop-by-hop headers', async () => {
    const headers = { connection: 'close, x-secret', 'x-secret': 'hush' };
    await askBy(instance, { url: '/a', forward: ['x-secret'] }, { headers });
    expect(upstream.only.headers).not.toHaveProperty('x-secret');
  });

  test('send auth', async () => {
    await askBy(instance, { url: '/a', auth: { username: 'joe', password: 'p:q' } });
    expect(upstream.only.headers.authorization).toBe(`Basic ${Buffer.from('joe:p:q').toString('base64')}`);
  });

  test('wait for what they read', async () => {
    const visit = await openPage({ orders: '/orders{?user.id}', user: '/user' }, { mashup });
    expect((await visit()).locals).toMatchObject({ orders: { url: '/orders?id=7' } });
    expect(upstream.sent.map(({ url }) => url)).toEqual(['/user', '/orders?id=7']);
  });

  test('fail where what they read failed', async () => {
    const { outcomes } = await (await openPage({ a: '/broken', b: '/b/{a.id}' }, { mashup }))();
    expect(outcomes['b']?.error?.code).toBe('ERR_UPSTREAM_DEPENDENCY');
    expect(upstream.sent).toHaveLength(1);
  });

  test('fan out', async () => {
    const friends = { url: '/friends/{item}', each: 'user.friends' };
    const { locals, outcomes } = await (await openPage({ user: '/user', friends }, { mashup }))();
    expect(locals['friends']).toEqual([{ url: '/friends/ann' }, null]);
    expect(outcomes['friends']).toMatchObject({
      status: 'partial',
      attempts: 2,
      error: { code: 'ERR_UPSTREAM_STATUS' },
      items: [{ status: 'success' }, { status: 'error', error: { upstreamStatus: 500 } }],
    });
  });

  test('have callbacks of the context', async () => {
    const { data } = await askBy(
      instance,
      {
        url: '/a',
        when: ({ params }) => params['id'] === '9',
        params: ({ params }) => ({ id: params['id'] }),
        headers: async ({ req }) => ({ 'x-method': req.method }),
      },
      { path: '/9' },
    );
    expect(data).toEqual({ url: '/a?id=9' });
    expect(upstream.only.headers['x-method']).toBe('GET');
  });

  test('use a fallback, and fail when required', async () => {
    const visit = await openPage({ a: { url: '/broken', fallback: () => 'instead' } }, { mashup });
    expect((await visit()).locals['a']).toBe('instead');
    const required = await openPage({ a: { url: '/broken', required: true } }, { mashup });
    expect((await required()).error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', status: 502 });
  });

  test('ask in parallel, as many at once as concurrency says', async () => {
    const backend = await startBackend();
    const urls = ['/1', '/2', '/3'].map((path) => [`it${path.slice(1)}`, backend.origin + path]);
    const visit = await openPage(Object.fromEntries(urls), { mashup, options: { concurrency: 2 } });
    const visiting = visit();
    const [first, second] = await Promise.all([backend.asked('/1'), backend.asked('/2')]);
    expect(backend.seen).toHaveLength(2);
    first.reply(1);
    (await backend.asked('/3')).reply(3);
    second.reply(2);
    expect((await visiting).data).toEqual({ it1: 1, it2: 2, it3: 3 });
    expect(backend.most).toBe(2);
  });

  test('keep connections alive, and share them', async () => {
    const visit = await openPage({ a: '/a' }, { mashup });
    for (let round = 0; round < 3; round++) await visit();
    expect(upstream.connections).toBe(1);
  });
});
