import type { Transform } from 'node:stream';
import { type Body, Pieces } from '../answer/body.js';
import { Failure } from '../errors.js';
import { type Decompressor, tooLarge } from './encoding.js';

const empty = Buffer.alloc(0);

// The size of an output chunk, each of which costs a turn of the event loop. zlib allocates a whole chunk at once, so a much
// smaller output is copied out of it: otherwise a small body would keep the whole chunk alive.
const CHUNK = 64 * 1024;
const MOST_COPIED = 16 * 1024;

/** A body that is decompressed in libuv's threads. Calls `done` once, unless it is canceled before. */
export class Decoding {
  /** The origin in whose line it waits. */
  readonly origin: string;
  readonly #line: DecoderLine;
  readonly #decompressor: Decompressor;
  readonly #limit: number;
  readonly #done: (result: Body | Failure) => void;
  #encoded: Buffer;
  #decoded: Body = empty;
  #stream: Transform | null = null;
  #ended = false;
  /** Whether a thread is working on it. The thread cannot be stopped before it has filled a chunk. */
  #busy = false;

  constructor(
    line: DecoderLine,
    origin: string,
    decompressor: Decompressor,
    encoded: Buffer,
    limit: number,
    done: (result: Body | Failure) => void,
  ) {
    this.#line = line;
    this.origin = origin;
    this.#decompressor = decompressor;
    this.#encoded = encoded;
    this.#limit = limit;
    this.#done = done;
  }

  start(): void {
    this.#line.enter(this);
  }

  /** Ends it, whether it is being decompressed or waits in line. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
  }

  /** Starts it: it has a place. */
  begin(): void {
    try {
      const stream = this.#decompressor.create({ chunkSize: CHUNK });
      this.#stream = stream;
      stream.on('data', (chunk: Buffer) => this.#add(chunk));
      stream.on('end', () => this.#stop(this.#decoded));
      stream.on('error', (cause: Error) => this.#stop(notDecompressed(cause)));
      this.#busy = true;
      stream.write(this.#encoded, () => this.#idle());
      stream.end();
    } catch (cause) {
      // There is no memory for it.
      this.#stop(notDecompressed(cause));
    }
  }

  #add(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#decoded.length + chunk.length > this.#limit) return this.#end(tooLarge(this.#limit));
    if (this.#decoded instanceof Pieces) this.#decoded.add(chunk);
    else if (this.#decoded.length === 0) this.#decoded = chunk.length > MOST_COPIED ? chunk : Buffer.from(chunk);
    else {
      this.#decoded = new Pieces(this.#decoded);
      this.#decoded.add(chunk);
    }
  }

  /** The threads have stopped, maybe before they have taken all that there was. */
  #stop(result: Body | Failure): void {
    this.#busy = false;
    this.#end(result);
  }

  #end(result: Body | Failure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#done(result);
  }

  /** The threads have taken all that there was; or they have stopped because it was ended. */
  #idle(): void {
    this.#busy = false;
    if (this.#ended) this.#line.leave(this);
  }

  #release(): void {
    this.#encoded = empty;
    this.#decoded = empty;
    this.#stream?.destroy();
    // A decoder keeps its place until its thread stops, because it keeps its memory until then.
    if (!this.#busy) this.#line.leave(this);
  }
}

/**
 * Bounds how many decoders work at once. Each origin has a line of its own, and the origins take turns, so an origin whose
 * bodies take long delays only its own calls.
 */
export class DecoderLine {
  readonly #most: number;
  readonly #working = new Set<Decoding>();
  readonly #waiting = new Map<string, Set<Decoding>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** How many are working, and how many wait. */
  get size(): { working: number; waiting: number } {
    const waiting = [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0);
    return { working: this.#working.size, waiting };
  }

  enter(decoding: Decoding): void {
    if (this.#working.size < this.#most) return this.#begin(decoding);
    const line = this.#waiting.get(decoding.origin);
    if (line === undefined) this.#waiting.set(decoding.origin, new Set([decoding]));
    else line.add(decoding);
  }

  leave(decoding: Decoding): void {
    if (this.#working.delete(decoding)) return this.#beginNext();
    const line = this.#waiting.get(decoding.origin);
    line?.delete(decoding);
    if (line?.size === 0) this.#waiting.delete(decoding.origin);
  }

  #beginNext(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [origin, line] = first;
    const [decoding] = line as Set<Decoding>;
    this.leave(decoding as Decoding);
    // The origin goes behind the others.
    if (this.#waiting.delete(origin)) this.#waiting.set(origin, line);
    this.#begin(decoding as Decoding);
  }

  #begin(decoding: Decoding): void {
    this.#working.add(decoding);
    decoding.begin();
  }
}

export function notDecompressed(cause: unknown): Failure {
  return new Failure('ERR_UPSTREAM_BODY', 'its body could not be decompressed', cause);
}
