import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let other: Recorder;
let upstream: Recorder;
let instance: AxiosInstance;

beforeEach(async () => {
  other = await startUpstream();
  upstream = await startUpstream((response, { url }) => {
    const [, status, to] = /^\/(30\d)\/(\w+)/.exec(url) ?? [];
    if (status === undefined) return json(response, { url });
    const location = { other: `${other.origin}/found`, here: '/found?token=hush', loop: url }[to as string] as string;
    return response.writeHead(Number(status), { location }).end('moved');
  });
  instance = axios.create();
});
afterEach(closeAll);

const everything: Partial<UpstreamOptions> = {
  headers: {
    authorization: 'Bearer hush',
    'x-api-key': 'hush',
    cookie: 'hush',
    traceparent: '00-1-1-01',
    'accept-language': 'nb',
  },
  forward: ['x-forwarded-secret'],
};

function ask(path: string, entry: Partial<UpstreamOptions> = {}, defaults: CreateAxiosDefaults = {}) {
  Object.assign(instance.defaults, defaults);
  const client = { headers: { 'x-forwarded-secret': 'hush' } };
  return askBy(instance, { url: upstream.origin + path, ...entry }, client);
}

const names = ({ rawHeaders }: { rawHeaders: string[] }) =>
  rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());

describe('a redirect', () => {
  test('within an origin keeps all headers', async () => {
    const { outcome } = await ask('/302/here', everything);
    expect(outcome).toMatchObject({
      data: { url: '/found?token=hush' },
      attempts: 1,
      response: { status: 200, url: `${upstream.origin}/found?token=…` },
    });
    expect(upstream.sent[1]?.headers).toMatchObject({ authorization: 'Bearer hush', 'x-forwarded-secret': 'hush' });
  });

  test('to another origin that is listed is followed, without what could be a credential', async () => {
    const { outcome } = await ask('/302/other', { ...everything, origins: [other.origin] });
    expect(outcome).toMatchObject({ status: 'success', response: { url: `${other.origin}/found` } });
    expect(names(other.only).sort()).toEqual([
      'accept',
      'accept-encoding',
      'accept-language',
      'connection',
      'host',
      'traceparent',
      'user-agent',
    ]);
  });

  test("to another origin has neither auth, nor the instance's headers, nor an interceptor's", async () => {
    instance.interceptors.request.use((config) => {
      config.headers.set('X-Signature', 'hush');
      return config;
    });
    const defaults = { auth: { username: 'joe', password: 'hush' } };
    instance.defaults.headers.common['X-Default'] = 'hush';
    await ask('/302/other', { origins: [other.origin] }, defaults);
    expect(names(upstream.only)).toEqual(expect.arrayContaining(['authorization', 'x-signature', 'x-default']));
    expect(names(other.only).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  });

  test('to another origin that is not public and not listed is blocked', async () => {
    const { outcome } = await ask('/302/other');
    expect(outcome).toMatchObject({ error: { code: 'ERR_UPSTREAM_BLOCKED' }, response: null });
    expect(other.connections).toBe(0);
  });

  test('that would carry a body to another origin is refused', async () => {
    const { outcome } = await ask('/307/other', { method: 'POST', data: 'hush', origins: [other.origin] });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_REDIRECT');
    expect(other.sent).toEqual([]);
  });

  test('of a POST becomes a GET, as browsers do it', async () => {
    await ask('/302/here', { method: 'POST', data: { a: 1 } });
    expect(upstream.sent.map(({ method, body }) => [method, body.toString()])).toEqual([
      ['POST', '{"a":1}'],
      ['GET', ''],
    ]);
    expect(upstream.sent[1]?.headers).not.toHaveProperty('content-type');
  });

  test('that keeps the method keeps the body', async () => {
    await ask('/307/here', { method: 'POST', data: { a: 1 } });
    expect(upstream.sent.map(({ method, body }) => [method, body.toString()])).toEqual([
      ['POST', '{"a":1}'],
      ['POST', '{"a":1}'],
    ]);
  });

  test('too many are REDIRECT, by the default of a page', async () => {
    const { outcome } = await ask('/302/loop');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_REDIRECT' });
    expect(upstream.sent).toHaveLength(6);
  });

  test('is followed before the interceptors see an answer', async () => {
    const seen: number[] = [];
    instance.interceptors.response.use((response) => {
      seen.push(response.status);
      return response;
    });
    await ask('/302/here');
    expect(seen).toEqual([200]);
  });
});
