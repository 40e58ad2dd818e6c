import type { UpstreamOptions } from '../../src/index.js';
import { createMashup } from '../../src/mashup.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, type Client, openPage } from '../support/site.js';

afterEach(closeAll);

async function headersFor(options: Partial<UpstreamOptions>, client: Client) {
  const upstream = await startUpstream();
  const { outcome } = await ask({ url: `${upstream.origin}/`, ...options }, client);
  if (outcome.error !== null) throw outcome.error;
  return upstream.only.headers;
}

/** What a browser, and the proxies before the page, may send. */
const personal = {
  cookie: 'sid=1',
  authorization: 'Bearer t',
  'accept-language': 'nb',
  'x-forwarded-for': '10.0.0.1',
  'x-forwarded-host': 'www.example.com',
  'x-forwarded-proto': 'https',
  forwarded: 'for=10.0.0.1',
  'x-real-ip': '10.0.0.1',
  via: '1.1 proxy',
  referer: 'https://www.example.com/',
  origin: 'https://www.example.com',
  'if-none-match': '"1"',
  range: 'bytes=0-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-custom': 'x',
};

describe("the client's request headers", () => {
  test('do not reach an upstream', async () => {
    const headers = await headersFor(
      {},
      { headers: { ...personal, host: 'www.example.com', 'user-agent': 'a browser' } },
    );
    expect(Object.keys(headers).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
    expect(headers.host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(headers['user-agent']).toBe('express-mashup');
  });

  test('reach it where `forward` names them, whatever the case', async () => {
    const headers = await headersFor({ forward: ['Cookie', 'ACCEPT-LANGUAGE'] }, { headers: personal });
    expect(headers).toMatchObject({ cookie: 'sid=1', 'accept-language': 'nb' });
    expect(Object.keys(headers)).toHaveLength(7);
  });

  test('are left out where the client has sent none', async () => {
    const headers = await headersFor({ forward: ['cookie', 'x-custom'] }, { headers: { 'x-custom': 'x' } });
    expect(headers).not.toHaveProperty('cookie');
    expect(headers['x-custom']).toBe('x');
  });

  test('cannot be Host, by which a client would choose the site that is asked for', () => {
    expect(() => createMashup()({ a: { url: 'http://127.0.0.1/', forward: ['Host'] } })).toThrow(
      /a\.forward: 'Host' says which site is asked for/,
    );
  });

  test('are read from what the client sent, and not from what objects inherit', async () => {
    const headers = await headersFor({ forward: ['constructor', 'toString'] }, {});
    expect(Object.keys(headers)).not.toContain('constructor');
    expect(Object.keys(headers)).not.toContain('tostring');
  });

  test('are read in no time, however many blanks the Connection header has', async () => {
    const connection = `close, a${' '.repeat(15_000)}b, x-named`;
    const upstreams = { forward: ['x-named', 'x-other'] };
    const headers = await headersFor(upstreams, { headers: { connection, 'x-named': 'a', 'x-other': 'b' } });
    expect(headers['x-other']).toBe('b');
    expect(headers).not.toHaveProperty('x-named');
    // A regular expression took so long that this test would have timed out.
  });

  test('with Latin-1 bytes in them', async () => {
    const headers = await headersFor({ forward: ['x-name'] }, { headers: { 'x-name': 'Bjørn' } });
    expect(headers['x-name']).toBe('Bjørn');
  });

  test('several cookies as the client sent them', async () => {
    const headers = await headersFor({ forward: ['cookie'] }, { headers: { cookie: ['a=1', 'b=2'] } });
    expect(headers.cookie).toBe('a=1; b=2');
  });

  test.each(['x-custom', 'close, X-Custom', 'X-Other,x-custom , close'])(
    'do not reach it where Connection names them as hop-by-hop: %s',
    async (connection) => {
      const client = { headers: { connection, 'x-custom': 'x', 'x-kept': 'k' } };
      const headers = await headersFor({ forward: ['x-custom', 'x-kept'] }, client);
      expect(headers).not.toHaveProperty('x-custom');
      expect(headers['x-kept']).toBe('k');
    },
  );

  test('never hop-by-hop ones, although the client sends them', async () => {
    const client = {
      headers: { te: 'trailers', 'keep-alive': 'timeout=5', 'proxy-authorization': 'Basic x', cookie: 'a=1' },
    };
    const headers = await headersFor({ forward: ['cookie'] }, client);
    expect(Object.keys(headers).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'cookie',
      'host',
      'user-agent',
    ]);
  });

  test('of one client do not reach the request of the next', async () => {
    const upstream = await startUpstream();
    const visit = await openPage({ it: { url: `${upstream.origin}/`, forward: ['cookie'] } });
    await visit({ headers: { cookie: 'sid=1' } });
    await visit({ headers: { cookie: 'sid=2' } });
    await visit();
    expect(upstream.sent.map(({ headers }) => headers.cookie)).toEqual(['sid=1', 'sid=2', undefined]);
  });
});

// A request is made in two ways: from a template alone, and with callbacks or a body.
describe.each<[string, Partial<UpstreamOptions>]>([
  ['a template', {}],
  ['a callback', { params: () => ({ a: 1 }) }],
])('which header wins, in a request made by %s', (_, options) => {
  test('a configured one over a forwarded one', async () => {
    const client = { headers: { 'x-custom': 'client', 'user-agent': 'client' } };
    const forward = ['x-custom', 'user-agent'];
    const headers = await headersFor(
      { ...options, forward, headers: { 'X-Custom': 'page', 'User-Agent': 'page' } },
      client,
    );
    expect(headers).toMatchObject({ 'x-custom': 'page', 'user-agent': 'page' });
  });

  test('a forwarded one over a default', async () => {
    const client = { headers: { accept: 'text/html', 'user-agent': 'client' } };
    const headers = await headersFor({ ...options, forward: ['accept', 'user-agent'] }, client);
    expect(headers).toMatchObject({ accept: 'text/html', 'user-agent': 'client' });
  });

  test('a configured one that says the same as the default over a forwarded one', async () => {
    const client = { headers: { 'user-agent': 'client' } };
    const headers = await headersFor(
      { ...options, forward: ['user-agent'], headers: { 'user-agent': 'express-mashup' } },
      client,
    );
    expect(headers['user-agent']).toBe('express-mashup');
  });

  test('a default only where the client sends nothing', async () => {
    const headers = await headersFor({ ...options, forward: ['user-agent'] }, {});
    expect(headers['user-agent']).toBe('express-mashup');
  });
});

test('a header of a function wins over a forwarded one, and null drops it', async () => {
  const client = { headers: { 'x-a': 'client', 'x-b': 'client' } };
  const headers = await headersFor(
    { forward: ['x-a', 'x-b'], headers: () => ({ 'x-a': 'page', 'x-b': null }) },
    client,
  );
  expect(headers['x-a']).toBe('page');
  expect(headers).not.toHaveProperty('x-b');
});
