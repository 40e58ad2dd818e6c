import { randomBytes } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import axios from 'axios';
import type { UpstreamOptions } from '../../src/index.js';
import { startRawBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, newMashup } from '../support/site.js';

afterEach(closeAll);

const MiB = 1024 * 1024;
const tenMiB = 10 * MiB;

async function answered(headers: OutgoingHttpHeaders, body: Buffer, options: Partial<UpstreamOptions> = {}) {
  const upstream = await startUpstream((response) => response.writeHead(200, headers).end(body));
  return (await ask({ url: `${upstream.origin}/`, ...options })).outcome;
}

/** An upstream that answers with this, and then sees what the other side does; `closed` resolves when it has closed. */
async function startDripping(head: string, more: (socket: Socket) => void = () => {}) {
  let told: (socket: Socket) => void;
  const closed = new Promise<Socket>((resolve) => {
    told = resolve;
  });
  const origin = await startRawBackend((socket) => {
    socket.once('data', () => {
      socket.write(head.replaceAll('\n', '\r\n'));
      more(socket);
    });
    socket.once('close', () => told(socket));
  });
  return { url: `${origin}/`, closed };
}

function tooLarge(limit: number) {
  return { code: 'ERR_UPSTREAM_TOO_LARGE', message: expect.stringContaining(`its body is larger than ${limit} bytes`) };
}

describe('maxContentLength', () => {
  const body = Buffer.from(randomBytes(1000)); // which compression makes longer
  const ways: [string, OutgoingHttpHeaders, Buffer][] = [
    ['with a length', { 'content-length': 1000 }, body],
    ['in chunks', { 'transfer-encoding': 'chunked' }, body],
    ['until the connection closes', { connection: 'close', 'transfer-encoding': 'identity' }, body],
    ['as identity', { 'content-encoding': 'identity' }, body],
    ['as identity, in chunks', { 'content-encoding': 'identity', 'transfer-encoding': 'chunked' }, body],
    ['as identity thrice and nothing', { 'content-encoding': 'identity, identity,, identity,' }, body],
    ['as an encoding without a name', { 'content-encoding': '' }, body],
    ['as gzip', { 'content-encoding': 'gzip' }, gzipSync(body)],
    ['as deflate, in chunks', { 'content-encoding': 'deflate', 'transfer-encoding': 'chunked' }, deflateSync(body)],
    ['as br', { 'content-encoding': 'br' }, brotliCompressSync(body)],
    ['as gzip in br in gzip', { 'content-encoding': 'gzip, br, gzip' }, gzipSync(brotliCompressSync(gzipSync(body)))],
  ];

  test.each(ways)('a body of exactly as many bytes passes: %s', async (_, headers, sent) => {
    const outcome = await answered(headers, sent, { maxContentLength: 1000 });
    expect(outcome.error).toBeNull();
    expect((outcome.data as Buffer).equals(body)).toBe(true);
  });

  test.each(ways)('a body of one byte more does not: %s', async (_, headers, sent) => {
    const outcome = await answered(headers, sent, { maxContentLength: 999 });
    expect(outcome.data).toBeNull();
    expect(outcome.error).toMatchObject(tooLarge(999));
  });

  test('is 10 MiB by default', async () => {
    const passes = await answered({}, Buffer.alloc(tenMiB));
    expect((passes.data as Buffer).length).toBe(tenMiB);
    expect((await answered({}, Buffer.alloc(tenMiB + 1))).error).toMatchObject(tooLarge(tenMiB));
  });

  test('counts bytes, not characters', async () => {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    expect((await answered(headers, Buffer.from('øøø'), { maxContentLength: 5 })).error).toMatchObject(tooLarge(5));
  });

  test('holds for answers that are no success', async () => {
    const upstream = await startUpstream((response) => response.writeHead(500).end('x'.repeat(11)));
    const { outcome } = await ask({ url: `${upstream.origin}/`, maxContentLength: 10 });
    expect(outcome.error).toMatchObject(tooLarge(10));
  });
});

