import axios, { type CreateAxiosDefaults } from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { type Recorder, type Sent, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

let upstream: Recorder;

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(closeAll);

/** What an upstream is sent by an instance with these defaults. */
async function sentWith(defaults: CreateAxiosDefaults, entry: Partial<UpstreamOptions> = {}): Promise<Sent> {
  const { outcome } = await askBy(axios.create(defaults), { url: `${upstream.origin}/`, ...entry });
  if (outcome.error !== null) throw outcome.error;
  return upstream.only;
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('default headers', () => {
  test('are sent', async () => {
    expect((await sentWith({ headers: { 'X-Key': 'k' } })).headers['x-key']).toBe('k');
  });

  test('are sent with each method, or with one', async () => {
    const headers = { common: { 'x-common': '1' }, get: { 'x-get': '1' }, post: { 'x-post': '1' } };
    const instance = axios.create({ headers });
    for (const method of ['GET', 'POST']) await askBy(instance, { url: `${upstream.origin}/`, method });
    const [get, post] = upstream.sent;
    expect(get?.headers).toMatchObject({ 'x-common': '1', 'x-get': '1' });
    expect(get?.headers).not.toHaveProperty('x-post');
    expect(post?.headers).toMatchObject({ 'x-common': '1', 'x-post': '1' });
    expect(post?.headers).not.toHaveProperty('x-get');
  });

  test('are those of the moment', async () => {
    const instance = axios.create();
    const data = () => {
      instance.defaults.headers.common['x-late'] = '1';
    };
    await askBy(instance, { url: `${upstream.origin}/`, data });
    expect(upstream.only.headers['x-late']).toBe('1');
  });

  test('give way to those of the page, whatever their case', async () => {
    const { headers, rawHeaders } = await sentWith(
      { headers: { 'X-KEY': 'default' } },
      { headers: { 'x-key': 'page' } },
    );
    expect(headers['x-key']).toBe('page');
    expect(rawHeaders.filter((name) => name.toLowerCase() === 'x-key')).toHaveLength(1);
  });

  test('give way to those of a function of the page', async () => {
    const { headers } = await sentWith({ headers: { 'x-key': 'default' } }, { headers: () => ({ 'x-key': 'page' }) });
    expect(headers['x-key']).toBe('page');
  });

  test("have axios's Accept and this package's User-Agent among them", async () => {
    const { headers } = await sentWith({});
    expect(headers).toMatchObject({
      accept: 'application/json, text/plain, */*',
      'user-agent': 'express-mashup',
      'accept-encoding': 'gzip, deflate, br',
    });
  });

  test('may name another User-Agent, and no other encodings than can be decoded', async () => {
    const { headers } = await sentWith({ headers: { 'User-Agent': 'mine', 'Accept-Encoding': 'zstd' } });
    expect(headers).toMatchObject({ 'user-agent': 'mine', 'accept-encoding': 'gzip, deflate, br' });
  });

  test('with a list of values are sent one by one', async () => {
    const { rawHeaders } = await sentWith({ headers: { 'X-Many': ['a', 'b'] } });
    expect(rawHeaders.filter((_, at) => rawHeaders[at - 1] === 'X-Many')).toEqual(['a', 'b']);
  });
});

describe('default params', () => {
  test('are added to those of the page and of the URL', async () => {
    const { url } = await sentWith({ params: { key: 'k', page: 1 } }, { params: { page: 2 } });
    expect(url).toBe('/?key=k&page=2');
  });

  test('are added where the page has none', async () => {
    expect((await sentWith({ params: { key: 'k' } }, { url: `${upstream.origin}/?a=1` })).url).toBe('/?a=1&key=k');
  });

  test('are written by the paramsSerializer', async () => {
    const serialize = (params: Record<string, unknown>) => `q=${Object.keys(params).join('|')}`;
    const { url } = await sentWith({ paramsSerializer: { serialize } }, { params: { a: 1, b: 2 } });
    expect(url).toBe('/?q=a|b');
  });

  test('have lists as the paramsSerializer says', async () => {
    const { url } = await sentWith({ paramsSerializer: { indexes: null } }, { params: { id: [1, 2] } });
    expect(url).toBe('/?id=1&id=2');
  });
});

describe('default auth', () => {
  const auth = { username: 'joe', password: 'påss' };

  test('is sent', async () => {
    expect((await sentWith({ auth })).headers.authorization).toBe(basic('joe:påss'));
  });

  test('gives way to that of the page', async () => {
    const entry = { auth: { username: 'ann', password: '2' } };
    expect((await sentWith({ auth }, entry)).headers.authorization).toBe(basic('ann:2'));
  });

  test('wins over an Authorization header, as axios documents', async () => {
    const { headers } = await sentWith({ auth }, { headers: { authorization: 'Bearer b' } });
    expect(headers.authorization).toBe(basic('joe:påss'));
  });

  test('without a password has an empty one', async () => {
    const key = { username: 'key' } as CreateAxiosDefaults['auth'] & object;
    expect((await sentWith({ auth: key })).headers.authorization).toBe(basic('key:'));
  });
});

describe('transformRequest', () => {
  test('makes the body', async () => {
    const transformRequest = (data: object) => `made of ${Object.keys(data)}`;
    const { body } = await sentWith({ transformRequest }, { method: 'POST', data: { a: 1 } });
    expect(body.toString()).toBe('made of a');
  });

  test('is a list, and sets headers', async () => {
    const transformRequest: CreateAxiosDefaults['transformRequest'] = [
      (data) => ({ ...data, b: 2 }),
      (data, headers) => {
        headers.setContentType('application/vnd.api+json');
        return JSON.stringify(data);
      },
    ];
    const { headers, body } = await sentWith({ transformRequest }, { method: 'POST', data: { a: 1 } });
    expect(headers['content-type']).toBe('application/vnd.api+json');
    expect(body.toString()).toBe('{"a":1,"b":2}');
  });

  test('that throws makes an outcome, and nothing is sent', async () => {
    const instance = axios.create({
      transformRequest: () => {
        throw new Error('a bug');
      },
    });
    const { outcome } = await askBy(instance, `${upstream.origin}/`);
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', cause: new Error('a bug') });
    expect(upstream.sent).toEqual([]);
  });
});
