import axios, { AxiosError, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import type { Upstream } from '../../src/index.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;
let instance: AxiosInstance;

beforeEach(async () => {
  upstream = await startUpstream();
  instance = axios.create();
});
afterEach(closeAll);

type Interceptor = (config: InternalAxiosRequestConfig) => InternalAxiosRequestConfig;

/** What an upstream is sent after this interceptor has changed the request. */
async function sentAfter(interceptor: Interceptor, entry: Partial<Exclude<Upstream, string>> = {}) {
  instance.interceptors.request.use(interceptor);
  const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, ...entry });
  if (outcome.error !== null) throw outcome.error;
  return upstream.only;
}

describe('a request interceptor', () => {
  test('adds a header', async () => {
    const { headers } = await sentAfter((config) => {
      config.headers.set('X-Tenant', 'acme');
      return config;
    });
    expect(headers['x-tenant']).toBe('acme');
  });

  test('overwrites a header of the page', async () => {
    const set: Interceptor = (config) => {
      config.headers['X-A'] = 'interceptor';
      return config;
    };
    expect((await sentAfter(set, { headers: { 'x-a': 'page' } })).headers['x-a']).toBe('interceptor');
  });

  test('may be async', async () => {
    instance.interceptors.request.use(async (config) => {
      await new Promise(setImmediate);
      config.headers.set('Authorization', 'Bearer late');
      return config;
    });
    await askBy(instance, `${upstream.origin}/`);
    expect(upstream.only.headers.authorization).toBe('Bearer late');
  });

  test('may be declared synchronous', async () => {
    instance.interceptors.request.use((config) => Object.assign(config, { params: { a: 1 } }), null, {
      synchronous: true,
    });
    await askBy(instance, `${upstream.origin}/`);
    expect(upstream.only.url).toBe('/?a=1');
  });

  test('changes the params and the path', async () => {
    const change: Interceptor = (config) => ({
      ...config,
      url: `${config.url}v2/users`,
      params: { ...config.params, page: 2 },
    });
    expect((await sentAfter(change, { params: { size: 10 } })).url).toBe('/v2/users?size=10&page=2');
  });

  test('changes the method and the body', async () => {
    const change: Interceptor = (config) => ({ ...config, method: 'post', data: { query: '{ me }' } });
    const { method, headers, body } = await sentAfter(change);
    expect(method).toBe('POST');
    expect(headers['content-type']).toBe('application/json');
    expect(body.toString()).toBe('{"query":"{ me }"}');
  });

  test('removes a header', async () => {
    const { headers } = await sentAfter((config) => {
      config.headers.delete('Accept');
      return config;
    });
    expect(headers).not.toHaveProperty('accept');
  });

  test('that has been ejected does nothing', async () => {
    const id = instance.interceptors.request.use((config) => Object.assign(config, { params: { ejected: 1 } }));
    instance.interceptors.request.eject(id);
    await askBy(instance, `${upstream.origin}/`);
    expect(upstream.only.url).toBe('/');
  });

  test('runs only when its runWhen says so', async () => {
    const add: Interceptor = (config) => Object.assign(config, { params: { ran: 1 } });
    instance.interceptors.request.use(add, null, { runWhen: ({ method }) => method === 'post' });
    await askBy(instance, `${upstream.origin}/`);
    await askBy(instance, { url: `${upstream.origin}/`, method: 'POST' });
    expect(upstream.sent.map(({ url }) => url)).toEqual(['/', '/?ran=1']);
  });

  test('several run last to first, as axios documents', async () => {
    for (const name of ['first', 'second']) {
      instance.interceptors.request.use((config) => Object.assign(config, { url: `${config.url}${name}/` }));
    }
    await askBy(instance, `${upstream.origin}/`);
    expect(upstream.only.url).toBe('/second/first/');
  });

  test('added after the page was made counts', async () => {
    const entry = {
      url: `${upstream.origin}/`,
      params: () => {
        instance.interceptors.request.use((config) => Object.assign(config, { params: { late: 1 } }));
        return {};
      },
    };
    await askBy(instance, entry);
    expect(upstream.only.url).toBe('/?late=1');
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no tenant');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no tenant'))],
  ])('that %s makes an outcome, and nothing is sent', async (_, interceptor) => {
    instance.interceptors.request.use(interceptor);
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome).toMatchObject({
      status: 'error',
      error: { code: 'ERR_UPSTREAM_HOOK', upstreamStatus: null, cause: new Error('no tenant') },
      response: null,
    });
    expect(upstream.sent).toEqual([]);
  });

  test('that throws an AxiosError makes an outcome', async () => {
    instance.interceptors.request.use((config) => {
      throw new AxiosError('no tenant', 'E_TENANT', config);
    });
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_NETWORK', cause: { code: 'E_TENANT' } });
  });

  test('that cancels the request ends it as canceled', async () => {
    instance.interceptors.request.use((config) => ({ ...config, signal: AbortSignal.abort() }));
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_CANCELED');
    expect(upstream.sent).toEqual([]);
  });

  test('that cancels the request does not take the fallback away', async () => {
    instance.interceptors.request.use((config) => ({ ...config, signal: AbortSignal.abort() }));
    const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, fallback: 'instead' });
    expect(outcome).toMatchObject({ status: 'fallback', data: 'instead' });
  });
});

describe('a request interceptor that changes where a request goes', () => {
  let other: Recorder;
  const leadTo =
    (origin: string): Interceptor =>
    (config) => ({ ...config, url: `${origin}/found` });

  beforeEach(async () => {
    other = await startUpstream();
  });

  test('may lead to an origin that is listed', async () => {
    instance.interceptors.request.use(leadTo(other.origin));
    const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, origins: [other.origin] });
    expect(outcome).toMatchObject({ status: 'success', response: { url: `${other.origin}/found` } });
    expect(upstream.sent).toEqual([]);
  });

  test('may not lead to a private address that is not', async () => {
    instance.interceptors.request.use(leadTo(other.origin));
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_BLOCKED');
    expect(other.connections).toBe(0);
  });

  test.each(['ftp://example.com', 'file:///etc/passwd', 'not a url'])('may not lead to %s', async (url) => {
    instance.interceptors.request.use((config) => ({ ...config, url }));
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
  });

  test('may not put credentials in the URL', async () => {
    const url = upstream.origin.replace('//', '//joe:hush@');
    instance.interceptors.request.use((config) => ({ ...config, url }));
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_URL');
    expect(JSON.stringify(outcome)).not.toContain('hush');
  });
});
