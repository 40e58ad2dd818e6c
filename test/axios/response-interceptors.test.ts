import axios, { AxiosError, type AxiosInstance, type AxiosResponse } from 'axios';
import { deadOrigin, json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;
let instance: AxiosInstance;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) => {
    const status = Number(url.slice(1)) || 200;
    json(response, { status, items: [1, 2] }, status);
  });
  instance = axios.create();
});
afterEach(closeAll);

const get = (status = 200) => askBy(instance, `${upstream.origin}/${status}`);

describe('a response interceptor', () => {
  test('returns the data only', async () => {
    instance.interceptors.response.use((response) => response.data);
    const { data, outcome } = await get();
    expect(data).toEqual({ status: 200, items: [1, 2] });
    expect(outcome).toMatchObject({
      status: 'success',
      source: 'network',
      attempts: 1,
      response: { status: 200, url: `${upstream.origin}/200`, headers: { 'content-type': 'application/json' } },
    });
    expect(outcome.timings.firstByte).not.toBeNull();
  });

  test('transforms the data', async () => {
    instance.interceptors.response.use((response) => {
      response.data = response.data.items;
      return response;
    });
    expect((await get()).data).toEqual([1, 2]);
  });

  test('may be async', async () => {
    instance.interceptors.response.use(async (response) => {
      await new Promise(setImmediate);
      return { ...response, data: 'late' };
    });
    expect((await get()).data).toBe('late');
  });

  test('gets the response as axios describes it', async () => {
    let seen: AxiosResponse | undefined;
    instance.interceptors.response.use((response) => {
      seen = response;
      return response;
    });
    await get();
    expect(seen?.status).toBe(200);
    expect(String(seen?.headers['content-type'])).toBe('application/json');
    expect(seen?.config.url).toBe(`${upstream.origin}/200`);
  });

  test.each([
    ['undefined', undefined],
    ["''", ''],
    ['null', null],
  ])('that returns %s makes the data null', async (_, value) => {
    instance.interceptors.response.use(() => value as never);
    expect(await get()).toMatchObject({ data: null, outcome: { status: 'success' } });
  });

  test('several run first to last', async () => {
    instance.interceptors.response.use(({ data }) => data.items);
    instance.interceptors.response.use((items) => (items as unknown as number[]).length as never);
    expect((await get()).data).toBe(2);
  });

  test('that throws makes an outcome that knows what the upstream answered', async () => {
    instance.interceptors.response.use(() => {
      throw new TypeError('a bug');
    });
    expect((await get()).outcome).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_HOOK', upstreamStatus: 200, status: 500, cause: new TypeError('a bug') },
      response: { status: 200 },
    });
  });

  test('that throws an AxiosError over a good answer is not said to be a status', async () => {
    instance.interceptors.response.use((response) => {
      throw new AxiosError('success: false', 'E_LOGIC', response.config, response.request, response);
    });
    const { error } = (await get()).outcome;
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', upstreamStatus: 200, cause: { code: 'E_LOGIC' } });
  });

  test.each([null, undefined, 'text', 0, {}, Symbol('s')])('that rejects with %p makes an outcome', async (thrown) => {
    instance.interceptors.response.use(() => Promise.reject(thrown));
    expect((await get()).outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
  });
});

describe('a response interceptor, for an answer that validateStatus refuses,', () => {
  test('sees the answer, its data parsed', async () => {
    let seen: unknown;
    instance.interceptors.response.use(undefined, (error: AxiosError) => {
      seen = { code: error.code, status: error.response?.status, data: error.response?.data };
      throw error;
    });
    expect((await get(503)).outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 503 });
    expect(seen).toEqual({ code: 'ERR_BAD_RESPONSE', status: 503, data: { status: 503, items: [1, 2] } });
  });

  test('recovers', async () => {
    instance.interceptors.response.use(undefined, (error: AxiosError) => ({ ...error.response, data: 'recovered' }));
    const { outcome } = await get(404);
    expect(outcome).toMatchObject({ status: 'success', data: 'recovered', response: { status: 404 } });
  });

  test('recovers with the data alone', async () => {
    instance.interceptors.response.use(undefined, () => []);
    expect(await get(404)).toMatchObject({ data: [], outcome: { response: { status: 404 } } });
  });

  class ApiError extends Error {}

  test.each<[string, (error: AxiosError) => unknown]>([
    ['an error of its own', () => new ApiError('no such user')],
    ['an error of its own with the cause', (error) => new ApiError('no such user', { cause: error })],
    ['the response', (error) => error.response],
    ["the response's data", (error) => error.response?.data],
    ['an AxiosError without the response', () => new AxiosError('no such user', 'E_USER')],
    ['nothing', () => undefined],
    ['an imitation of an AxiosError', () => ({ isAxiosError: true, response: { status: 404 } })],
  ])('turns it into %s: it is still the status that counts', async (_, convert) => {
    instance.interceptors.response.use(undefined, (error) => Promise.reject(convert(error)));
    const { error, response } = (await get(404)).outcome;
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404, status: 404 });
    expect(error?.message).toContain('it answered 404');
    expect(response?.status).toBe(404);
  });

  test("turns it into an error of its own, which is the outcome's cause", async () => {
    const own = new ApiError('no such user');
    instance.interceptors.response.use(undefined, () => Promise.reject(own));
    expect((await get(404)).outcome.error?.cause).toBe(own);
  });
});

test('an interceptor sees a failure of the connection as an AxiosError', async () => {
  let seen: unknown;
  instance.interceptors.response.use(undefined, (error) => {
    seen = error;
    throw error;
  });
  const { outcome } = await askBy(instance, `${await deadOrigin()}/`);
  expect(seen).toMatchObject({ isAxiosError: true, code: 'ERR_NETWORK' });
  expect(seen).not.toHaveProperty('response');
  expect(outcome.error?.code).toBe('ERR_UPSTREAM_CONNECT');
});

test('an interceptor turns a failure of the connection into data', async () => {
  instance.interceptors.response.use(undefined, () => ({ data: 'not this' }));
  expect(await askBy(instance, `${await deadOrigin()}/`)).toMatchObject({
    data: { data: 'not this' },
    outcome: { status: 'success' },
  });
});

test('an interceptor turns a failure of the connection into an error of its own: it is still the connection', async () => {
  const own = new Error('the users are not there');
  instance.interceptors.response.use(undefined, () => Promise.reject(own));
  const { error, response } = (await askBy(instance, `${await deadOrigin()}/`)).outcome;
  expect(error).toMatchObject({ code: 'ERR_UPSTREAM_CONNECT', cause: own });
  expect(response).toBeNull();
});
