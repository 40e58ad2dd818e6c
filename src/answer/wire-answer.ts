import { inspect } from 'node:util';
import type { Failure } from '../errors.js';
import type { OutcomeSource, UpstreamResponse } from '../outcome.js';
import type { Answer } from './answer.js';
import { type Body, Pieces } from './body.js';
import { type Decoder, decode, type Encoded } from './decode.js';
import { acceptsStatus, type Policy } from './policy.js';
import { checked } from './schema.js';
import { once, singles, withoutBlanks } from './single-headers.js';
import type { Waiting } from './turn-share.js';

const taken = Buffer.alloc(0);

/** A redirect that was followed. */
export interface Followed {
  /** The URL that was asked, with its query: it must not be shown. */
  readonly url: string;
  readonly answer: WireAnswer;
}

const none: readonly Followed[] = [];

/** An answer that came over a connection. */
export class WireAnswer implements Answer, Encoded {
  readonly status: number;
  /** Redacted. */
  readonly url: string;
  source: OutcomeSource = 'network';
  /** The body, once it is complete and decompressed. Empty again once it was taken. */
  body: Body = taken;
  /** Why the body could not be decompressed, if its encoding was not asked for; else null. */
  encoded: Failure | null = null;
  /** Why the cache did not store it; null where no cache was asked. */
  unstored: string | null = null;
  /** The redirects that led to it, the first one first. */
  via = none;
  readonly #rawHeaders: readonly Buffer[];
  #hasCopies = false;

  constructor(status: number, rawHeaders: readonly Buffer[], url: string) {
    this.status = status;
    this.url = url;
    this.#rawHeaders = rawHeaders;
  }

