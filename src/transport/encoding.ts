import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
} from 'node:zlib';
import { Failure } from '../errors.js';

interface Options {
  readonly maxOutputLength: number;
  readonly chunkSize?: number;
}

type Later = (body: Buffer, options: Options) => Promise<Buffer>;

/** A way to decompress: at once, or in another thread. */
interface Decompressor {
  readonly now: (body: Buffer, options: Options) => Buffer;
  readonly later: Later;
}

const gzip: Decompressor = { now: gunzipSync, later: promisify(gunzip) as Later };
const zlib: Decompressor = { now: inflateSync, later: promisify(inflate) as Later };
const bare: Decompressor = { now: inflateRawSync, later: promisify(inflateRaw) as Later };
const brotli: Decompressor = { now: brotliDecompressSync, later: promisify(brotliDecompress) as Later };

// `deflate` means the zlib format (RFC 9110, section 8.4.1.2), but some servers send bare deflate data. The first byte of
// the zlib format holds its method, 8.
const deflate = (body: Buffer): Decompressor => (((body[0] ?? 0) & 0x0f) === 8 ? zlib : bare);

const decompressors: Readonly<Record<string, (body: Buffer) => Decompressor>> = {
  gzip: () => gzip,
  'x-gzip': () => gzip,
  deflate,
  br: () => brotli,
};

// A few kilobytes take a third of the CPU time at once that they take by way of another thread. More would block the loop;
// so would few that become many, which is why there is a limit to what they become.
const SMALL = 8 * 1024;
const SMALL_DECODED = 64 * 1024;

// What a body becomes is written into a buffer of this size first, which lives as long as the body. zlib's own is 16 KB, and
// V8 collects garbage by how many bytes there are outside of its heap too.
const OFTEN_TIMES = 8;
const LEAST_CHUNK = 1024;
const MOST_CHUNK = 16 * 1024;

/** What is asked for; what is understood. */
export const acceptEncoding = 'gzip, deflate, br';

const MOST_ENCODINGS = 3;

/** How many bytes an encoding may have that is decoded to as many as `limit`: what cannot be compressed grows by trying. */
export function mostEncoded(limit: number): number {
  return limit + Math.ceil(limit / 256) + 1024;
}

/**
 * Undoes the content-encodings of a body, last one first (RFC 9110, section 8.4). Nothing is written past `limit` bytes.
 */
export async function decompress(body: Buffer, contentEncoding: string, limit: number): Promise<Buffer | Failure> {
  const encodings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
  if (encodings.length > MOST_ENCODINGS) {
    return new Failure('ERR_UPSTREAM_BODY', `it has more than ${MOST_ENCODINGS} content-encodings`);
  }
  let decoded = body;
  for (const [at, encoding] of [...encodings.entries()].reverse()) {
    const choose = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
    if (choose === undefined)
      return new Failure('ERR_UPSTREAM_BODY', 'its content-encoding is not one that was asked for');
    try {
      decoded = await undo(choose(decoded), decoded, at === 0 ? limit : mostEncoded(limit));
    } catch (cause) {
      if (isTooLarge(cause)) return tooLarge(limit);
      return new Failure('ERR_UPSTREAM_BODY', 'its body could not be decompressed', cause);
    }
  }
  return decoded;
}

function undo({ now, later }: Decompressor, body: Buffer, maxOutputLength: number): Buffer | Promise<Buffer> {
  if (body.length > SMALL) return later(body, { maxOutputLength });
  try {
    const chunkSize = Math.min(MOST_CHUNK, Math.max(LEAST_CHUNK, body.length * OFTEN_TIMES));
    return now(body, { maxOutputLength: Math.min(maxOutputLength, SMALL_DECODED), chunkSize });
  } catch (cause) {
    if (!isTooLarge(cause) || maxOutputLength <= SMALL_DECODED) throw cause;
    return later(body, { maxOutputLength });
  }
}

function isTooLarge(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}

export function tooLarge(limit: number): Failure {
  return new Failure('ERR_UPSTREAM_TOO_LARGE', `its body is larger than ${limit} bytes`);
}
