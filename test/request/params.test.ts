import axios from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, type Client } from '../support/site.js';

afterEach(closeAll);

/** The path and query that an upstream is asked for. */
async function urlFor(path: string, options: Partial<UpstreamOptions> = {}, client?: Client): Promise<string> {
  const upstream = await startUpstream();
  const { outcome } = await ask({ url: upstream.origin + path, ...options }, client);
  if (outcome.error !== null) throw outcome.error;
  return upstream.only.url;
}

describe('params', () => {
  test.each<[string, Record<string, unknown> | URLSearchParams, string]>([
    ['an object', { a: 1, b: 'x y', c: true }, '/p?a=1&b=x+y&c=true'],
    ['lists, as axios writes them', { ids: [1, 2] }, '/p?ids%5B%5D=1&ids%5B%5D=2'],
    ['null and undefined, which are left out', { a: null, b: undefined, c: 0, d: '' }, '/p?c=0&d='],
    ['a Date', { at: new Date(0) }, '/p?at=1970-01-01T00:00:00.000Z'],
    ['what has a meaning in a query', { 'a&b': 'c=d&e#f?g%h' }, '/p?a%26b=c%3Dd%26e%23f%3Fg%25h'],
    [
      'URLSearchParams',
      new URLSearchParams([
        ['a', '1'],
        ['a', '2 3'],
      ]),
      '/p?a=1&a=2+3',
    ],
    ['an empty object', {}, '/p'],
    ['empty URLSearchParams', new URLSearchParams(), '/p'],
  ])('%s', async (_, params, expected) => {
    expect(await urlFor('/p', { params })).toBe(expected);
    expect(await urlFor('/p', { params: () => params })).toBe(expected);
    expect(await urlFor('/p', { params: async () => params })).toBe(expected);
  });

  test('as a function of the context', async () => {
    const params: UpstreamOptions['params'] = ({ params: { id }, query: { q } }) => ({ id, q });
    expect(await urlFor('/p', { params }, { path: '/7?q=x' })).toBe('/p?id=7&q=x');
  });

  test.each([null, undefined])('a function that returns %p adds none', async (nothing) => {
    expect(await urlFor('/p?a=1', { params: () => nothing as never })).toBe('/p?a=1');
  });

  test('are added to the query of a URL', async () => {
    expect(await urlFor('/p?a=1', { params: { b: 2 } })).toBe('/p?a=1&b=2');
    expect(await urlFor('/p?a=1', { params: () => ({ b: 2 }) })).toBe('/p?a=1&b=2');
  });

  test('are added to the query of a template', async () => {
    const client = { path: '/7?q=x' };
    expect(await urlFor('/p/{params.id}{?query.q}', { params: { b: 2 } }, client)).toBe('/p/7?q=x&b=2');
    expect(await urlFor('/p/{params.id}{?query.q}', { params: () => ({ b: 2 }) }, client)).toBe('/p/7?q=x&b=2');
  });

  test('begin the query of a template whose variables are missing', async () => {
    expect(await urlFor('/p{?query.q}', { params: { b: 2 } })).toBe('/p?b=2');
    expect(await urlFor('/p{?query.q}', { params: () => ({ b: 2 }) })).toBe('/p?b=2');
  });

  test('are added to the URL of a function', async () => {
    const upstream = await startUpstream();
    const url = () => `${upstream.origin}/p?a=1`;
    await ask({ url, origins: [upstream.origin], params: { b: 2 } });
    expect(upstream.only.url).toBe('/p?a=1&b=2');
  });

  test.each<[string, unknown, string]>([
    ['text', () => 'a=1', 'its params function returned no object'],
    [
      'what cannot be written',
      () => ({ a: Symbol('secret') }),
      'its params cannot be written as a query: TypeError: Cannot convert a Symbol value to a string',
    ],
    ['an error', () => Promise.reject(new Error('no params')), 'its params function threw Error: no params'],
  ])('a function that gives %s fails the call', async (_, params, message) => {
    const upstream = await startUpstream();
    const { outcome } = await ask({ url: `${upstream.origin}/`, params: params as never });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', message: `upstream 'it': ${message}` });
    expect(upstream.sent).toEqual([]);
  });
});

describe("what an application sets in axios's own defaults", () => {
  const { baseURL } = axios.defaults;
  const { transformRequest } = axios.defaults;
  afterEach(() => Object.assign(axios.defaults, { baseURL, transformRequest, params: undefined }));

  test('does not change what a page sends', async () => {
    Object.assign(axios.defaults, {
      baseURL: 'https://evil.example.com',
      params: { x: 1 },
      transformRequest: () => 'x',
    });
    const upstream = await startUpstream();
    const entry = { method: 'POST', data: { a: 1 }, params: { b: 2 } };
    await ask({ url: `${upstream.origin}/fixed`, ...entry });
    await ask({ url: `${upstream.origin}/function`, ...entry, params: () => ({ b: 2 }) });
    expect(upstream.sent.map(({ url, body }) => [url, body.toString()])).toEqual([
      ['/fixed?b=2', '{"a":1}'],
      ['/function?b=2', '{"a":1}'],
    ]);
  });
});
