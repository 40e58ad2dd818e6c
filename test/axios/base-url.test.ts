import axios, { type AxiosInstance } from 'axios';
import { createMashup, isConfigError, type Upstream } from '../../src/index.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;
let instance: AxiosInstance;

beforeEach(async () => {
  upstream = await startUpstream();
  instance = axios.create({ baseURL: `${upstream.origin}/api/v1` });
});
afterEach(closeAll);

async function urlAsked(entry: Upstream, path = '/7'): Promise<string> {
  const { outcome } = await askBy(instance, entry, { path });
  if (outcome.error !== null) throw outcome.error;
  return upstream.only.url;
}

describe('with a baseURL', () => {
  test('a relative URL has its prefix', async () => {
    expect(await urlAsked('/users')).toBe('/api/v1/users');
  });

  test('a slash at its end is not doubled', async () => {
    instance.defaults.baseURL += '/';
    expect(await urlAsked('/users')).toBe('/api/v1/users');
  });

  test('a relative template is expanded', async () => {
    expect(await urlAsked('/users/{params.id}{?query.lang,query.page}', '/7?lang=%C3%B8')).toBe(
      '/api/v1/users/7?lang=%C3%B8',
    );
  });

  test('a relative template takes params too', async () => {
    expect(await urlAsked({ url: '/users{?query.lang}', params: { a: '&' } }, '/7?lang=no')).toBe(
      '/api/v1/users?lang=no&a=%26',
    );
  });

  test('a value cannot leave the path, prefix or not', async () => {
    for (const path of ['/%2e%2e', '/..%2f..%2fadmin', '/%252e%252e']) {
      const { outcome } = await askBy(instance, '/users/{params.id}', { path });
      expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
    }
    expect(upstream.sent).toEqual([]);
  });

  test('a value that begins with slashes does not lead to another host', async () => {
    expect(await urlAsked('/{params.id}', '/%2f%2fexample.com')).toBe('/api/v1/%2F%2Fexample.com');
  });

  test('a url function may return a relative URL', async () => {
    expect(await urlAsked({ url: ({ params }) => `/users/${params['id']}`, origins: [] })).toBe('/api/v1/users/7');
  });

  test('a url function may return an absolute URL of a listed origin', async () => {
    const url = () => `${upstream.origin}/other`;
    expect(await urlAsked({ url, origins: [upstream.origin] })).toBe('/other');
    const { outcome } = await askBy(instance, { url, origins: ['http://127.0.0.1:1'] });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_BLOCKED');
  });

  test.each(['//example.com/x', '/\\example.com/x', '\\\\example.com', 'example.com', 'users', ''])(
    'a url function cannot lead elsewhere by %p',
    async (url) => {
      const { outcome } = await askBy(instance, { url: () => url, origins: [] });
      expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
      expect(upstream.sent).toEqual([]);
    },
  );

  test('an absolute URL stands as it is', async () => {
    expect(await urlAsked(`${upstream.origin}/other`)).toBe('/other');
  });

  test('the outcome tells the whole URL, without query values', async () => {
    const { outcome } = await askBy(instance, { url: '/users?key=hush', params: { a: 1 } });
    expect(outcome.response?.url).toBe(`${upstream.origin}/api/v1/users?key=…&a=…`);
  });

  test('a redirect within its origin is followed', async () => {
    const from = await startUpstream((response, { url }) =>
      url === '/v1/a' ? response.writeHead(301, { location: 'b?x=1' }).end() : response.end(url),
    );
    const { outcome } = await askBy(axios.create({ baseURL: `${from.origin}/v1/` }), '/a');
    expect(outcome).toMatchObject({ data: Buffer.from('/v1/b?x=1'), response: { url: `${from.origin}/v1/b?x=…` } });
  });

  test('a relative URL without a slash is a config error that says so', () => {
    const make = () => createMashup({ axios: instance })({ a: 'users' });
    expect(make).toThrow(expect.objectContaining({ problems: [expect.objectContaining({ path: 'a.url' })] }));
    expect(make).toThrow(/begin with "\/"/);
  });
});

describe('without a baseURL', () => {
  test('a relative URL is a config error', () => {
    expect.assertions(1);
    try {
      createMashup({ axios: axios.create() })({ a: '/users' });
    } catch (error) {
      expect(isConfigError(error) && error.problems).toMatchObject([{ path: 'a.url' }]);
    }
  });

  test('a url function cannot return a relative URL', async () => {
    const { outcome } = await askBy(axios.create(), { url: () => '/users', origins: [] });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
  });
});

test.each([
  ['is not of http', 'ftp://127.0.0.1/'],
  ['holds credentials', 'http://joe:hush@127.0.0.1:1/'],
])('a baseURL that %s fails before anything is sent', async (_, baseURL) => {
  const { outcome } = await askBy(axios.create({ baseURL }), '/a');
  expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
  expect(JSON.stringify(outcome)).not.toContain('hush');
});
