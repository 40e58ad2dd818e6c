import { inspect } from 'node:util';
import type { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import { type Body, Pieces } from './body.js';
import { once, singles, withoutBlanks } from './single-headers.js';

// In all the spellings that a URL parser takes for it (http:user@host, http:\\user@host), and where only the scheme is missing.
const userInfo = /^(?:([a-z][a-z\d+.-]*:)[/\\]*|[/\\]{2,}|(?![/\\]))[^/\\]*@/i;

/** A URL as messages and outcomes may show it: no credentials, no fragment, and the names but not the values of a query. */
export function redactUrl(url: string): string {
  const text = url.replace(/\p{Cc}/gu, '').trimStart();
  const end = text.indexOf('#');
  const whole = end === -1 ? text : text.slice(0, end);
  const mark = whole.indexOf('?');
  const bare = (mark === -1 ? whole : whole.slice(0, mark)).replace(userInfo, '$1//');
  if (mark === -1) return bare;
  const names = whole
    .slice(mark + 1)
    .split('&')
    .map((pair) => (pair.includes('=') ? `${pair.slice(0, pair.indexOf('='))}=…` : '…'));
  return `${bare}?${names.join('&')}`;
}

const taken = Buffer.alloc(0);

/**
 * An upstream's answer. It is the `response` of an outcome: headers and URL are worked out when somebody looks, for most
 * pages never do.
 */
export class Answer implements UpstreamResponse {
  readonly status: number;
  /** The body, once it is there and decompressed; empty once it has been taken. */
  body: Body;
  /** Why the body is still as it was sent, in an encoding that cannot be undone here; null if it is not. */
  encoded: Failure | null = null;
  readonly #origin: string;
  readonly #path: string;
  readonly #rawHeaders: readonly Buffer[];
  #headers: Record<string, string | string[]> | null = null;
  #shared = false;
  #hasCopies = false;

  constructor(status: number, rawHeaders: readonly Buffer[], body: Body, origin: string, path: string) {
    this.status = status;
    this.body = body;
    this.#rawHeaders = rawHeaders;
    this.#origin = origin;
    this.#path = path;
  }

  get url(): string {
    return redactUrl(this.#origin + this.#path);
  }

  get headers(): Record<string, string | string[]> {
    this.#headers ??= parseHeaders(this.#rawHeaders);
    return this.#headers;
  }

  /** Whether it was somebody else's request that it answers. */
  get isShared(): boolean {
    return this.#shared;
  }

  /** Hands the body over: the answer, which lives on in the outcome, holds it no longer. */
  takeBody(): Body {
    const { body } = this;
    this.body = taken;
    return body;
  }

  /** The body for data that a page may write into: its own. */
  ownBytes(body: Body): Buffer {
    if (body instanceof Pieces) return body.whole;
    return this.#hasCopies ? Buffer.from(body) : body;
  }

  /** The same answer for another call, without the cookies that were set for the first. */
  shared(): Answer {
    const headers: Buffer[] = [];
    for (let at = 0; at + 1 < this.#rawHeaders.length; at += 2) {
      const name = this.#rawHeaders[at] as Buffer;
      if (!(name.length === 10 && isName(name, 'set-cookie'))) headers.push(name, this.#rawHeaders[at + 1] as Buffer);
    }
    const copy = new Answer(this.status, headers, this.body, this.#origin, this.#path);
    copy.encoded = this.encoded;
    copy.#shared = true;
    copy.#hasCopies = true;
    this.#hasCopies = true;
    return copy;
  }

  /** What Content-Length says; null if it is not there, NaN where it is no number. */
  get contentLength(): number | null {
    const at = indexOfHeader(this.#rawHeaders, 'content-length', 0);
    return at === -1 ? null : parseNumber(this.#rawHeaders[at + 1] as Buffer);
  }

  /** One header's value, its repetitions joined by a comma; null if there is none. `name` is in lower case. */
  header(name: string): string | null {
    return findHeader(this.#rawHeaders, name);
  }

  /** The same of a header of which there is to be one: repetitions count once; undefined where they are not equal. */
  single(name: string): string | null | undefined {
    return findSingle(this.#rawHeaders, name);
  }

  toJSON(): UpstreamResponse {
    return { status: this.status, headers: this.headers, url: this.url };
  }

  [inspect.custom](): UpstreamResponse {
    return this.toJSON();
  }
}

const MOST_PINNED = 16 * 1024;

/**
 * The headers as undici gives them are views of what was read from the socket, up to 64 KB, and would keep it as long as the
 * answer lives. Where that is much they are replaced by copies: in place, for the list, begun when the connection's
 * last answer ended, is in old space by now, and V8 keeps what it holds until the next full collection.
 */
export function unpin(rawHeaders: Buffer[]): void {
  // The last, for a head that comes in two reads mostly begins in a short one.
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

/** A number, mostly without making a string first, for every answer has one. */
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