describe('JSON', () => {
  const json = (size: number) => Buffer.from(`"${'x'.repeat(size - 2)}"`);
  const asJson = { 'content-type': 'application/json' };
  const most = 256 * 1024;
  const refused = {
    code: 'ERR_UPSTREAM_TOO_LARGE',
    message: expect.stringContaining(
      'its JSON is larger than 262144 bytes, the default for JSON; set maxContentLength to allow more',
    ),
  };

  test('may have 256 KiB by default', async () => {
    expect((await answered(asJson, json(most))).data).toHaveLength(most - 2);
    expect((await answered(asJson, json(most + 1))).error).toMatchObject(refused);
  });

  test('is counted decompressed', async () => {
    const packed = { ...asJson, 'content-encoding': 'gzip' };
    expect((await answered(packed, gzipSync(json(most)))).error).toBeNull();
    expect((await answered(packed, gzipSync(json(most + 1)))).error).toMatchObject(refused);
  });

  test('is what the page says is JSON', async () => {
    expect(
      (await answered({ 'content-type': 'text/plain' }, json(most + 1), { responseType: 'json' })).error,
    ).toMatchObject(refused);
    const transformResponse = (text: string) => text.length;
    expect((await answered(asJson, json(most + 1), { transformResponse })).error).toMatchObject(refused);
  });

  test('may have as much as the page gave', async () => {
    for (const maxContentLength of [most + 1, tenMiB]) {
      expect((await answered(asJson, json(most + 1), { maxContentLength })).data).toHaveLength(most - 1);
    }
    expect((await answered(asJson, json(101), { maxContentLength: 100 })).error).toMatchObject(tooLarge(100));
  });

  test('may have as much as text has, where it is not parsed', async () => {
    for (const responseType of ['text', 'arraybuffer'] as const) {
      expect((await answered(asJson, json(most + 1), { responseType })).data).toHaveLength(most + 1);
    }
  });

  test('of an axios instance may have as much', async () => {
    const mashup = newMashup({ axios: axios.create() });
    const upstream = await startUpstream((response, { url }) => {
      const [, type, text] = /^\/(\w+)\/(\w+)/.exec(url) ?? [];
      response.writeHead(200, { 'content-type': type === 'json' ? 'application/json' : 'text/plain' });
      response.end(text === 'list' ? `["${'x'.repeat(most)}"]` : `${'x'.repeat(most + 1)}`);
    });
    const errorOf = async (path: string, options: Partial<UpstreamOptions> = {}) =>
      (await ask({ url: `${upstream.origin}${path}`, ...options }, {}, { mashup })).outcome.error;
    expect(await errorOf('/json/list')).toMatchObject(refused);
    // Which axios would parse as well.
    expect(await errorOf('/text/list')).toMatchObject(refused);
    expect(await errorOf('/text/other')).toBeNull();
    expect(await errorOf('/json/list', { responseType: 'text' })).toBeNull();
    expect(await errorOf('/json/list', { maxContentLength: tenMiB })).toBeNull();
    const roomy = newMashup({ axios: axios.create({ maxContentLength: 5 * MiB }) });
    expect((await ask(`${upstream.origin}/json/list`, {}, { mashup: roomy })).outcome.error).toBeNull();
  });
});

describe('a bomb', () => {
  const zeros = Buffer.alloc(20 * MiB);

  test.each<[string, Buffer]>([
    ['gzip', gzipSync(zeros)],
    ['deflate', deflateSync(zeros)],
    ['br', brotliCompressSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
  ])('of %s that would be 20 MiB is refused', async (encoding, body) => {
    expect(body.length).toBeLessThan(30 * 1024);
    expect((await answered({ 'content-encoding': encoding }, body)).error).toMatchObject(tooLarge(tenMiB));
  });

  test('passes where the page allows for it', async () => {
    const outcome = await answered({ 'content-encoding': 'gzip' }, gzipSync(zeros), { maxContentLength: 20 * MiB });
    expect((outcome.data as Buffer).length).toBe(20 * MiB);
  });
});

describe('an upstream that would send too much is not listened to', () => {
  test('a Content-Length over the limit is refused at the headers', async () => {
    const { url, closed } = await startDripping('HTTP/1.1 200 OK\nContent-Length: 10485761\n\n');
    const { outcome } = await ask(url);
    expect(outcome.error).toMatchObject(tooLarge(tenMiB));
    await closed; // although no byte of the body was sent
  });

  test('also where it is compressed', async () => {
    const { url, closed } = await startDripping(
      'HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 20000000\n\n',
    );
    expect((await ask(url)).outcome.error).toMatchObject(tooLarge(tenMiB));
    await closed;
  });

  test('a length with a space after it is one', async () => {
    const { url, closed } = await startDripping('HTTP/1.1 200 OK\nContent-Length: 20000000 \n\n');
    expect((await ask(url)).outcome.error).toMatchObject(tooLarge(tenMiB));
    await closed;
  });

  test('a body without an end is cut off at the limit', async () => {
    const { url, closed } = await startDripping('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n', (socket) => {
      const goOn = () => {
        while (!socket.destroyed && socket.write(`400\r\n${'x'.repeat(1024)}\r\n`));
      };
      socket.on('drain', goOn);
      goOn();
    });
    expect((await ask({ url, maxContentLength: 100_000 })).outcome.error).toMatchObject(tooLarge(100_000));
    await closed;
  });

  test('headers of more than 16 KiB', async () => {
    const { url, closed } = await startDripping(`HTTP/1.1 200 OK\nX-Long: ${'x'.repeat(20_000)}\n\n`);
    expect((await ask(url)).outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_TOO_LARGE',
      message: expect.stringContaining('its headers are too large'),
    });
    await closed;
  });

  test('a length that HEAD or a 304 only tells of is no reason', async () => {
    const head = await startUpstream((response) => response.writeHead(200, { 'content-length': 5000 }).end());
    expect((await ask({ url: `${head.origin}/`, method: 'HEAD', maxContentLength: 10 })).outcome.status).toBe(
      'success',
    );
    const { url } = await startDripping('HTTP/1.1 304 Not Modified\nContent-Length: 5000\n\n');
    const validateStatus = (status: number) => status === 304;
    expect((await ask({ url, validateStatus, maxContentLength: 10 })).outcome).toMatchObject({
      status: 'success',
      data: null,
    });
  });
});
