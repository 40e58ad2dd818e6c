import type { UpstreamOptions } from '../../src/index.js';
import { type Sent, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, type Client } from '../support/site.js';

afterEach(closeAll);

/** What an upstream is sent, the headers by their names. */
async function sentFor(options: Partial<UpstreamOptions>, client?: Client): Promise<Sent> {
  const upstream = await startUpstream();
  const { outcome } = await ask({ url: `${upstream.origin}/`, ...options }, client);
  if (outcome.error !== null) throw outcome.error;
  return upstream.only;
}

describe('the headers of a request', () => {
  test('are these and no others, unless the page says so', async () => {
    const upstream = await startUpstream();
    await ask(`${upstream.origin}/`);
    expect(upstream.only.headers).toEqual({
      host: upstream.origin.slice('http://'.length),
      connection: 'keep-alive',
      accept: 'application/json, text/plain, */*',
      'accept-encoding': 'gzip, deflate, br',
      'user-agent': 'express-mashup',
    });
  });

  test('as an object', async () => {
    const { headers } = await sentFor({ headers: { 'X-Key': 'k', 'X-Number': 5, 'X-Flag': false } });
    expect(headers).toMatchObject({ 'x-key': 'k', 'x-number': '5', 'x-flag': 'false' });
  });

  test('with several values for a name', async () => {
    const { rawHeaders } = await sentFor({ headers: { 'x-list': ['a', 'b'], 'x-none': [] } });
    expect(valuesOf('x-list', rawHeaders)).toEqual(['a', 'b']);
    expect(valuesOf('x-none', rawHeaders)).toEqual([]);
  });

  test('with Latin-1 in a value', async () => {
    expect((await sentFor({ headers: { 'x-name': 'Bjørn' } })).headers['x-name']).toBe('Bjørn');
  });

  test('as a function of the context', async () => {
    const headers: UpstreamOptions['headers'] = ({ params, query, req }) => ({
      'x-id': params['id'],
      'x-lang': String(query['lang']),
      'x-client': req.headers['user-agent'],
    });
    const client = { path: '/7?lang=nb', headers: { 'user-agent': 'a browser' } };
    expect((await sentFor({ headers }, client)).headers).toMatchObject({
      'x-id': '7',
      'x-lang': 'nb',
      'x-client': 'a browser',
      'user-agent': 'express-mashup',
    });
  });

  test('as an async function', async () => {
    const { headers } = await sentFor({ headers: async () => ({ authorization: await Promise.resolve('Bearer t') }) });
    expect(headers.authorization).toBe('Bearer t');
  });

  test.each([undefined, null])('a function that returns %p adds none', async (nothing) => {
    const { headers } = await sentFor({ headers: () => nothing as never });
    expect(headers['user-agent']).toBe('express-mashup');
  });

  test.each(['accept', 'Accept-Encoding', 'USER-AGENT'])('null drops the default %s', async (name) => {
    const byObject = await sentFor({ headers: { [name]: null } });
    const byFunction = await sentFor({ headers: () => ({ [name]: null }) });
    expect(byObject.headers).not.toHaveProperty([name.toLowerCase()]);
    expect(byFunction.headers).not.toHaveProperty([name.toLowerCase()]);
  });

  test('replace the defaults, whatever the case of the name', async () => {
    const { rawHeaders } = await sentFor({ headers: { 'User-Agent': 'mine', ACCEPT: 'text/html' } });
    expect(valuesOf('user-agent', rawHeaders)).toEqual(['mine']);
    expect(valuesOf('accept', rawHeaders)).toEqual(['text/html']);
  });

  test('may name another host', async () => {
    const { rawHeaders } = await sentFor({ headers: { host: 'virtual.example.com' } });
    expect(valuesOf('host', rawHeaders)).toEqual(['virtual.example.com']);
  });
});

describe('a headers function that goes wrong', () => {
  test.each<[string, () => unknown, string]>([
    ['throws', () => fail(new Error('no key')), 'its headers function threw Error: no key'],
    ['throws nothing', () => fail(undefined), 'its headers function threw undefined'],
    ['throws text', () => fail('no key'), "its headers function threw 'no key'"],
    [
      'throws a secret',
      () => fail(new Error('401 of https://user:secret@api.example/?key=secret with Bearer secret')),
      'its headers function threw Error: 401 of https://api.example/?key=… with Bearer …',
    ],
    ['rejects', () => Promise.reject(new Error('no key')), 'its headers function threw Error: no key'],
    ['returns text', () => 'secret', 'its headers function returned no plain object of names and values'],
    ['returns a list', () => [['a', 'b']], 'its headers function returned no plain object of names and values'],
    ['returns Headers', () => new Headers(), 'its headers function returned no plain object of names and values'],
    [
      'returns a bad name',
      () => ({ 'a b': 'x' }),
      'its headers function returned a name that is not a valid header name',
    ],
    [
      'returns a hop-by-hop name',
      () => ({ Connection: 'close' }),
      'its headers function returned a name that belongs to the connection, not to the request, and cannot be set',
    ],
    [
      'returns a bad value',
      () => ({ 'x-key': 'secret\r\nx: y' }),
      "its headers function returned a value for 'x-key' that cannot be sent",
    ],
  ])('%s', async (_, headers, message) => {
    const upstream = await startUpstream();
    const { outcome } = await ask({ url: `${upstream.origin}/`, headers: headers as never });
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_HOOK', message: `upstream 'it': ${message}` });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(upstream.sent).toEqual([]);
  });
});

describe('auth', () => {
  const auth = { username: 'ann', password: 'påss:word' };
  const basic = `Basic ${Buffer.from('ann:påss:word').toString('base64')}`;

  test('is sent as Basic credentials', async () => {
    expect((await sentFor({ auth })).headers.authorization).toBe(basic);
  });

  test('wins over an authorization header', async () => {
    const { rawHeaders } = await sentFor({ auth, headers: { Authorization: 'Bearer t' } });
    expect(valuesOf('authorization', rawHeaders)).toEqual([basic]);
  });

  test('wins over a forwarded one', async () => {
    const client = { headers: { authorization: 'Bearer of the client' } };
    const { headers } = await sentFor({ auth, forward: ['authorization'] }, client);
    expect(headers.authorization).toBe(basic);
  });
});

function fail(reason: unknown): never {
  throw reason;
}

function valuesOf(name: string, rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}
