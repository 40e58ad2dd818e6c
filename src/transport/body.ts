const MOST_PIECES = 64;

/**
 * A body that comes in more than one piece. Few of them are kept as they are, and put together at the end; many go into one
 * buffer that doubles, for a piece of one byte takes a hundred.
 */
export class Body {
  size: number;
  #pieces: Buffer[];
  #buffer: Buffer | null = null;

  constructor(first: Buffer) {
    this.size = first.length;
    this.#pieces = [first];
  }

  add(chunk: Buffer): void {
    const start = this.size;
    this.size += chunk.length;
    if (this.#buffer !== null) this.#append(this.#buffer, chunk, start);
    else if (this.#pieces.push(chunk) > MOST_PIECES) {
      this.#buffer = Buffer.concat(this.#pieces, this.size * 2);
      this.#pieces = [];
    }
  }

  get bytes(): Buffer {
    return this.#buffer === null ? Buffer.concat(this.#pieces, this.size) : this.#buffer.subarray(0, this.size);
  }

  #append(buffer: Buffer, chunk: Buffer, at: number): void {
    if (at + chunk.length > buffer.length) this.#buffer = Buffer.concat([buffer.subarray(0, at), chunk], this.size * 2);
    else chunk.copy(buffer, at);
  }
}
