const MOST_PIECES = 64;
const LEAST_PIECE = 4 * 1024;
const MOST_LENT = 1024 * 1024;

/**
 * Where a body is put together that becomes a string at once: no view of it may outlive the function that asked for it.
 * Buffers are outside of V8's heap, and it collects all garbage, not just what is young, by how much there is of them: a
 * second one for every body of 100 KB was a quarter of a page's CPU time.
 */
let scratch: Buffer = Buffer.alloc(0);

/** What a body came as: mostly one piece. */
export type Body = Buffer | Pieces;

/**
 * A body that comes in more than one piece. They are kept as they are until somebody asks for the whole, but where they are many
 * and small: those go into one buffer that doubles, for a piece of one byte takes a hundred.
 */
export class Pieces {
  length: number;
  #pieces: Buffer[];
  #buffer: Buffer | null = null;

  constructor(first: Buffer) {
    this.length = first.length;
    this.#pieces = [first];
  }

  add(chunk: Buffer): void {
    const start = this.length;
    this.length += chunk.length;
    if (this.#buffer !== null) this.#append(this.#buffer, chunk, start);
    else if (this.#pieces.push(chunk) > MOST_PIECES && this.length < this.#pieces.length * LEAST_PIECE) {
      this.#buffer = Buffer.concat(this.#pieces, this.length * 2);
      this.#pieces = [];
    }
  }

  /** All of it, in a buffer of its own. */
  get whole(): Buffer {
    return this.#buffer === null
      ? Buffer.concat(this.#pieces, this.length)
      : Buffer.from(this.#buffer.subarray(0, this.length));
  }

  /** All of it, in a buffer that may be the next one's as well. */
  get lent(): Buffer {
    if (this.#buffer !== null) return this.#buffer.subarray(0, this.length);
    if (this.length > MOST_LENT) return this.whole;
    if (scratch.length < this.length) scratch = Buffer.allocUnsafeSlow(Math.min(this.length * 2, MOST_LENT));
    let end = 0;
    for (const piece of this.#pieces) end += piece.copy(scratch, end);
    return scratch.subarray(0, end);
  }

  #append(buffer: Buffer, chunk: Buffer, at: number): void {
    if (at + chunk.length > buffer.length)
      this.#buffer = Buffer.concat([buffer.subarray(0, at), chunk], this.length * 2);
    else chunk.copy(buffer, at);
  }
}

/** All of a body in one piece, for whoever keeps it. */
export function whole(body: Body): Buffer {
  return body instanceof Pieces ? body.whole : body;
}

/** The same for whoever makes something else of it at once: the next body is written over it. */
export function lent(body: Body): Buffer {
  return body instanceof Pieces ? body.lent : body;
}
