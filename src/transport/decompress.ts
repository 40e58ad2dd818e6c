import { type Body, whole } from '../answer/body.js';
import { TurnShare } from '../answer/turn-share.js';
import type { WireAnswer } from '../answer/wire-answer.js';
import { Failure } from '../errors.js';
import { DecoderLine, Decoding, notDecompressed } from './decoders.js';
import { type Coding, type Decompressor, mostEncoded, readCodings, tooLarge } from './encoding.js';

// Decompressing a few kilobytes on the event loop takes a third of the CPU time that it takes in another thread. Larger bodies
// would block the loop, and so would small ones that become large: hence a limit on the output, and on the work of one turn.
const SMALL = 8 * 1024;
const SMALL_DECODED = 64 * 1024;

// A megabyte of output takes 1 to 4 ms. A byte of input counts eight times: hostile input takes that much longer than output.
const turns = new TurnShare(1024 * 1024);
const ENCODED_COST = 8;

// The size of the output buffer, as a multiple of the input. The buffer lives as long as the body. zlib's default is 16 KB,
// and memory outside of V8's heap also triggers garbage collections.
const OFTEN_TIMES = 8;
const LEAST_CHUNK = 1024;
const MOST_CHUNK = 16 * 1024;

// libuv has four threads, which files and lookups need too. A brotli decoder takes up to 16 MiB besides its output.
const MOST_DECODERS = 2;
export const decoders = new DecoderLine(MOST_DECODERS);

/**
 * Decompresses an answer's body, to at most `limit` bytes. Calls `done` once, maybe before it returns. A body in an encoding
 * that was not asked for stays as it is, for pages that want its bytes.
 */
export function decompress(
  answer: WireAnswer,
  contentEncoding: string,
  limit: number,
  origin: string,
  done: (failure: Failure | null) => void,
): Decompression | null {
  const codings = readCodings(contentEncoding);
  if (codings instanceof Failure) {
    answer.encoded = codings;
    done(null);
    return null;
  }
  const decompression = new Decompression(answer, codings, limit, origin, done);
  decompression.undo(answer.body);
  return decompression;
}

/** Undoes the encodings of one body, the one applied last first (RFC 9110, section 8.4). */
class Decompression {
  readonly #answer: WireAnswer;
  readonly #codings: Coding[];
  readonly #limit: number;
  readonly #origin: string;
  readonly #done: (failure: Failure | null) => void;
  #decoding: Decoding | null = null;

  constructor(
    answer: WireAnswer,
    codings: Coding[],
    limit: number,
    origin: string,
    done: (failure: Failure | null) => void,
  ) {
    this.#answer = answer;
    this.#codings = codings;
    this.#limit = limit;
    this.#origin = origin;
    this.#done = done;
  }

  /** Ends it. `done` is not called. */
  cancel(): void {
    this.#decoding?.cancel();
  }

  undo(body: Body | Failure): void {
    if (body instanceof Failure) {
      // The limit in the failure may be that of an inner encoding.
      return this.#done(body.code === 'ERR_UPSTREAM_TOO_LARGE' ? tooLarge(this.#limit) : body);
    }
    const coding = this.#codings.pop();
    if (coding === undefined) {
      this.#answer.body = body;
      return this.#done(null);
    }
    const encoded = whole(body);
    const decompressor = coding(encoded);
    const most = this.#codings.length === 0 ? this.#limit : mostEncoded(this.#limit);
    const decoded = decompressNow(decompressor, encoded, most);
    if (decoded !== null) return this.undo(decoded);
    this.#decoding = new Decoding(decoders, this.#origin, decompressor, encoded, most, (result) => this.undo(result));
    this.#decoding.start();
  }
}

/** The body decompressed, or why it cannot be; null if it must be done in another thread. */
function decompressNow({ now }: Decompressor, encoded: Buffer, limit: number): Buffer | Failure | null {
  if (now === null || encoded.length > SMALL || turns.isSpent) return null;
  let length = SMALL_DECODED;
  try {
    const chunkSize = Math.min(MOST_CHUNK, Math.max(LEAST_CHUNK, encoded.length * OFTEN_TIMES));
    const decoded = now(encoded, { maxOutputLength: Math.min(limit, SMALL_DECODED), chunkSize });
    length = decoded.length;
    return decoded;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return notDecompressed(cause);
    return limit > SMALL_DECODED ? null : tooLarge(limit);
  } finally {
    turns.spend(encoded.length * ENCODED_COST + length);
  }
}
