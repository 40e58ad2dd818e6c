import type { Transform } from 'node:stream';
import { type Body, Pieces } from '../answer/body.js';
import { Failure } from '../errors.js';
import { type Decompressor, tooLarge } from './encoding.js';

const empty = Buffer.alloc(0);

// Of what comes out at a time. Each is a turn of the loop, and from fewer bytes than this 10 MiB may come. zlib allocates as much
// for the first, and what is far less is copied, for it would hold all of that.
const CHUNK = 64 * 1024;
const MOST_COPIED = 16 * 1024;

/** A body that is decompressed in other threads. It tells `done` once how it ended, unless it is canceled before. */
export class Decoding {
  /** Whose line it waits in. */
  readonly origin: string;
  readonly #line: DecoderLine;
  readonly #decompressor: Decompressor;
  readonly #limit: number;
  readonly #done: (result: Body | Failure) => void;
  #encoded: Buffer;
  #decoded: Body = empty;
  #stream: Transform | null = null;
  #ended = false;
  /** Whether a thread is at work on it, which cannot be stopped before it has filled a chunk. */
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

  /** Ends it, working or waiting. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
  }

  /** It is its turn. */
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
    // A decoder has its memory until its thread stops, so that long it keeps its place.
    if (!this.#busy) this.#line.leave(this);
  }
}

/**
 * How many decoders are at work at once, and who waits for one. Those of one origin wait behind each other, and the origins
 * take turns: one that sends what takes long delays its own calls.
 */
export class DecoderLine {
  readonly #most: number;
  readonly #working = new Set<Decoding>();
  readonly #waiting = new Map<string, Set<Decoding>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** How many are at work, and how many wait. */
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
    // Behind the others.
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
