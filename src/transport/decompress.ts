import { type Body, whole } from '../answer/body.js';
import { TurnShare } from '../answer/turn-share.js';
import type { WireAnswer } from '../answer/wire-answer.js';
import { Failure } from '../errors.js';
import { DecoderLine, Decoding, notDecompressed } from './decoders.js';
import { type Coding, type Decompressor, mostEncoded, readCodings, tooLarge } from './encoding.js';

// A few kilobytes take a third of the CPU time at once that they take by way of another thread. More would block the loop;
// so would few that become many, which is why there is a limit to what they become, and to what one turn of the loop does.
const SMALL = 8 * 1024;
const SMALL_DECODED = 64 * 1024;

// A megabyte takes 1 to 4 ms. What comes in counts as often as it takes longer than what goes out, where it is made to.
const turns = new TurnShare(1024 * 1024);
const ENCODED_COST = 8;

// What a body becomes is written into a buffer of this size first, which lives as long as the body. zlib's own is 16 KB, and
// V8 collects garbage by how many bytes there are outside of its heap too.
const OFTEN_TIMES = 8;
const LEAST_CHUNK = 1024;
const MOST_CHUNK = 16 * 1024;

// libuv has four threads, which files and names need too. A decoder of brotli takes up to 16 MiB beside what it makes.
const MOST_DECODERS = 2;
export const decoders = new DecoderLine(MOST_DECODERS);

/**
 * Undoes the content-encodings of an answer's body, and nothing is written past `limit` bytes. Tells `done` once, maybe at once.
 * What is encoded in a way that was not asked for is left as it is: who wants bytes can have them.
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

/** The encodings of one body being undone, the last one first (RFC 9110, section 8.4). */
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

  /** Nobody needs it any longer, and nobody is told. */
  cancel(): void {
    this.#decoding?.cancel();
  }

  undo(body: Body | Failure): void {
    if (body instanceof Failure) {
      // Of a limit that may be an inner encoding's.
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

/** The body decompressed, or why it cannot be; null where that is to be done in another thread. */
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
