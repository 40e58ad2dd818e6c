// Bodies that are made to keep the event loop of whoever reads them busy, and ordinary ones beside them.
import { randomBytes } from 'node:crypto';
import { brotliCompressSync, constants, createDeflateRaw, gzipSync } from 'node:zlib';

const KIB = 1024;
const MIB = 1024 * KIB;
const JSON_CAP = 256 * KIB;

/** As many items as fit, in a list. */
function list(size, item) {
  const items = [];
  for (let length = 2; length < size; length += items.at(-1).length + 1) items.push(item(items.length));
  items.pop();
  return `[${items.join(',')}]`;
}

const record = (at) =>
  JSON.stringify({ id: at, name: `user ${at}`, email: `u${at}@example.com`, tags: ['a', 'b'], score: at * 1.5 });

/** Deflate whose every few bytes have a table of their own, of at most 8 KB. */
async function manyTables() {
  const pieces = [];
  const deflate = createDeflateRaw({ level: 9, memLevel: 1 }).on('data', (piece) => pieces.push(piece));
  for (let at = 0; at < 120; at++) {
    deflate.write(randomBytes(40).toString('hex'));
    await new Promise((resolve) => deflate.flush(constants.Z_FULL_FLUSH, resolve));
  }
  deflate.end();
  await new Promise((resolve) => deflate.on('end', resolve));
  return Buffer.concat(pieces);
}

/** Lists of name, headers and body. */
export async function bodies() {
  const json = { 'content-type': 'application/json' };
  const packed = { ...json, 'content-encoding': 'gzip' };
  const one = gzipSync('a');
  return [
    ['ordinary JSON of 2 KB', json, list(2 * KIB, record)],
    ['ordinary JSON of 2 KB, gzip', packed, gzipSync(list(2 * KIB, record))],
    ['ordinary JSON of 100 KB', json, list(100 * KIB, record)],
    ['ordinary JSON of 256 KiB', json, list(JSON_CAP, record)],
    [
      'brotli of a few bytes: 10 MiB of zeros',
      { ...json, 'content-encoding': 'br' },
      brotliCompressSync(Buffer.alloc(10 * MIB)),
    ],
    ['brotli: 100 MiB of zeros', { ...json, 'content-encoding': 'br' }, brotliCompressSync(Buffer.alloc(100 * MIB))],
    ['gzip of 10 KB: 10 MiB of `[`', packed, gzipSync(Buffer.alloc(10 * MIB, '['))],
    ['gzip: 256 KiB of `[`', packed, gzipSync(Buffer.alloc(JSON_CAP, '['))],
    ['gzip: 256 KiB of `[` and `]`', packed, gzipSync('['.repeat(JSON_CAP / 2) + ']'.repeat(JSON_CAP / 2))],
    ['256 KiB of objects with a name each', json, list(JSON_CAP, (at) => `{"${at.toString(36)}":1}`)],
    ['8 KB of objects with a name each', json, list(8 * KIB, (at) => `{"${at.toString(36)}":1}`)],
    [
      'gzip of 8 KB that becomes 64 KB',
      { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
      gzipSync(randomBytes(4000).toString('hex').repeat(8)).subarray(0),
    ],
    ['gzip of 8 KB in members of a byte', packed, Buffer.concat(Array(Math.floor((8 * KIB) / one.length)).fill(one))],
    [
      'deflate of 8 KB in many tables',
      { 'content-type': 'text/plain', 'content-encoding': 'deflate' },
      await manyTables(),
    ],
    [
      'gzip: 10 MiB that are no text in Shift_JIS',
      { 'content-type': 'text/plain; charset=shift_jis', 'content-encoding': 'gzip' },
      gzipSync(Buffer.alloc(10 * MIB, 0xff)),
    ],
    [
      'gzip: 10 MiB that are no text in UTF-8',
      { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
      gzipSync(Buffer.concat(Array(640).fill(randomBytes(16 * KIB)))),
    ],
    ['a Content-Type of 15 KB', { 'content-type': `text/plain;${'"\\'.repeat(4 * KIB)}${','.repeat(7 * KIB)}` }, 'x'],
    ['HTML of open tags', { 'content-type': 'text/html' }, '<meta content="charset '.repeat(10_000)],
  ];
}
