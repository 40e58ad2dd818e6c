import type { OutgoingHttpHeaders } from 'node:http';
import type { UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

interface Answer {
  status?: number;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
}

const parse = (text: string): unknown => JSON.parse(text);

async function decoded({ status = 200, headers = {}, body = '' }: Answer, options: Partial<UpstreamOptions>) {
  const upstream = await startUpstream((response) => response.writeHead(status, headers).end(body));
  return await ask({ url: `${upstream.origin}/`, ...options });
}

const json = { headers: { 'content-type': 'application/json' }, body: '{"a":1}' };

describe('responseType', () => {
  test("'json' parses whatever the content type", async () => {
    for (const type of ['text/plain', 'application/octet-stream', 'nonsense']) {
      const { data } = await decoded({ ...json, headers: { 'content-type': type } }, { responseType: 'json' });
      expect(data).toEqual({ a: 1 });
    }
    expect((await decoded({ body: '{"a":1}' }, { responseType: 'json' })).data).toEqual({ a: 1 });
    expect((await decoded({ body: 'x' }, { responseType: 'json' })).outcome.error?.code).toBe('ERR_UPSTREAM_BODY');
  });

  test("'text' gives a string, JSON included", async () => {
    expect((await decoded(json, { responseType: 'text' })).data).toBe('{"a":1}');
    expect((await decoded({ body: 'x' }, { responseType: 'text' })).data).toBe('x');
  });

  test("'arraybuffer' gives a Buffer, whatever the content type and the charset", async () => {
    const { data } = await decoded(json, { responseType: 'arraybuffer' });
    expect(Buffer.isBuffer(data) && data.toString()).toBe('{"a":1}');
    const unknown = { headers: { 'content-type': 'text/plain; charset=klingon' }, body: 'x' };
    expect((await decoded(unknown, { responseType: 'arraybuffer' })).outcome.error).toBeNull();
  });
});

describe('transformResponse', () => {
  test('gets the text, the headers and the status', async () => {
    const transformResponse = (text: string, headers: object, status: number) => ({ text, headers, status });
    const { data } = await decoded({ ...json, status: 201 }, { transformResponse });
    expect(data).toMatchObject({ text: '{"a":1}', headers: { 'content-type': 'application/json' }, status: 201 });
  });

  test("gets a Buffer with responseType 'arraybuffer'", async () => {
    const { data } = await decoded(json, {
      responseType: 'arraybuffer',
      transformResponse: (body) => Buffer.isBuffer(body),
    });
    expect(data).toBe(true);
  });

  test('gets text, not JSON, with responseType json', async () => {
    const { data } = await decoded(json, { responseType: 'json', transformResponse: (body) => typeof body });
    expect(data).toBe('string');
  });

  test('gets text by its charset', async () => {
    const answer = { headers: { 'content-type': 'text/plain; charset=latin1' }, body: Buffer.from('ø', 'latin1') };
    expect((await decoded(answer, { transformResponse: (text: string) => `<${text}>` })).data).toBe('<ø>');
  });

  test('a list is applied in its order', async () => {
    const { data } = await decoded(json, { transformResponse: [parse, ({ a }) => a + 1, String] });
    expect(data).toBe('2');
  });

  test('async ones are waited for, one after the other', async () => {
    const transformResponse = [
      async (text: string) => JSON.parse(text),
      ({ a }: { a: number }) => a,
      async (a: number) => a + 1,
    ];
    expect((await decoded(json, { transformResponse })).data).toBe(2);
  });

  test.each<[string, NonNullable<UpstreamOptions['transformResponse']>]>([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
    ['of a list throws', [parse, () => fail()]],
    ['throws after an async one', [async (text) => text, () => fail()]],
  ])('one that %s is a BODY error', async (_, transformResponse) => {
    const { data, outcome } = await decoded(json, { transformResponse });
    expect(data).toBeNull();
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_BODY',
      message: expect.stringContaining('its transformResponse function threw'),
      cause: new Error('secret'),
    });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('is not called for an answer that is no success', async () => {
    const { outcome } = await decoded({ ...json, status: 500 }, { transformResponse: () => fail() });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_STATUS');
  });
});

describe('no body is null', () => {
  const headers = { 'content-type': 'application/json' };

  test.each<[string, Answer, Partial<UpstreamOptions>]>([
    ['204', { status: 204, headers }, {}],
    ['205', { status: 205, headers: { ...headers, 'content-length': 0 } }, {}],
    ['304 that is accepted', { status: 304, headers }, { validateStatus: (status) => status === 304 }],
    ['HEAD', { headers: { ...headers, 'content-length': 7 } }, { method: 'HEAD' }],
    ['length 0', { headers: { ...headers, 'content-length': 0 } }, {}],
    ['no chunk', { headers: { ...headers, 'transfer-encoding': 'chunked' } }, {}],
    ['length 0 as text', { headers: { 'content-type': 'text/plain', 'content-length': 0 } }, {}],
    ['length 0 as a Buffer', { headers: { 'content-length': 0 } }, { responseType: 'arraybuffer' }],
    ['a content-encoding of nothing', { headers: { ...headers, 'content-encoding': 'gzip' } }, {}],
  ])('%s', async (_, answer, options) => {
    const { data, outcome } = await decoded(answer, options);
    expect(outcome).toMatchObject({ status: 'success', error: null });
    expect(data).toBeNull();
  });

  test('304 is no success by itself', async () => {
    const { outcome } = await decoded({ status: 304 }, {});
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 304 });
  });
});

describe('validateStatus', () => {
  test.each([200, 201, 206, 299])('%i is a success', async (status) => {
    expect((await decoded({ ...json, status }, {})).data).toEqual({ a: 1 });
  });

  test.each([300, 400, 404, 429, 500, 599, 600, 999])('%i is none', async (status) => {
    const { data, outcome } = await decoded({ ...json, status }, {});
    expect(data).toBeNull();
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: status });
  });

  test.each([300, 404, 500, 600, 999])('null accepts any: %i', async (status) => {
    const { data, outcome } = await decoded({ ...json, status }, { validateStatus: null });
    expect(data).toEqual({ a: 1 });
    expect(outcome.response?.status).toBe(status);
  });

  test('a function decides', async () => {
    const validateStatus = (status: number) => status === 404;
    expect((await decoded({ ...json, status: 404 }, { validateStatus })).outcome.status).toBe('success');
    expect((await decoded({ ...json, status: 200 }, { validateStatus })).outcome.error?.code).toBe(
      'ERR_UPSTREAM_STATUS',
    );
  });

  test.each<[string, () => unknown, string]>([
    ['throws', () => fail(), 'its validateStatus function threw'],
    ['returns a promise', () => Promise.reject(new Error('secret')), 'its validateStatus function returned a promise'],
  ])('one that %s is a HOOK error', async (_, validateStatus, message) => {
    const { outcome } = await decoded(json, { validateStatus: validateStatus as () => boolean });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', message: expect.stringContaining(message) });
  });
});

function fail(): never {
  throw new Error('secret');
}
