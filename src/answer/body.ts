const MOST_PIECES = 64;
const LEAST_PIECE = 4 * 1024;
const MOST_LENT = 1024 * 1024;

/**
 * A buffer in which bodies are joined that become strings at once. No view of it may outlive the function that asked for it.
 * Buffers are outside of V8's heap, and their total size triggers full garbage collections: a second buffer for every body
 * of 100 KB took a quarter of a page's CPU time.
 */
let scratch: Buffer = Buffer.alloc(0);

/** A body, mostly in one piece. */
export type Body = Buffer | Pieces;

/**
 * A body that comes in more than one piece. The pieces are kept as they are until somebody asks for the whole. If they are many
 * and small, they go into one growing buffer instead, because a piece of one byte takes a hundred bytes of memory.
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

  /** All of it, in a buffer that the next body may overwrite. */
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

/** A body in one piece, which the caller may keep. */
export function whole(body: Body): Buffer {
  return body instanceof Pieces ? body.whole : body;
}

/** A body in one piece, which the caller must use at once: the next body may overwrite it. */
export function lent(body: Body): Buffer {
  return body instanceof Pieces ? body.lent : body;
}
