import axios, { type CreateAxiosDefaults } from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) => {
    if (url === '/redirect') response.writeHead(302, { location: '/200' }).end();
    else if (url === '/invalid') response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":');
    else if (url === '/text') response.writeHead(200, { 'content-type': 'text/plain' }).end('plain');
    else if (url === '/bytes') response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([1, 255]));
    else json(response, { a: 1 }, Number(url.slice(1)));
  });
});
afterEach(closeAll);

/** What a page finds that an instance with these defaults has fetched. */
const askWith = (defaults: CreateAxiosDefaults, path: string, entry: Partial<UpstreamOptions> = {}) =>
  askBy(axios.create(defaults), { url: `${upstream.origin}${path}`, ...entry });

describe('a default transformResponse', () => {
  test('makes the data', async () => {
    const { data } = await askWith({ transformResponse: (text: string) => `got ${text}` }, '/200');
    expect(data).toBe('got {"a":1}');
  });

  test('is a list, as added to those of axios', async () => {
    const transformResponse = [axios.defaults.transformResponse, (data: { a: number }) => data.a].flat();
    const { data } = await askWith({ transformResponse: transformResponse as never }, '/200');
    expect(data).toBe(1);
  });

  test('gives way to that of the page', async () => {
    const { data } = await askWith({ transformResponse: () => 'default' }, '/200', { transformResponse: () => 'page' });
    expect(data).toBe('page');
  });

  test('that throws makes an outcome', async () => {
    const transformResponse = () => {
      throw new Error('a bug');
    };
    const { outcome } = await askWith({ transformResponse }, '/200');
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_HOOK',
      upstreamStatus: 200,
      cause: new Error('a bug'),
    });
  });

  test('that throws at the body of a refused answer leaves it a status', async () => {
    const { outcome } = await askWith(
      { transformResponse: (text) => JSON.parse(text), validateStatus: () => false },
      '/text',
    );
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 200 });
  });
});

describe("the page's transformResponse", () => {
  test('gets text, headers and status', async () => {
    const transformResponse = (text: string, headers: object, status: number) => [
      text,
      Object.keys(headers)[0],
      status,
    ];
    expect((await askWith({}, '/201', { transformResponse })).data).toEqual(['{"a":1}', 'content-type', 201]);
  });

  test('may be async, and one of several', async () => {
    const transformResponse = [async (text: string) => JSON.parse(text), ({ a }: { a: number }) => a + 1];
    expect((await askWith({}, '/200', { transformResponse })).data).toBe(2);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('a bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bug'))],
  ])('is a BODY error where it %s', async (_, transformResponse) => {
    const { outcome } = await askWith({}, '/200', { transformResponse });
    expect(outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_BODY',
      upstreamStatus: 200,
      cause: new Error('a bug'),
    });
  });
});

describe('JSON that is not valid', () => {
  test('is text, as axios documents', async () => {
    expect(await askWith({}, '/invalid')).toMatchObject({ data: '{"a":', outcome: { status: 'success' } });
  });

  test('is a BODY error where the instance wants JSON and no silence', async () => {
    const { outcome } = await askWith({ responseType: 'json', transitional: { silentJSONParsing: false } }, '/invalid');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_BODY', upstreamStatus: 200 });
  });
});

describe('a default validateStatus', () => {
  test('says what is a success', async () => {
    const { outcome } = await askWith({ validateStatus: (status) => status === 404 }, '/404');
    expect(outcome).toMatchObject({ status: 'success', data: { a: 1 }, response: { status: 404 } });
  });

  test('says what is not', async () => {
    const { outcome } = await askWith({ validateStatus: (status) => status === 404 }, '/200');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 200 });
  });

  test('that is null accepts any', async () => {
    expect((await askWith({ validateStatus: null }, '/500')).outcome.status).toBe('success');
  });

  test('gives way to that of the page', async () => {
    const entry = { validateStatus: (status: number) => status < 300 };
    expect((await askWith({ validateStatus: null }, '/500', entry)).outcome.status).toBe('error');
    expect((await askWith({}, '/500', { validateStatus: null })).outcome.status).toBe('success');
  });

  test('that throws makes an outcome', async () => {
    const validateStatus = () => {
      throw new Error('a bug');
    };
    expect((await askWith({ validateStatus }, '/200')).outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
  });
});

describe('a default responseType', () => {
  test.each<[CreateAxiosDefaults['responseType'] & string, string, unknown]>([
    ['text', '/200', '{"a":1}'],
    ['json', '/200', { a: 1 }],
    ['arraybuffer', '/200', Buffer.from('{"a":1}')],
    ['arraybuffer', '/bytes', Buffer.from([1, 255])],
  ])('%s of %s', async (responseType, path, data) => {
    expect((await askWith({ responseType }, path)).data).toEqual(data);
  });

  test('gives way to that of the page', async () => {
    expect((await askWith({ responseType: 'arraybuffer' }, '/200', { responseType: 'text' })).data).toBe('{"a":1}');
  });

  test('stream is refused', async () => {
    const { outcome } = await askWith({ responseType: 'stream' }, '/200');
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK' });
  });
});

describe('default limits', () => {
  test('maxRedirects holds', async () => {
    expect((await askWith({ maxRedirects: 0 }, '/redirect')).outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_STATUS',
      upstreamStatus: 302,
    });
    expect((await askWith({ maxRedirects: 1 }, '/redirect')).data).toEqual({ a: 1 });
  });

  test('maxRedirects gives way to that of the page', async () => {
    expect((await askWith({ maxRedirects: 0 }, '/redirect', { maxRedirects: 1 })).data).toEqual({ a: 1 });
    const { outcome } = await askWith({ maxRedirects: 9 }, '/redirect', { maxRedirects: 0, validateStatus: null });
    expect(outcome).toMatchObject({ status: 'success', data: null, response: { status: 302 } });
  });

  test('maxContentLength holds', async () => {
    const { outcome } = await askWith({ maxContentLength: 6 }, '/200');
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
    expect((await askWith({ maxContentLength: 7 }, '/200')).data).toEqual({ a: 1 });
  });

  test('maxContentLength gives way to that of the page', async () => {
    expect((await askWith({ maxContentLength: 6 }, '/200', { maxContentLength: 7 })).data).toEqual({ a: 1 });
    const { outcome } = await askWith({ maxContentLength: 7 }, '/200', { maxContentLength: 6 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
  });
});