  get headers(): Record<string, string | string[]> {
    return parseHeaders(this.#rawHeaders);
  }

  header(name: string): string | null {
    return findHeader(this.#rawHeaders, name);
  }

  single(name: string): string | null | undefined {
    return findSingle(this.#rawHeaders, name);
  }

  /** What Content-Length says; null if it is not there, NaN where it is no number. */
  get contentLength(): number | null {
    const at = indexOfHeader(this.#rawHeaders, 'content-length', 0);
    return at === -1 ? null : parseNumber(this.#rawHeaders[at + 1] as Buffer);
  }

  accepted(policy: Policy): boolean | Failure {
    return acceptsStatus(policy, this.status);
  }

  read(decoder: Decoder, who: Waiting): unknown | Failure {
    return checked(decode(this, decoder, who), decoder.schema);
  }

  takeBody(): Body {
    const { body } = this;
    this.body = taken;
    return body;
  }

  /** The body as a Buffer that is not shared, because the page may write into it. */
  ownBytes(body: Body): Buffer {
    if (body instanceof Pieces) return body.whole;
    return this.#hasCopies ? Buffer.from(body) : body;
  }

  /** Without the cookies, which were set for the call that asked. */
  forFollower(): WireAnswer {
    const headers: Buffer[] = [];
    for (let at = 0; at + 1 < this.#rawHeaders.length; at += 2) {
      const name = this.#rawHeaders[at] as Buffer;
      if (!(name.length === 10 && isName(name, 'set-cookie'))) headers.push(name, this.#rawHeaders[at + 1] as Buffer);
    }
    const copy = new WireAnswer(this.status, headers, this.url);
    copy.body = this.body;
    copy.source = 'shared';
    copy.encoded = this.encoded;
    copy.unstored = this.unstored;
    copy.via = this.via;
    copy.#hasCopies = true;
    this.#hasCopies = true;
    return copy;
  }

  response(): UpstreamResponse {
    return new ResponseHead(this.status, this.#rawHeaders, this.url);
  }
}

// Outcomes are plain data, so `headers` is an own property. But few pages read it, and making an object of headers costs 6 % of
// a page, so it is made when it is first read. The raw headers are in a hidden property and not in a private field, which
// could not be read through a proxy such as Vue's.
const rawHeaders = Symbol('rawHeaders');

class ResponseHead implements UpstreamResponse {
  declare readonly status: number;
  declare readonly headers: Record<string, string | string[]>;
  declare readonly url: string;

  constructor(status: number, raw: readonly Buffer[], url: string) {
    this.status = status;
    Object.defineProperty(this, 'headers', lazyHeaders);
    this.url = url;
    Object.defineProperty(this, rawHeaders, { value: raw });
  }

  [inspect.custom](): UpstreamResponse {
    return { status: this.status, headers: this.headers, url: this.url };
  }
}

const lazyHeaders: PropertyDescriptor & ThisType<{ readonly [rawHeaders]: readonly Buffer[] }> = {
  enumerable: true,
  configurable: true,
  get() {
    const headers = parseHeaders(this[rawHeaders]);
    Object.defineProperty(this, 'headers', { value: headers, writable: true });
    return headers;
  },
  set(headers) {
    Object.defineProperty(this, 'headers', { value: headers, writable: true });
  },
};

const MOST_PINNED = 16 * 1024;

/**
 * undici's headers are views of what was read from the socket, up to 64 KB, and keep all of it alive as long as the answer. If
 * that is much, they are replaced by copies. In place, because undici made the list when the last answer ended: by now it is
 * in V8's old space, and keeps what it holds until the next full collection.
 */
export function unpin(rawHeaders: Buffer[]): void {
  // The last one tells: if a head comes in two reads, the first is mostly a short one.
  const last = rawHeaders.at(-1);
  if (last === undefined || last.buffer.byteLength <= MOST_PINNED) return;
  const bytes = Buffer.concat(rawHeaders);
  let end = 0;
  for (const [at, { length }] of rawHeaders.entries()) {
    rawHeaders[at] = bytes.subarray(end, end + length);
    end += length;
  }
}

/** Reads one header of a raw list without parsing the others. */
function findHeader(rawHeaders: readonly Buffer[], name: string): string | null {
  let found: string | null = null;
  for (let at = indexOfHeader(rawHeaders, name, 0); at !== -1; at = indexOfHeader(rawHeaders, name, at + 2)) {
    const value = (rawHeaders[at + 1] as Buffer).toString('latin1');
    found = found === null ? value : `${found}, ${value}`;
  }
  return found;
}

function findSingle(rawHeaders: readonly Buffer[], name: string): string | null | undefined {
  let found: string | null = null;
  for (let at = indexOfHeader(rawHeaders, name, 0); at !== -1; at = indexOfHeader(rawHeaders, name, at + 2)) {
    const value = once(withoutBlanks((rawHeaders[at + 1] as Buffer).toString('latin1')));
    if (found !== null && found !== value) return undefined;
    found = value;
  }
  return found;
}

/** Where in a raw list, from an index on, the name of a header is; -1 if it is not there. */
function indexOfHeader(rawHeaders: readonly Buffer[], name: string, from: number): number {
  for (let at = from; at + 1 < rawHeaders.length; at += 2) {
    const key = rawHeaders[at] as Buffer;
    if (key.length === name.length && isName(key, name)) return at;
  }
  return -1;
}

function isName(key: Buffer, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    // Sets the bit that makes an ASCII letter lower case; a hyphen has it already.
    if (((key[at] as number) | 0x20) !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** Parses digits without making a string, because every answer has a Content-Length. */
function parseNumber(value: Buffer): number {
  let number = 0;
  for (let at = 0; at < value.length; at++) {
    const digit = (value[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return Number(value.toString('latin1'));
    number = number * 10 + digit;
  }
  return number;
}

function parseHeaders(rawHeaders: readonly Buffer[]): Record<string, string | string[]> {
  // No prototype: a header may be called __proto__.
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as Buffer).toString('latin1').toLowerCase();
    const value = (rawHeaders[at + 1] as Buffer).toString('latin1');
    const before = headers[name];
    if (name === 'set-cookie') headers[name] = before === undefined ? [value] : [...before, value];
    else headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  for (const name of singles) {
    const value = headers[name];
    if (typeof value === 'string') headers[name] = once(value);
  }
  return headers;
}
