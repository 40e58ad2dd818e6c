import axios, { type AxiosInstance } from 'axios';
import MockAdapter from 'axios-mock-adapter';
import { startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy, newMashup, openPage } from '../support/site.js';

let instance: AxiosInstance;
let mock: MockAdapter;

beforeEach(() => {
  instance = axios.create({ baseURL: 'https://api.test/v1' });
  mock = new MockAdapter(instance as never);
});
afterEach(closeAll);

describe('with axios-mock-adapter', () => {
  test('a mocked answer is the data', async () => {
    mock.onGet('/users/7', { params: { lang: 'no' } }).reply(200, { id: 7 }, { 'x-mocked': 'yes' });
    const { data, outcome } = await askBy(
      instance,
      { url: '/users/{params.id}', params: { lang: 'no' } },
      { path: '/7' },
    );
    expect(data).toEqual({ id: 7 });
    expect(outcome).toMatchObject({
      status: 'success',
      response: { status: 200, headers: { 'x-mocked': 'yes' }, url: 'https://api.test/v1/users/7?lang=…' },
    });
  });

  test('a page of several upstreams, one of which needs another', async () => {
    mock.onGet('/user').reply(200, { id: 7 });
    mock.onGet('/friends/7').reply(200, ['ann']);
    mock.onGet('/weather').reply(503);
    const visit = await openPage(
      { user: '/user', friends: '/friends/{user.id}', weather: '/weather' },
      { mashup: newMashup({ axios: instance }) },
    );
    const { data, outcomes } = await visit();
    expect(data).toEqual({ user: { id: 7 }, friends: ['ann'], weather: null });
    expect(outcomes['weather']?.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 503 });
  });

  test('a body is matched and answered', async () => {
    mock.onPost('/search', { text: 'ø' }).reply(201, [1, 2]);
    const { data, outcome } = await askBy(instance, { url: '/search', method: 'POST', data: { text: 'ø' } });
    expect([outcome.response?.status, data]).toEqual([201, [1, 2]]);
  });

  test('what is not mocked is a 404', async () => {
    const { outcome } = await askBy(instance, '/nothing');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404, status: 404 });
  });

  test('a network error is NETWORK, a timeout TIMEOUT', async () => {
    mock.onGet('/broken').networkError();
    mock.onGet('/slow').timeout();
    expect((await askBy(instance, '/broken')).outcome.error?.code).toBe('ERR_UPSTREAM_NETWORK');
    expect((await askBy(instance, '/slow')).outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_TIMEOUT', status: 504 });
  });

  test('no content is null', async () => {
    mock.onGet('/none').reply(204);
    expect(await askBy(instance, '/none')).toMatchObject({ data: null, outcome: { status: 'success' } });
  });

  test('answers may differ from one to the next', async () => {
    mock.onGet('/a').replyOnce(500).onGet('/a').replyOnce(200, 'second');
    expect((await askBy(instance, '/a')).outcome.status).toBe('error');
    expect((await askBy(instance, '/a')).data).toBe('second');
  });

  test('interceptors see mocked answers', async () => {
    mock.onGet('/a').reply(({ headers }) => [200, { token: String(headers?.['Authorization']) }]);
    instance.interceptors.request.use((config) => {
      config.headers.setAuthorization('Bearer b');
      return config;
    });
    instance.interceptors.response.use(({ data }) => data.token);
    expect((await askBy(instance, '/a')).data).toBe('Bearer b');
  });

  test('what is sent is in its history', async () => {
    mock.onAny().reply(200);
    await askBy(instance, { url: '/a', headers: { 'x-a': 'b' }, auth: { username: 'joe', password: 'p' } });
    expect(mock.history).toMatchObject([{ url: '/a', method: 'get', auth: { username: 'joe', password: 'p' } }]);
  });

  test('what passes through reaches the upstream', async () => {
    const backend = await startBackend();
    backend.answer('/real', 'real');
    mock.onAny().passThrough();
    expect((await askBy(instance, `${backend.origin}/real`)).data).toBe('real');
  });

  test('once restored, requests go out over our connections again', async () => {
    const backend = await startBackend();
    backend.answer('/real', 'real');
    mock.restore();
    const { data, outcome } = await askBy(instance, `${backend.origin}/real`);
    expect(data).toBe('real');
    expect(outcome.timings.firstByte).not.toBeNull();
  });

  test("its complaint about what is not mocked does not put what was sent into the outcome's message", async () => {
    mock = new MockAdapter(instance as never, { onNoMatch: 'throwException' });
    const { outcome } = await askBy(instance, { url: '/a', headers: { authorization: 'Bearer hush' } });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
    expect(JSON.stringify(outcome)).not.toContain('hush');
  });
});
