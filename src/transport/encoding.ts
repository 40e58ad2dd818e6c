import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { Failure } from '../errors.js';

type Decompress = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gunzipBody = promisify(gunzip) as Decompress;
const inflateZlib = promisify(inflate) as Decompress;
const inflateBare = promisify(inflateRaw) as Decompress;

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: gunzipBody,
  'x-gzip': gunzipBody,
  // `deflate` means the zlib format (RFC 9110, section 8.4.1.2), but some servers send bare deflate data. The first byte
  // of the zlib format holds its method, 8.
  deflate: (body, options) => (((body[0] ?? 0) & 0x0f) === 8 ? inflateZlib(body, options) : inflateBare(body, options)),
  br: promisify(brotliDecompress) as Decompress,
};

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
    const undo = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
    if (undo === undefined)
      return new Failure('ERR_UPSTREAM_BODY', 'its content-encoding is not one that was asked for');
    try {
      decoded = await undo(decoded, { maxOutputLength: at === 0 ? limit : mostEncoded(limit) });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limit);
      return new Failure('ERR_UPSTREAM_BODY', 'its body could not be decompressed', cause);
    }
  }
  return decoded;
}

export function tooLarge(limit: number): Failure {
  return new Failure('ERR_UPSTREAM_TOO_LARGE', `its body is larger than ${limit} bytes`);
}
