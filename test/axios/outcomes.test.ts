import { gzipSync } from 'node:zlib';
import axios from 'axios';
import { deadOrigin, json, startRawBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { askBy } from '../support/site.js';

afterEach(closeAll);

const instance = axios.create();
const head = (lines: string[]) => `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`;

/** An upstream that sends these bytes, and then closes the connection. */
const upstreamThatSends = (bytes: string) => startRawBackend((socket) => socket.once('data', () => socket.end(bytes)));

test('a success tells its status, its headers and its URL', async () => {
  const upstream = await startUpstream((response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    json(response, { a: 1 }, 201);
  });
  const { outcome } = await askBy(instance, { url: `${upstream.origin}/x`, params: { q: 'hush' } });
  expect(outcome).toMatchObject({
    name: 'it',
    status: 'success',
    data: { a: 1 },
    error: null,
    source: 'network',
    attempts: 1,
    response: {
      status: 201,
      url: `${upstream.origin}/x?q=…`,
      headers: { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] },
    },
  });
  const { ready, started, firstByte, ended } = outcome.timings;
  expect([ready, started, firstByte, ended]).toEqual(
    [ready, started, firstByte, ended].sort((a, b) => Number(a) - Number(b)),
  );
});

test.each([
  [404, 404],
  [410, 410],
  [401, 502],
  [500, 502],
  [304, 502],
])('an answer of %i is a status error, and the page answers %i', async (status, pageStatus) => {
  const upstream = await startUpstream((response) => response.writeHead(status, { 'x-a': 'b' }).end());
  const { outcome } = await askBy(instance, `${upstream.origin}/`);
  expect(outcome).toMatchObject({
    status: 'error',
    data: null,
    source: null,
    error: {
      code: 'ERR_UPSTREAM_STATUS',
      upstreamStatus: status,
      status: pageStatus,
      url: `${upstream.origin}/`,
      message: `upstream 'it': it answered ${status} (GET ${upstream.origin}/)`,
    },
    response: { status, headers: { 'x-a': 'b' } },
  });
});

test('nobody listening is CONNECT', async () => {
  const { outcome } = await askBy(instance, `${await deadOrigin()}/`);
  expect(outcome).toMatchObject({ error: { code: 'ERR_UPSTREAM_CONNECT', attempts: 1 }, response: null });
  expect(outcome.error?.message).toContain('ECONNREFUSED');
});

test('a connection that is reset is NETWORK', async () => {
  const origin = await startRawBackend((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const { outcome } = await askBy(instance, `${origin}/`);
  expect(outcome).toMatchObject({ error: { code: 'ERR_UPSTREAM_NETWORK', upstreamStatus: null }, response: null });
});

test('a body that breaks off is NETWORK', async () => {
  const origin = await upstreamThatSends(`${head(['content-length: 10'])}short`);
  expect((await askBy(instance, `${origin}/`)).outcome.error?.code).toBe('ERR_UPSTREAM_NETWORK');
});

test('what is not HTTP is NETWORK', async () => {
  const origin = await upstreamThatSends('SSH-2.0-OpenSSH\r\n');
  expect((await askBy(instance, `${origin}/`)).outcome.error?.code).toBe('ERR_UPSTREAM_NETWORK');
});

describe('a body that is too large', () => {
  const body = 'a'.repeat(101);
  const limits = { maxContentLength: 100 };

  test.each([
    ['by its Content-Length', head(['content-length: 101'])],
    ['by what comes', `${head(['transfer-encoding: chunked'])}65\r\n${body}\r\n`],
  ])('%s is TOO_LARGE, and its connection is closed', async (_, bytes) => {
    let closed: Promise<void> | undefined;
    const origin = await startRawBackend((socket) => {
      closed = new Promise((resolve) => {
        socket.once('close', () => resolve());
      });
      socket.once('data', () => socket.write(bytes));
    });
    const { outcome } = await askBy(instance, { url: `${origin}/`, ...limits });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
    await closed;
  });

  test('once it is decompressed is TOO_LARGE', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000));
    const upstream = await startUpstream((response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    const { outcome } = await askBy(instance, { url: `${upstream.origin}/`, maxContentLength: 50_000 });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
  });

  test('has the default limit of a page, for axios has none', async () => {
    const origin = await upstreamThatSends(head([`content-length: ${10 * 2 ** 20 + 1}`]));
    expect((await askBy(instance, `${origin}/`)).outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
  });
});

test.each<[string, Record<string, string>]>([
  ['cannot be decompressed', { 'content-encoding': 'gzip' }],
  ['is in an encoding that was not asked for', { 'content-encoding': 'zstd' }],
  ['is in a charset that nobody knows', { 'content-type': 'text/plain; charset=klingon' }],
])('a body that %s is BODY', async (_, headers) => {
  const upstream = await startUpstream((response) => response.writeHead(200, headers).end('abc'));
  expect((await askBy(instance, `${upstream.origin}/`)).outcome.error?.code).toBe('ERR_UPSTREAM_BODY');
});

test('compressed JSON is the data', async () => {
  const upstream = await startUpstream((response) =>
    response
      .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
      .end(gzipSync('{"a":"ø"}')),
  );
  expect((await askBy(instance, `${upstream.origin}/`)).data).toEqual({ a: 'ø' });
});

test.each<[string, string, Buffer, unknown]>([
  ['text in its charset', 'text/plain; charset=iso-8859-1', Buffer.from([0xf8]), 'ø'],
  ['text with a byte order mark', 'text/plain', Buffer.from('\uFEFFa'), 'a'],
  ['JSON with a byte order mark', 'application/json', Buffer.from('\uFEFF[1]'), [1]],
  ['JSON of some kind', 'application/problem+json', Buffer.from('[1]'), [1]],
  ['what is not text', 'image/png', Buffer.from([1, 255]), Buffer.from([1, 255])],
])('%s is decoded', async (_, type, body, data) => {
  const upstream = await startUpstream((response) => response.writeHead(200, { 'content-type': type }).end(body));
  expect((await askBy(instance, `${upstream.origin}/`)).data).toEqual(data);
});

test.each([
  ['a name that is not public', 'http://localhost:1/'],
  ['a private address', 'http://10.0.0.1/'],
  ['an IPv6 loopback', 'http://[::1]:1/'],
])('%s is blocked where only the public is allowed', async (_, url) => {
  const { outcome } = await askBy(instance, { url: () => url, origins: 'public' });
  expect(outcome.error?.code).toBe('ERR_UPSTREAM_BLOCKED');
});

test('a request that is not valid HTTP is HOOK', async () => {
  const interfering = axios.create();
  interfering.interceptors.request.use((config) => Object.assign(config, { method: 'not a method' }));
  const { outcome } = await askBy(interfering, `${await deadOrigin()}/`);
  expect(outcome.error?.code).toBe('ERR_UPSTREAM_HOOK');
});
