import { Readable } from 'node:stream';
import axios, { type AxiosInstance } from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { type Recorder, type Sent, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;
let instance: AxiosInstance;

beforeEach(async () => {
  upstream = await startUpstream((response, { method, url }) => {
    if (url === '/204') return response.writeHead(204).end();
    if (method === 'HEAD') return response.writeHead(200, { 'content-length': 99, 'x-a': 'b' }).end();
    return response.setHeader('content-type', 'application/json').end(url === '/empty' ? '' : '{}');
  });
  instance = axios.create();
});
afterEach(closeAll);

async function sentFor(entry: Partial<UpstreamOptions>): Promise<Sent> {
  const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, method: 'POST', ...entry });
  if (outcome.error !== null) throw outcome.error;
  return upstream.only;
}

const form = 'application/x-www-form-urlencoded';

describe('a body', () => {
  test.each<[string, () => unknown, string, string]>([
    ['an object: JSON', () => ({ a: [1, 'ø'] }), '{"a":[1,"ø"]}', 'application/json'],
    ['a list: JSON', () => [1, null], '[1,null]', 'application/json'],
    ['URLSearchParams: a form', () => new URLSearchParams({ a: 'ø&' }), 'a=%C3%B8%26', `${form};charset=utf-8`],
    ['text', () => 'plain ø', 'plain ø', form],
    ['a Buffer', () => Buffer.from('bytes'), 'bytes', form],
    ['an ArrayBuffer', () => new TextEncoder().encode('bytes').buffer, 'bytes', form],
    ['a Blob, with its type', () => new Blob(['<b>'], { type: 'text/html' }), '<b>', 'text/html'],
  ])('%s', async (_, make, body, contentType) => {
    const sent = await sentFor({ data: make });
    expect(sent.body.toString()).toBe(body);
    expect(sent.headers).toMatchObject({
      'content-type': contentType,
      'content-length': String(Buffer.byteLength(body)),
    });
    expect(sent.headers).not.toHaveProperty('transfer-encoding');
  });

  test('a FormData: a multipart form', async () => {
    const data = new FormData();
    data.append('name', 'Bjørn');
    const { body, headers } = await sentFor({ data });
    const type = String(headers['content-type']);
    expect((await new Response(body, { headers: { 'content-type': type } }).formData()).get('name')).toBe('Bjørn');
  });

  test('an object as a form, where the content type says so', async () => {
    const { body } = await sentFor({ data: { a: 1, b: [2, 3] }, headers: { 'content-type': form } });
    expect(body.toString()).toBe('a=1&b%5B%5D=2&b%5B%5D=3');
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'GET'])('is sent with %s', async (method) => {
    const sent = await sentFor({ method, data: { a: 1 } });
    expect(sent.method).toBe(method);
    expect(sent.body.toString()).toBe('{"a":1}');
  });

  test.each([[null], [() => undefined]])('%p: none, and no content type', async (data) => {
    const { body, headers } = await sentFor({ data, headers: { 'content-type': 'application/xml' } });
    expect(body).toHaveLength(0);
    expect(headers).not.toHaveProperty('content-type');
  });

  test('has the length that it has, whatever an interceptor says', async () => {
    instance.interceptors.request.use((config) => {
      config.headers.setContentLength(3);
      return config;
    });
    expect((await sentFor({ data: 'more than three' })).body.toString()).toBe('more than three');
  });

  test.each<[string, () => unknown]>([
    ['a stream', () => Readable.from(['a'])],
    ['a web stream', () => new Blob(['a']).stream()],
    ['a number', () => 5],
  ])('%s is refused', async (_, data) => {
    const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, method: 'POST', data });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
    expect(outcome.error?.message).toContain('its data is not text, bytes or a form');
    expect(upstream.sent).toEqual([]);
  });
});

describe('no body in the answer', () => {
  test.each([
    ['GET', '/204'],
    ['GET', '/empty'],
    ['HEAD', '/'],
  ])('to %s %s is null', async (method, path) => {
    for (const responseType of [undefined, 'json', 'text', 'arraybuffer'] as const) {
      instance = axios.create(responseType === undefined ? {} : { responseType });
      const { data, outcome } = await askBy(instance, { url: upstream.origin + path, method });
      expect([outcome.status, data]).toEqual(['success', null]);
    }
  });

  test("is not given to the page's transformResponse", async () => {
    const transformResponse = () => 'transformed';
    expect((await askBy(instance, { url: `${upstream.origin}/204`, transformResponse })).data).toBeNull();
  });

  test('has its headers in the outcome', async () => {
    const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, method: 'HEAD' });
    expect(outcome.response?.headers).toMatchObject({ 'x-a': 'b', 'content-length': '99' });
  });
});
