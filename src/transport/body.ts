const empty = Buffer.alloc(0);
const MOST_PIECES = 64;

/**
 * The bytes of a body as they come. Few pieces are kept as they are, and put together at the end; many go into one buffer
 * that doubles, for a piece of one byte takes a hundred.
 */
export class Body {
  size = 0;
  #first: Buffer = empty;
  #pieces: Buffer[] | null = null;
  #buffer: Buffer | null = null;

  add(chunk: Buffer): void {
    const start = this.size;
    this.size += chunk.length;
    if (start === 0) this.#first = chunk;
    else if (this.#buffer !== null) this.#append(this.#buffer, chunk, start);
    else {
      this.#pieces ??= [this.#first];
      this.#pieces.push(chunk);
      if (this.#pieces.length > MOST_PIECES) this.#spill(this.#pieces);
    }
  }

  get bytes(): Buffer {
    if (this.#buffer !== null) return this.#buffer.subarray(0, this.size);
    return this.#pieces === null ? this.#first : Buffer.concat(this.#pieces, this.size);
  }

  #spill(pieces: readonly Buffer[]): void {
    this.#buffer = Buffer.concat(pieces, this.size * 2);
    this.#pieces = null;
    this.#first = empty;
  }

  #append(buffer: Buffer, chunk: Buffer, at: number): void {
    if (at + chunk.length > buffer.length) this.#buffer = Buffer.concat([buffer.subarray(0, at), chunk], this.size * 2);
    else chunk.copy(buffer, at);
  }
}
