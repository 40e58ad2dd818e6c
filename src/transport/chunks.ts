import { hexDigit } from '../hex.js';

const LONGEST_LINE = 4096;
const MOST_TRAILERS = 16 * 1024;
const MOST_DIGITS = 8;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads a chunked body (RFC 9112, section 7.1), piece by piece. undici's parser does this too, except when the value of
 * Transfer-Encoding ends in a tab, which is legal: then it takes the framing for the body.
 */
export class Chunks {
  /** Whether the last chunk and the trailers have come. */
  ended = false;
  #state: 'size' | 'data' | 'data end' | 'trailer' = 'size';
  /** The beginning of a line that is not complete. */
  #line = '';
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  #trailers = 0;

  /** Calls `take` with each piece of data. Returns false if the framing is not valid. */
  read(bytes: Buffer, take: (data: Buffer) => void): boolean {
    let at = 0;
    while (at < bytes.length && !this.ended) {
      if (this.#state === 'data') {
        const data = bytes.subarray(at, at + this.#left);
        this.#left -= data.length;
        at += data.length;
        take(data);
        if (this.#left === 0) this.#state = 'data end';
        continue;
      }
      const after = this.#line === '' ? this.#readPlain(bytes, at) : at;
      if (after > at) {
        at = after;
        continue;
      }
      const end = bytes.indexOf('\n', at);
      this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end + 1);
      if (this.#line.length > LONGEST_LINE) return false;
      if (end === -1) return true;
      at = end + 1;
      const line = this.#line;
      this.#line = '';
      if (!line.endsWith('\r\n') || !this.#readLine(line.slice(0, -2))) return false;
    }
    return true;
  }

  /**
   * Reads a line that is all there and has nothing unusual, as there may be ten thousand in what is read at once. Returns
   * where the next begins; `at` where it is for `#readLine`.
   */
  #readPlain(bytes: Buffer, at: number): number {
    let end = at;
    let size = 0;
    if (this.#state === 'size') {
      for (; end < at + MOST_DIGITS; end++) {
        const digit = hexDigit(bytes[end]);
        if (digit === 16) break;
        size = size * 16 + digit;
      }
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return at;
    if (this.#state === 'data end') this.#state = 'size';
    else if (this.#state === 'size' && size > 0) {
      this.#left = size;
      this.#state = 'data';
    } else return at;
    return end + 2;
  }

  #readLine(line: string): boolean {
    if (this.#state === 'trailer') {
      this.ended = line === '';
      this.#trailers += line.length;
      return this.#trailers <= MOST_TRAILERS;
    }
    if (this.#state === 'data end') {
      this.#state = 'size';
      return line === '';
    }
    // Chunk extensions are ignored.
    const size = /^([\da-f]{1,8})[\t ]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) return false;
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
    return true;
  }
}
