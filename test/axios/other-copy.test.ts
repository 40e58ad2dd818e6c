import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import ours, { type AxiosError, type AxiosResponse, type AxiosStatic } from 'axios';
import { json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

// An application may have another version of axios than this package; its CommonJS build has classes of its own.
const axios = createRequire(import.meta.url)('axios') as AxiosStatic;

let upstream: Recorder;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) => json(response, { url }, url === '/404' ? 404 : 200));
});
afterEach(closeAll);

const headers = { authorization: 'Bearer hush' };
const ask = (path: string, instance = axios.create()) => askBy(instance, { url: upstream.origin + path, headers });

describe('an instance of another copy of axios', () => {
  test('is another one', () => {
    expect(axios.AxiosError).not.toBe(ours.AxiosError);
    expect(axios.AxiosHeaders).not.toBe(ours.AxiosHeaders);
  });

  test('makes the requests', async () => {
    expect(await ask('/a')).toMatchObject({
      data: { url: '/a' },
      outcome: { status: 'success', response: { status: 200, headers: { 'content-type': 'application/json' } } },
    });
    expect(upstream.only.headers.authorization).toBe('Bearer hush');
  });

  test('has its refused answers told', async () => {
    const { outcome } = await ask('/404');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404 });
  });

  test('has its interceptors', async () => {
    const instance = axios.create();
    instance.interceptors.request.use((config) => {
      config.headers.set('X-A', 'b');
      return config;
    });
    instance.interceptors.response.use(undefined, (error: AxiosError) => error.response?.status);
    expect((await ask('/404', instance)).data).toBe(404);
    expect(upstream.only.headers['x-a']).toBe('b');
  });

  test('may cancel', async () => {
    const instance = axios.create();
    instance.interceptors.request.use((config) => ({ ...config, signal: AbortSignal.abort() }));
    expect((await ask('/a', instance)).outcome.error?.code).toBe('ERR_UPSTREAM_CANCELED');
  });

  test.each<[string, (response: AxiosResponse) => unknown]>([
    ['a response', (response) => response],
    ['an error with the response', (response) => Object.assign(new Error('a'), { response })],
    ['an error of its own', ({ config }) => new axios.AxiosError('a', 'E', config)],
  ])('has no secrets in the outcome where %s is thrown', async (_, make) => {
    const instance = axios.create();
    instance.interceptors.response.use((response) => Promise.reject(make(response)));
    const { outcome } = await ask('/a', instance);
    expect(outcome.status).toBe('error');
    expect(inspect(outcome, { depth: 20, showHidden: true })).not.toContain('hush');
  });
});
