import axios, { type AxiosInstance } from 'axios';
import { deadOrigin, json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { askBy, newMashup, openPage } from '../support/site.js';

/** An upstream whose tokens are `t1`, `t2` …, of which only the last one is valid. */
let upstream: Recorder;
let valid: number;
let instance: AxiosInstance;

beforeEach(async () => {
  valid = 2;
  upstream = await startUpstream((response, { url, headers, body }) => {
    if (url === '/token') return json(response, { token: `t${valid}` });
    if (headers.authorization !== `Bearer t${valid}`) return json(response, { error: 'expired' }, 401);
    return json(response, { url, sent: body.toString() });
  });
  instance = axios.create({ baseURL: upstream.origin });
});
afterEach(closeAll);

/** The interceptors that many an application has: a token is refreshed once for all requests that wait for it. */
function keepTokenFresh(refresh: () => Promise<string>): void {
  let token = 't1';
  let refreshing: Promise<string> | null = null;
  instance.interceptors.request.use((config) => {
    config.headers.set('Authorization', `Bearer ${token}`);
    return config;
  });
  instance.interceptors.response.use(undefined, async (error) => {
    if (error.response?.status !== 401 || error.config.repeated) throw error;
    refreshing ??= refresh().finally(() => {
      refreshing = null;
    });
    token = await refreshing;
    return instance.request({ ...error.config, repeated: true });
  });
}

const fetchToken = async () => (await axios.post(`${upstream.origin}/token`)).data.token;
const seen = () => upstream.sent.map(({ url, headers }) => [url, headers.authorization]);

test('a token is refreshed on a 401, and the request is repeated with it', async () => {
  keepTokenFresh(fetchToken);
  const { data, outcome } = await askBy(instance, '/me');
  expect(data).toEqual({ url: '/me', sent: '' });
  expect(outcome).toMatchObject({ status: 'success', response: { status: 200, url: `${upstream.origin}/me` } });
  expect(seen()).toEqual([
    ['/me', 'Bearer t1'],
    ['/token', undefined],
    ['/me', 'Bearer t2'],
  ]);
});

test('the repeated request has the same params and the same body', async () => {
  keepTokenFresh(fetchToken);
  const { data } = await askBy(instance, { url: '/me', method: 'POST', params: { a: 1 }, data: { name: 'ø' } });
  expect(data).toEqual({ url: '/me?a=1', sent: '{"name":"ø"}' });
  expect(upstream.sent.at(-1)).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
});

test('two requests at once share one refresh', async () => {
  const both = deferred();
  let refused = 0;
  instance.interceptors.response.use(undefined, (error) => {
    if (++refused === 2) both.resolve();
    throw error;
  });
  keepTokenFresh(async () => {
    await both.promise;
    return await fetchToken();
  });
  const visit = await openPage({ a: '/a', b: '/b' }, { mashup: newMashup({ axios: instance }) });
  const { locals } = await visit();
  expect(locals).toMatchObject({ a: { url: '/a' }, b: { url: '/b' } });
  expect(upstream.sent.filter(({ url }) => url === '/token')).toHaveLength(1);
  expect(upstream.sent).toHaveLength(5);
});

test('two requests at once, each with a refresh of its own', async () => {
  instance.interceptors.response.use(undefined, async (error) => {
    if (error.response?.status !== 401) throw error;
    error.config.headers.set('Authorization', `Bearer ${await fetchToken()}`);
    return instance.request(error.config);
  });
  const visit = await openPage({ a: '/a', b: '/b' }, { mashup: newMashup({ axios: instance }) });
  expect((await visit()).locals).toMatchObject({ a: { url: '/a' }, b: { url: '/b' } });
});

test('a repeated request that is refused again is the status', async () => {
  keepTokenFresh(async () => 'forged');
  const { outcome } = await askBy(instance, '/me');
  expect(outcome).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 401 } });
  expect(upstream.sent).toHaveLength(2);
});

test('a refresh that fails makes an outcome', async () => {
  keepTokenFresh(async () => {
    throw new Error('the token server is down');
  });
  const { outcome } = await askBy(instance, '/me');
  expect(outcome.error).toMatchObject({
    code: 'ERR_UPSTREAM_STATUS',
    upstreamStatus: 401,
    cause: new Error('the token server is down'),
  });
});

test('a repeated request whose connection fails is no status any more', async () => {
  const dead = await deadOrigin();
  instance.interceptors.response.use(undefined, (error) => {
    if (error.response === undefined) throw error;
    return instance.request({ ...error.config, baseURL: dead });
  });
  const { outcome } = await askBy(instance, { url: '/me', origins: [dead] });
  expect(outcome).toMatchObject({ error: { code: 'ERR_UPSTREAM_CONNECT', upstreamStatus: null }, response: null });
});

test('the answers come over kept-alive connections of the instance', async () => {
  keepTokenFresh(async () => 't2');
  await askBy(instance, '/me');
  expect(upstream.sent).toHaveLength(2);
  expect(upstream.connections).toBe(1);
});

test.each([404, 503])(
  'a token service that answers %i is blamed on the page, not on the upstream that was never asked',
  async (status) => {
    const tokens = await startUpstream((response) => json(response, {}, status));
    instance.interceptors.request.use(async (config) => {
      config.headers.set('Authorization', (await axios.get(`${tokens.origin}/token`)).data.token);
      return config;
    });
    const { outcome } = await askBy(instance, '/me');
    expect(outcome).toMatchObject({
      status: 'error',
      response: null,
      error: { code: 'ERR_UPSTREAM_HOOK', upstreamStatus: null, status: 500 },
    });
    expect(outcome.error?.message).toContain(`threw AxiosError: Request failed with status code ${status}`);
    expect(upstream.sent).toEqual([]);
  },
);

test('a token service that cannot be reached is no upstream without a connection either', async () => {
  instance.interceptors.request.use(async (config) => {
    await axios.get(await deadOrigin());
    return config;
  });
  expect((await askBy(instance, '/me')).outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', status: 500 });
});
