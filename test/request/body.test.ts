import { Readable } from 'node:stream';
import type { UpstreamOptions } from '../../src/index.js';
import { type Sent, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, type Client } from '../support/site.js';

afterEach(closeAll);

async function sentFor(options: Partial<UpstreamOptions>, client?: Client): Promise<Sent> {
  const upstream = await startUpstream();
  const { outcome } = await ask({ url: `${upstream.origin}/`, method: 'POST', ...options }, client);
  if (outcome.error !== null) throw outcome.error;
  return upstream.only;
}

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

class Money {
  toJSON() {
    return '5 kr';
  }
}

describe('data', () => {
  test.each<[string, () => unknown, string, string]>([
    ['an object: JSON', () => ({ a: [1, { b: 'ø' }], c: undefined }), '{"a":[1,{"b":"ø"}]}', json],
    ['a list: JSON', () => [1, 'a', null], '[1,"a",null]', json],
    ['an object with a toJSON inside', () => ({ price: new Money() }), '{"price":"5 kr"}', json],
    ['a class with a toJSON', () => new Money(), '"5 kr"', json],
    ['an object without prototype', () => Object.assign(Object.create(null), { a: 1 }), '{"a":1}', json],
    [
      'URLSearchParams: a form',
      () => new URLSearchParams({ a: '1', b: 'ø&' }),
      'a=1&b=%C3%B8%26',
      `${form};charset=utf-8`,
    ],
    ['text: as it is', () => 'plain ø', 'plain ø', form],
    ['a number', () => 5, '5', form],
    ['false', () => false, 'false', form],
    ['a Buffer: as it is', () => Buffer.from('bytes'), 'bytes', form],
    ['bytes of a part of a buffer', () => new Uint8Array(Buffer.from('xbytesx')).subarray(1, 6), 'bytes', form],
    ['an ArrayBuffer', () => new TextEncoder().encode('bytes').buffer, 'bytes', form],
    ['a Blob, with its type', () => new Blob(['<b>', 'x'], { type: 'text/html' }), '<b>x', 'text/html'],
  ])('%s', async (_, make, body, contentType) => {
    const sent = [
      await sentFor({ data: make() as object }),
      await sentFor({ data: make }),
      await sentFor({ data: async () => make() }),
    ];
    for (const one of sent) {
      expect(one.body.toString()).toBe(body);
      expect(one.headers['content-type']).toBe(contentType);
      expect(one.headers['content-length']).toBe(String(Buffer.byteLength(body)));
      expect(one.headers).not.toHaveProperty('transfer-encoding');
    }
  });

  test('bytes are sent as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { body } = await sentFor({ data: bytes, headers: { 'content-type': 'application/octet-stream' } });
    expect(body.equals(bytes)).toBe(true);
  });

  test('a FormData: a multipart form', async () => {
    const data = new FormData();
    data.append('name', 'Bjørn');
    data.append('file', new Blob(['content'], { type: 'text/plain' }), 'a.txt');
    for (const sent of [await sentFor({ data }), await sentFor({ data: () => data })]) {
      const parsed = await new Response(sent.body, {
        headers: { 'content-type': String(sent.headers['content-type']) },
      }).formData();
      expect(parsed.get('name')).toBe('Bjørn');
      const file = parsed.get('file') as File;
      expect([file.name, file.type, await file.text()]).toEqual(['a.txt', 'text/plain', 'content']);
    }
  });

  test('as a function of the context', async () => {
    const data: UpstreamOptions['data'] = ({ params, locals }: { params: object; locals: object }) => ({
      params,
      locals,
    });
    expect((await sentFor({ data }, { path: '/7' })).body.toString()).toBe('{"params":{"id":"7"},"locals":{}}');
  });

  test.each([null, undefined])('%p is no body', async (nothing) => {
    const { body, headers } = await sentFor({ data: () => nothing });
    expect(body).toHaveLength(0);
    expect(headers).not.toHaveProperty('content-type');
    expect(headers['content-length']).toBe('0');
  });

  test('an object is a form where the content type says so', async () => {
    const { body } = await sentFor({ data: { a: 1, b: ['x'] }, headers: { 'Content-Type': form } });
    expect(body.toString()).toBe('a=1&b%5B%5D=x');
  });

  test('text is what a content type of the page says', async () => {
    const { body, headers } = await sentFor({ data: '<a/>', headers: { 'Content-Type': 'application/xml' } });
    expect([body.toString(), headers['content-type']]).toEqual(['<a/>', 'application/xml']);
  });

  test('the content type of a headers function counts too', async () => {
    const { body } = await sentFor({ data: { a: 1 }, headers: () => ({ 'content-type': form }) });
    expect(body.toString()).toBe('a=1');
  });

  test('a GraphQL query', async () => {
    const data = ({ params: { id } }: { params: Record<string, unknown> }) => ({
      query: 'query ($id: ID!) { user(id: $id) { name } }',
      variables: { id },
    });
    const { method, headers, body } = await sentFor({ data }, { path: '/7' });
    expect([method, headers['content-type']]).toEqual(['POST', json]);
    expect(JSON.parse(body.toString())).toEqual({
      query: 'query ($id: ID!) { user(id: $id) { name } }',
      variables: { id: '7' },
    });
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'GET', 'QUERY'])('with %s', async (method) => {
    const sent = await sentFor({ method, data: { a: 1 } });
    expect([sent.method, sent.body.toString()]).toEqual([method, '{"a":1}']);
  });
});

describe('data that cannot be sent fails the call', () => {
  const stream = 'its data is not text, bytes, a form or an object (a stream cannot be sent twice)';
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;

  test.each<[string, () => unknown, string]>([
    ['a stream', () => Readable.from(['x']), stream],
    ['a web stream', () => new Blob(['x']).stream(), stream],
    ['a symbol', () => Symbol('x'), stream],
    ['a cycle', () => cycle, 'its data cannot be serialized: TypeError: Converting circular structure to JSON'],
    [
      'a bigint inside',
      () => ({ n: 5n }),
      'its data cannot be serialized: TypeError: Do not know how to serialize a BigInt',
    ],
    ['an error', () => Promise.reject(new Error('no body')), 'its data function threw Error: no body'],
  ])('%s', async (_, data, message) => {
    const upstream = await startUpstream();
    const { outcome } = await ask({ url: `${upstream.origin}/`, method: 'POST', data });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
    expect(outcome.error?.message).toContain(`upstream 'it': ${message}`);
    expect(upstream.sent).toEqual([]);
  });

  test('a cycle that is written in the config', async () => {
    const upstream = await startUpstream();
    const { outcome } = await ask({ url: `${upstream.origin}/`, method: 'POST', data: cycle });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
  });
});
