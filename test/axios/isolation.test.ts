import axios, { type AxiosDefaults } from 'axios';
import { mashup, multiGet } from '../../src/index.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { ask, askBy, newMashup, openPage } from '../support/site.js';

let upstream: Recorder;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ url })),
  );
});
afterEach(closeAll);

/** Sets what an application may set for its own requests, until the test has ended. */
function setGlobals(defaults: Partial<AxiosDefaults>): void {
  const before = { ...axios.defaults };
  Object.assign(axios.defaults, defaults);
  closeLater(() => {
    for (const key of Object.keys(axios.defaults)) delete (axios.defaults as Record<string, unknown>)[key];
    Object.assign(axios.defaults, before);
  });
}

const globals: Partial<AxiosDefaults> = {
  baseURL: 'http://127.0.0.1:1/global/',
  allowAbsoluteUrls: false,
  params: { global: 1 },
  paramsSerializer: { serialize: () => 'global' },
  headers: { ...axios.defaults.headers, common: { 'X-Global': 'yes' } as never },
  auth: { username: 'global', password: 'p' },
  transformRequest: [() => 'global'],
  transformResponse: [() => 'global'],
  validateStatus: () => false,
  responseType: 'text',
  timeout: 1,
  maxContentLength: 1,
  maxRedirects: 0,
  adapter: () => Promise.reject(new Error('global')),
};

describe('what an application sets in axios.defaults', () => {
  test('changes nothing for a page without an instance', async () => {
    setGlobals(globals);
    const { data } = await ask({ url: `${upstream.origin}/a`, method: 'POST', params: { b: [1] }, data: { c: 2 } });
    expect(data).toEqual({ url: '/a?b%5B%5D=1' });
    expect(upstream.only.body.toString()).toBe('{"c":2}');
    expect(upstream.only.headers).not.toHaveProperty('x-global');
    expect(upstream.only.headers).not.toHaveProperty('authorization');
  });

  test('changes nothing for a page made before it was set', async () => {
    const visit = await openPage({ it: { url: `${upstream.origin}/a`, params: { b: 1 }, data: () => ({}) } });
    setGlobals(globals);
    expect((await visit()).locals['it']).toEqual({ url: '/a?b=1' });
  });

  test('changes nothing for multiGet', async () => {
    setGlobals(globals);
    const [[, data] = []] = await multiGet([`${upstream.origin}/a`], { params: { b: 1 } });
    expect(data).toEqual({ url: '/a?b=1' });
  });

  test('changes nothing for an instance made before', async () => {
    const instance = axios.create();
    setGlobals(globals);
    const { data, outcome } = await askBy(instance, { url: `${upstream.origin}/a`, params: { b: 1 } });
    expect(data).toEqual({ url: '/a?b=1' });
    expect(outcome.response?.url).toBe(`${upstream.origin}/a?b=…`);
  });

  test('counts where axios itself is the instance', async () => {
    setGlobals({ params: { global: 1 } });
    expect((await askBy(axios, { url: `${upstream.origin}/a`, params: { b: 1 } })).data).toEqual({
      url: '/a?global=1&b=1',
    });
  });
});

describe('interceptors', () => {
  test('of axios itself change nothing for a page without an instance', async () => {
    const request = axios.interceptors.request.use(() => Promise.reject(new Error('global')));
    const response = axios.interceptors.response.use(() => 'global' as never);
    closeLater(() => {
      axios.interceptors.request.eject(request);
      axios.interceptors.response.eject(response);
    });
    expect((await ask(`${upstream.origin}/a`)).data).toEqual({ url: '/a' });
  });

  test('of one instance change nothing for another, nor for the default instance', async () => {
    const intercepted = axios.create();
    intercepted.interceptors.response.use(() => 'intercepted' as never);
    const url = `${upstream.origin}/a`;
    expect((await askBy(intercepted, url)).data).toBe('intercepted');
    expect((await askBy(axios.create(), url)).data).toEqual({ url: '/a' });
    expect((await (await openPage({ it: url }, { mashup }))()).locals['it']).toEqual({ url: '/a' });
  });
});

test('a page writes nothing into its instance, nor into what the instance has', async () => {
  const instance = axios.create({
    headers: { 'X-A': 'a' },
    params: { b: 1 },
    auth: { username: 'joe', password: 'p' },
  });
  const snapshot = () => JSON.stringify(instance.defaults);
  const before = snapshot();
  const entry = { url: `${upstream.origin}/a`, headers: { 'x-a': 'page' }, params: { b: 2 }, data: { c: 3 } };
  await askBy(instance, { ...entry, method: 'POST', auth: { username: 'ann', password: 'q' } });
  expect(snapshot()).toBe(before);
  expect(typeof instance.defaults.adapter).not.toBe('function');
});

test("an interceptor that writes into what it is given does not write into the page's config", async () => {
  const instance = axios.create();
  const params = { seen: [] as number[] };
  const headers = { 'x-a': 'page' };
  instance.interceptors.request.use((config) => {
    config.params.seen.push(1);
    config.headers['x-a'] += '!';
    return config;
  });
  const visit = await openPage(
    { it: { url: `${upstream.origin}/a`, params, headers } },
    { mashup: newMashup({ axios: instance }) },
  );
  await visit();
  await visit();
  expect(upstream.sent.map(({ url, headers: { 'x-a': a } }) => [url, a])).toEqual([
    ['/a?seen%5B%5D=1', 'page!'],
    ['/a?seen%5B%5D=1', 'page!'],
  ]);
  expect([params, headers]).toEqual([{ seen: [] }, { 'x-a': 'page' }]);
});
