import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

const text = JSON.stringify({ text: 'Bjørn '.repeat(50) });
const data = JSON.parse(text) as unknown;

async function answered(encoding: string | string[], body: Buffer, options: Partial<UpstreamOptions> = {}) {
  const headers = { 'content-type': 'application/json', ['content-encoding' as string]: encoding };
  const upstream = await startUpstream((response) => response.writeHead(200, headers).end(body));
  return (await ask({ url: `${upstream.origin}/`, ...options })).outcome;
}

const gzip = (body: Buffer | string) => gzipSync(body);

describe('a content-encoding is undone', () => {
  test.each<[string, string | string[], Buffer]>([
    ['gzip', 'gzip', gzipSync(text)],
    ['gzip by its old name', 'x-gzip', gzipSync(text)],
    ['gzip in other case', 'GZip', gzipSync(text)],
    ['gzip of several members', 'gzip', Buffer.concat([gzipSync(text.slice(0, 50)), gzipSync(text.slice(50))])],
    ['deflate, which is the zlib format', 'deflate', deflateSync(text)],
    ['deflate at another level', 'deflate', deflateSync(text, { level: 1 })],
    ['deflate of another window', 'deflate', deflateSync(text, { windowBits: 9 })],
    ['deflate without the zlib format', 'deflate', deflateRawSync(text)],
    ['deflate without the zlib format, stored', 'deflate', deflateRawSync(text, { level: 0 })],
    ['br', 'br', brotliCompressSync(text)],
    ['identity', 'identity', Buffer.from(text)],
    ['none', '', Buffer.from(text)],
    ['two, the last one first', 'deflate, gzip', gzip(deflateSync(text))],
    ['three', 'br, deflate, gzip', gzip(deflateSync(brotliCompressSync(text)))],
    ['several headers', ['br', 'gzip'], gzip(brotliCompressSync(text))],
    ['identity among others', 'identity, gzip, identity, identity', gzip(text)],
    ['spaces and empty ones', ' , gzip ,, br\t', brotliCompressSync(gzip(text))],
  ])('%s', async (_, encoding, body) => {
    const outcome = await answered(encoding, body);
    expect([outcome.error, outcome.data]).toEqual([null, data]);
  });

  test('whatever becomes of the body afterwards', async () => {
    expect((await answered('gzip', gzip(text), { responseType: 'text' })).data).toBe(text);
    const bytes = await answered('gzip', gzip(text), { responseType: 'arraybuffer' });
    expect((bytes.data as Buffer).toString()).toBe(text);
    expect((await answered('gzip', gzip(text), { transformResponse: (body: string) => body })).data).toBe(text);
  });

  test.each<[string, (body: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('where few bytes become many: %s', async (encoding, compress) => {
    const many = JSON.stringify('x'.repeat(300_000));
    const body = compress(Buffer.from(many));
    expect(body.length).toBeLessThan(8000);
    expect((await answered(encoding, body, { maxContentLength: many.length })).data).toBe(JSON.parse(many));
    expect((await answered(encoding, body, { maxContentLength: many.length - 1 })).error).toMatchObject({
      code: 'ERR_UPSTREAM_TOO_LARGE',
    });
    expect((await answered(encoding, body, { maxContentLength: 10_000 })).error).toMatchObject({
      code: 'ERR_UPSTREAM_TOO_LARGE',
    });
  });

  test('of an empty body is nothing', async () => {
    expect(await answered('gzip', Buffer.alloc(0))).toMatchObject({ status: 'success', data: null });
    expect(await answered('gzip', gzip(''))).toMatchObject({ status: 'success', data: null });
  });
});

describe('is a BODY error', () => {
  const broken = 'its body could not be decompressed';
  const half = (body: Buffer) => body.subarray(0, body.length - 10);

  function corrupt(body: Buffer): Buffer {
    const copy = Buffer.from(body);
    copy.fill(0xff, 12, 24);
    return copy;
  }

  test.each<[string, string, Buffer, string]>([
    ['gzip that was cut off', 'gzip', half(gzip(text)), broken],
    ['deflate that was cut off', 'deflate', half(deflateSync(text)), broken],
    ['bare deflate that was cut off', 'deflate', half(deflateRawSync(text)), broken],
    ['br that was cut off', 'br', half(brotliCompressSync(text)), broken],
    ['gzip with a wrong byte', 'gzip', corrupt(gzip(text)), broken],
    ['deflate with a wrong byte', 'deflate', corrupt(deflateSync(text)), broken],
    ['br with a wrong byte', 'br', corrupt(brotliCompressSync(text)), broken],
    ['gzip with a wrong checksum', 'gzip', Buffer.concat([half(gzip(text)), Buffer.alloc(10)]), broken],
    ['plain text that is said to be gzip', 'gzip', Buffer.from(text), broken],
    ['plain text that is said to be br', 'br', Buffer.from(text), broken],
    ['one that does not hold another', 'gzip, br', gzip(text), broken],
    [
      'one with a blank that is not HTTP’s',
      'gzip\xa0',
      gzip(text),
      'its content-encoding is not one that was asked for',
    ],
    ['one that is not known', 'zstd', gzip(text), 'its content-encoding is not one that was asked for'],
    ['a name of JavaScript', 'constructor', gzip(text), 'its content-encoding is not one that was asked for'],
    [
      'one that is not known among others',
      'zstd, gzip',
      gzip(text),
      'its content-encoding is not one that was asked for',
    ],
    ['more than three', 'gzip, gzip, gzip, gzip', gzip(gzip(gzip(gzip(text)))), 'it has more than 3 content-encodings'],
    ['very many', 'gzip,'.repeat(500), gzip(text), 'it has more than 3 content-encodings'],
  ])('%s', async (_, encoding, body, message) => {
    const outcome = await answered(encoding, body);
    expect(outcome.data).toBeNull();
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_BODY', message: expect.stringContaining(message) });
  });
});

describe('an encoding that cannot be undone', () => {
  const zstd = Buffer.from('28b52ffd0400210000', 'hex');

  test.each(['zstd', 'zstd, gzip', 'gzip, zstd', 'gzip, gzip, gzip, gzip', 'constructor'])(
    'leaves the bytes to a page that wants bytes: %s',
    async (encoding) => {
      const outcome = await answered(encoding, zstd, { responseType: 'arraybuffer' });
      expect([outcome.status, outcome.error]).toEqual(['success', null]);
      expect((outcome.data as Buffer).equals(zstd)).toBe(true);
      expect(outcome.response?.headers['content-encoding']).toBe(encoding);
    },
  );

  test('leaves them to the transformers of such a page too', async () => {
    const options = { responseType: 'arraybuffer', transformResponse: (bytes: Buffer) => bytes.length } as const;
    expect((await answered('zstd', zstd, options)).data).toBe(zstd.length);
    const asText = await answered('zstd', zstd, { transformResponse: (body: string) => body });
    expect(asText.error).toMatchObject({ code: 'ERR_UPSTREAM_BODY' });
  });

  test('does not lift the limit', async () => {
    const options = { responseType: 'arraybuffer', maxContentLength: zstd.length } as const;
    expect((await answered('zstd', zstd, options)).error).toBeNull();
    expect((await answered('zstd', Buffer.concat([zstd, zstd]), options)).error).toMatchObject({
      code: 'ERR_UPSTREAM_TOO_LARGE',
    });
  });

  test('leaves the status of the answer to be judged', async () => {
    const upstream = await startUpstream((response) =>
      response.writeHead(503, { 'content-encoding': 'zstd' }).end(zstd),
    );
    expect((await ask(`${upstream.origin}/`)).outcome.error).toMatchObject({
      code: 'ERR_UPSTREAM_STATUS',
      upstreamStatus: 503,
    });
  });
});

test('many small bodies at once, of every kind, are all undone', async () => {
  const ways = [gzipSync, deflateSync, deflateRawSync, brotliCompressSync];
  const texts = Array.from({ length: 120 }, (_, at) => `${at} `.repeat(200 * (at % 60)));
  const upstream = await startUpstream((response, { url }) => {
    const at = Number(url.slice(1));
    const compress = ways[at % ways.length] as typeof gzipSync;
    const name = ['gzip', 'deflate', 'deflate', 'br'][at % ways.length] as string;
    response
      .writeHead(200, { 'content-type': 'text/plain', 'content-encoding': name })
      .end(compress(texts[at] as string));
  });
  const url = `${upstream.origin}/{item}`;
  const { data } = await ask(
    { url, each: () => texts.map((_, at) => at), maxItems: 120 },
    {},
    { options: { concurrency: 120 } },
  );
  expect(data).toEqual(texts.map((text) => (text === '' ? null : text)));
});
