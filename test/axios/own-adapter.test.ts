import axios, { type AxiosAdapter, AxiosError, AxiosHeaders, type AxiosResponse } from 'axios';
import { deadOrigin, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { askBy, visitBy } from '../support/site.js';

afterEach(closeAll);

const url = 'http://upstream.test/users';

type Config = Parameters<AxiosAdapter>[0];

const answer = (config: Config, rest: Partial<AxiosResponse> = {}): AxiosResponse => ({
  data: { id: 1 },
  status: 200,
  statusText: 'OK',
  headers: { 'X-Rows': 7 },
  config,
  ...rest,
});

const askAdapter = (adapter: AxiosAdapter) => askBy(axios.create({ adapter }), { url, params: { page: 2 } });

describe("an adapter of the user's own", () => {
  test('answers instead of the network', async () => {
    let seen: Config | undefined;
    const { data, outcome } = await askAdapter(async (config) => {
      seen = config;
      return answer(config);
    });
    expect(data).toEqual({ id: 1 });
    expect(outcome).toMatchObject({
      status: 'success',
      source: 'network',
      attempts: 1,
      response: { status: 200, headers: { 'x-rows': '7' }, url: `${url}?page=…` },
    });
    expect(seen).toMatchObject({ url, method: 'get', params: { page: 2 } });
    expect(seen?.signal).toBeInstanceOf(AbortSignal);
  });

  test('has its text parsed, and its answer go through the interceptors', async () => {
    const instance = axios.create({ adapter: async (config) => answer(config, { data: '{"items":[1]}' }) });
    instance.interceptors.response.use((response) => response.data.items);
    expect((await askBy(instance, url)).data).toEqual([1]);
  });

  test('may be set after the page was made', async () => {
    const instance = axios.create();
    const data = () => {
      instance.defaults.adapter = async (config) => answer(config, { data: 'late' });
    };
    expect((await askBy(instance, { url, data })).data).toBe('late');
  });

  test('may come from an interceptor, for some requests', async () => {
    const instance = axios.create();
    instance.interceptors.request.use((config) => ({ ...config, adapter: async () => answer(config) }));
    expect((await askBy(instance, url)).data).toEqual({ id: 1 });
  });

  test.each(['http', 'fetch', ['fetch', 'http']] as const)('that is %p is ours, over our connections', async (name) => {
    const backend = await startBackend();
    backend.answer('/', { a: 1 });
    const instance = axios.create({ adapter: name as never });
    expect((await askBy(instance, `${backend.origin}/`)).outcome.timings.firstByte).not.toBeNull();
  });

  test("may be axios's own", async () => {
    const backend = await startBackend();
    backend.answer('/', { a: 1 });
    const instance = axios.create({ adapter: axios.getAdapter('http') });
    const { data, outcome } = await askBy(instance, `${backend.origin}/`);
    expect(data).toEqual({ a: 1 });
    expect(outcome.timings.firstByte).toBeNull();
  });

  test('that refuses to connect is CONNECT', async () => {
    const instance = axios.create({ adapter: axios.getAdapter('http') });
    const { outcome } = await askBy(instance, `${await deadOrigin()}/`);
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_CONNECT', cause: { code: 'ECONNREFUSED' } });
  });

  test('whose answer is too large is TOO_LARGE', async () => {
    const backend = await startBackend();
    backend.answer('/', 'a'.repeat(100));
    const instance = axios.create({ adapter: axios.getAdapter('http') });
    const { outcome } = await askBy(instance, { url: `${backend.origin}/`, maxContentLength: 50 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
  });

  test.each<[string, (config: Config) => unknown, string]>([
    ['no Error', () => 'text', 'HOOK'],
    ['an Error', () => new Error('a bug'), 'HOOK'],
    ['ECONNABORTED', () => new AxiosError('slow', 'ECONNABORTED'), 'TIMEOUT'],
    ['ETIMEDOUT', () => new AxiosError('slow', 'ETIMEDOUT'), 'TIMEOUT'],
    ['ECONNREFUSED', () => new AxiosError('refused', 'ECONNREFUSED'), 'CONNECT'],
    ['ENOTFOUND', () => new AxiosError('no such name', 'ENOTFOUND'), 'CONNECT'],
    ['ECONNRESET', () => new AxiosError('reset', 'ECONNRESET'), 'NETWORK'],
    ['no code', () => new AxiosError('something'), 'NETWORK'],
    ['too many redirects', () => new AxiosError('again', 'ERR_FR_TOO_MANY_REDIRECTS'), 'REDIRECT'],
    ['a bad response', () => new AxiosError('broken', 'ERR_BAD_RESPONSE'), 'BODY'],
    ['a cancellation', () => new axios.CanceledError('enough'), 'CANCELED'],
    ['a refused status', (config) => new AxiosError('no', '', config, null, answer(config, { status: 410 })), 'STATUS'],
    [
      'an AxiosError with half a response',
      () => Object.assign(new AxiosError('no'), { response: { status: 500 } }),
      'STATUS',
    ],
  ])('that fails with %s', async (_, make, code) => {
    const { outcome } = await askAdapter((config) => Promise.reject(make(config)));
    expect(outcome.error?.code).toBe(`ERR_UPSTREAM_${code}`);
  });

  test('that refuses a status has it in the outcome', async () => {
    const { outcome } = await askAdapter(async (config) => {
      throw new AxiosError('no', 'ERR_BAD_REQUEST', config, null, answer(config, { status: 410 }));
    });
    expect(outcome).toMatchObject({
      error: { upstreamStatus: 410, status: 410 },
      response: { status: 410, headers: { 'x-rows': '7' } },
    });
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['text', 'text'],
  ])('that resolves to %s makes an outcome', async (_, value) => {
    const { outcome } = await askAdapter(async () => value as never);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
  });

  test('that throws at once makes an outcome', async () => {
    const { outcome } = await askAdapter(() => {
      throw new Error('a bug');
    });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', cause: new Error('a bug') });
  });

  test('may give headers in its own class', async () => {
    const headers = new AxiosHeaders({ 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Accept' });
    const { outcome } = await askAdapter(async (config) => answer(config, { headers }));
    expect({ ...outcome.response?.headers }).toEqual({ 'set-cookie': ['a=1', 'b=2'], vary: 'Accept' });
  });
});

describe('an adapter that never settles', () => {
  test.each([
    ['deadline', {}, 'DEADLINE', 2000],
    ['timeout', { timeout: 100 }, 'TIMEOUT', 100],
    ['attemptTimeout', { attemptTimeout: 100 }, 'TIMEOUT', 100],
  ])('is given up by the %s, and told so', async (_, entry, code, ms) => {
    const clock = new ManualClock();
    const asked = deferred<Config>();
    const instance = axios.create({
      adapter: (config) => {
        asked.resolve(config);
        return new Promise(() => {});
      },
    });
    const visit = visitBy(instance, { a: { url, ...entry } }, clock);
    const { signal } = await asked.promise;
    expect(signal?.aborted).toBe(false);
    clock.advance(ms);
    expect((await visit).outcomes['a']).toMatchObject({
      status: 'error',
      error: { code: `ERR_UPSTREAM_${code}`, status: 504 },
      attempts: 1,
    });
    expect(signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('and settles after all is not listened to', async () => {
    const clock = new ManualClock();
    const asked = deferred();
    const settle = deferred<AxiosResponse>();
    const instance = axios.create({
      adapter: () => {
        asked.resolve();
        return settle.promise;
      },
    });
    const visit = visitBy(instance, { a: { url, fallback: 'instead' } }, clock);
    await asked.promise;
    clock.advance(2000);
    const { outcomes } = await visit;
    settle.reject(new Error('late'));
    await new Promise(setImmediate);
    expect(outcomes['a']).toMatchObject({ status: 'fallback', data: 'instead' });
  });
});
