import type { Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
} from 'node:zlib';
import { withoutBlanks } from '../answer/single-headers.js';
import { Failure } from '../errors.js';

/** A way to decompress: in other threads (`create`), and on the event loop if that is safe (`now`). */
export interface Decompressor {
  readonly now: ((body: Buffer, options: ZlibOptions) => Buffer) | null;
  readonly create: (options: { chunkSize: number }) => Transform;
}

const gzip: Decompressor = { now: gunzipSync, create: createGunzip };
const zlib: Decompressor = { now: inflateSync, create: createInflate };
const bare: Decompressor = { now: inflateRawSync, create: createInflateRaw };
// Never on the event loop: a few bytes can make its decoder fill a window of 16 MiB before the first byte comes out.
const brotli: Decompressor = { now: null, create: createBrotliDecompress };

// `deflate` means the zlib format (RFC 9110, section 8.4.1.2), but some servers send bare deflate data. The first byte of
// the zlib format holds its method, 8.
const deflate = (body: Buffer): Decompressor => (((body[0] ?? 0) & 0x0f) === 8 ? zlib : bare);

/** A content-encoding: how a body is decompressed, which may depend on its first byte. */
export type Coding = (body: Buffer) => Decompressor;

const codings: ReadonlyMap<string, Coding> = new Map<string, Coding>([
  ['gzip', () => gzip],
  ['x-gzip', () => gzip],
  ['deflate', deflate],
  ['br', () => brotli],
]);

/** The encodings that are asked for, which are those that can be decoded. */
export const acceptEncoding = 'gzip, deflate, br';

const MOST_ENCODINGS = 3;

/** How many encoded bytes there may be for `limit` decoded ones: data that cannot be compressed grows a little. */
export function mostEncoded(limit: number): number {
  return limit + Math.ceil(limit / 256) + 1024;
}

/**
 * A body's content-encodings, in the order they were applied (RFC 9110, section 8.4); a failure if one of them was not asked
 * for.
 */
export function readCodings(contentEncoding: string): Coding[] | Failure {
  const one = codings.get(contentEncoding);
  if (one !== undefined) return [one];
  const names = contentEncoding
    .toLowerCase()
    .split(',')
    .map(withoutBlanks)
    .filter((name) => name !== '' && name !== 'identity');
  if (names.length > MOST_ENCODINGS) {
    return new Failure('ERR_UPSTREAM_BODY', `it has more than ${MOST_ENCODINGS} content-encodings`);
  }
  const known = names.map((name) => codings.get(name)).filter((coding) => coding !== undefined);
  return known.length === names.length
    ? known
    : new Failure('ERR_UPSTREAM_BODY', 'its content-encoding is not one that was asked for');
}

/** How many bytes a body may have as it is sent, for `limit` decoded ones. */
export function mostSent(limit: number, contentEncoding: string | null): number {
  const applied = contentEncoding === null ? [] : readCodings(contentEncoding);
  return applied instanceof Failure || applied.length === 0 ? limit : mostEncoded(limit);
}

export function tooLarge(limit: number): Failure {
  return new Failure('ERR_UPSTREAM_TOO_LARGE', `its body is larger than ${limit} bytes`);
}
