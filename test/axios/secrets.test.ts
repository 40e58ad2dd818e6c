import { inspect } from 'node:util';
import axios, { AxiosError, type AxiosInstance } from 'axios';
import type { Outcome, UpstreamOptions } from '../../src/index.js';
import { deadOrigin, json, startRawBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let instance: AxiosInstance;

beforeEach(() => {
  instance = axios.create({ headers: { 'X-Default': 'hush-default' } });
});
afterEach(closeAll);

/** A request with a secret wherever there can be one. */
const secretive = (origin: string): UpstreamOptions => ({
  url: `${origin}/users?token=hush-query`,
  method: 'POST',
  params: { key: 'hush-param' },
  headers: { authorization: 'Bearer hush-header', 'x-api-key': 'hush-key' },
  forward: ['cookie'],
  data: { password: 'hush-body' },
});

/** Everything that can be seen of an outcome by those who look. */
function allOf(outcome: Outcome): string {
  const options = { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity };
  const { error } = outcome;
  return [
    inspect(outcome, options),
    inspect(outcome, { ...options, showHidden: true }),
    JSON.stringify(outcome),
    String(error),
    error?.stack,
    inspect(error?.cause, options),
  ].join('\n');
}

async function ask(origin: string, entry: Partial<UpstreamOptions> = {}): Promise<Outcome> {
  const client = { headers: { cookie: 'session=hush-cookie' } };
  const { outcome } = await askBy(instance, { ...secretive(origin), ...entry }, client);
  return outcome;
}

const refusing = () => startUpstream((response) => json(response, { sorry: true }, 403));

type Interceptor = (error: AxiosError) => unknown;

describe('no secret is in the outcome', () => {
  test('of a success', async () => {
    const upstream = await startUpstream((response) => json(response, {}));
    const outcome = await ask(upstream.origin);
    expect(outcome.status).toBe('success');
    // It was sent, so there was something to hide.
    expect(upstream.only).toMatchObject({
      url: '/users?token=hush-query&key=hush-param',
      headers: { authorization: 'Bearer hush-header', cookie: 'session=hush-cookie', 'x-default': 'hush-default' },
    });
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('with auth', async () => {
    const upstream = await refusing();
    const outcome = await ask(upstream.origin, { auth: { username: 'joe', password: 'hush-password' } });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_STATUS');
    expect(allOf(outcome)).not.toMatch(/hush|joe|Basic/);
    expect(allOf(outcome)).not.toContain(Buffer.from('joe:hush-password').toString('base64'));
  });

  test('of a refused answer', async () => {
    const { origin } = await refusing();
    const outcome = await ask(origin);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_STATUS');
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of a connection that is refused', async () => {
    const outcome = await ask(await deadOrigin());
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_CONNECT');
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of a connection that is reset', async () => {
    const origin = await startRawBackend((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const outcome = await ask(origin);
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_NETWORK');
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of a body that is too large', async () => {
    const upstream = await startUpstream((response) => json(response, 'large'));
    const outcome = await ask(upstream.origin, { maxContentLength: 1 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of JSON that is not valid', async () => {
    const upstream = await startUpstream((response) => response.end('{'));
    instance.defaults.transitional = { silentJSONParsing: false };
    const outcome = await ask(upstream.origin, { responseType: 'json' });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_BODY');
    expect(allOf(outcome)).not.toContain('hush');
  });

  test.each<[string, Interceptor]>([
    ['throws the same error', (error) => error],
    ['throws an error with the cause', (error) => new Error('no access', { cause: error })],
    ['throws an error whose cause has a cause', (error) => new Error('a', { cause: new Error('b', { cause: error }) })],
    ['throws an error with the original in a property', (error) => Object.assign(new Error('a'), { original: error })],
    ['throws an error with the response', ({ response }) => Object.assign(new Error('a'), { response })],
    ['throws an error with the config', ({ config }) => Object.assign(new Error('a'), { config })],
    ['throws an AggregateError', (error) => new AggregateError([error], 'all')],
    ['throws the response', ({ response }) => response],
    ['throws the config', ({ config }) => config],
    ['throws the headers', ({ config }) => config?.headers],
    ['throws an AxiosError of its own', ({ config, response }) => new AxiosError('a', 'E', config, null, response)],
    ['throws an AxiosError without the response', ({ config }) => new AxiosError('a', 'E', config)],
    ['throws one made from another', (error) => AxiosError.from(error)],
  ])('of a refused answer, where an interceptor %s', async (_, convert) => {
    instance.interceptors.response.use(undefined, (error) => Promise.reject(convert(error)));
    const { origin } = await refusing();
    const outcome = await ask(origin);
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 403 });
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of a failed connection, where an interceptor wraps the error', async () => {
    instance.interceptors.response.use(undefined, (error) => Promise.reject(new Error('down', { cause: error })));
    const outcome = await ask(await deadOrigin());
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_CONNECT', cause: { message: 'down' } });
    expect(allOf(outcome)).not.toContain('hush');
  });

  test('of an error that the adapter of the user makes, in whose message it is', async () => {
    instance.defaults.adapter = (config) =>
      Promise.reject(new AxiosError(`cannot fetch ${config.url}`, 'ECONNRESET', config));
    const { code, message } = (await ask('http://api.test')).error ?? {};
    expect(code).toBe('ERR_UPSTREAM_NETWORK');
    expect(message).not.toContain('hush');
  });

  test('of data that cannot be sent', async () => {
    const outcome = await ask('http://api.test', { data: () => 5 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
    expect(allOf(outcome)).not.toContain('hush');
  });
});

test('what an interceptor throws, and nothing sent is in, stays as it is', async () => {
  const own = Object.assign(new RangeError('no access'), { details: { body: Buffer.alloc(10), reason: 'plan' } });
  instance.interceptors.response.use(undefined, () => Promise.reject(own));
  const { origin } = await refusing();
  expect((await ask(origin)).error?.cause).toBe(own);
});

test('of an error that leads to what was sent, its text stays', async () => {
  class ApiError extends Error {
    override readonly name = 'ApiError';
  }
  instance.interceptors.response.use(undefined, (error) => Promise.reject(new ApiError('no plan', { cause: error })));
  const { origin } = await refusing();
  const cause = (await ask(origin)).error?.cause as Error;
  expect([cause.name, cause.message, cause.cause]).toEqual(['ApiError', 'no plan', undefined]);
  expect(cause.stack).toContain('secrets.test');
});
