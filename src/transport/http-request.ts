import { redactUrl } from '../redact.js';
import type { WireRequest } from './wire.js';

/** A request to an upstream, to be sent over a connection or by an axios instance of the user's own. */
export interface UpstreamRequest {
  /** '' for a relative URL, which an axios instance completes. */
  readonly origin: string;
  readonly path: string;
  /** Its URL, as it may be shown. */
  readonly url: string;
  /** Equal for equal requests; null if it is not known what will be sent. */
  readonly identity: string | null;
  /** The same with this header, in place of one of that name. */
  withHeader(name: string, value: string): UpstreamRequest;
}

/** The tags of an answer with this data; null where they cannot be told. */
export type Tagger = (data: unknown) => readonly string[] | null;

/** A request as it goes over a connection. */
export class HttpRequest implements WireRequest, UpstreamRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: string | Buffer | null;
  /** Names what its answer is about, to invalidate it by; null where the page gives no tags. */
  readonly tags: Tagger | null;
  // Kept, because a fixed request is shared by all visitors of a page.
  #url: string | null = null;
  #identity: string | null = null;
  #key: { readonly by: object; readonly text: string } | null = null;

  constructor(
    origin: string,
    path: string,
    method: string,
    headers: string[],
    body: string | Buffer | null,
    tags: Tagger | null = null,
  ) {
    this.origin = origin;
    this.path = path;
    this.method = method;
    this.headers = headers;
    this.body = body;
    this.tags = tags;
  }

  get url(): string {
    this.#url ??= redactUrl(this.origin + this.path);
    return this.#url;
  }

  /** Method, URL, body and every header sent, except trace headers: they differ in every request and do not tell who asks. */
  get identity(): string {
    this.#identity ??= this.identityBy(null);
    return this.#identity;
  }

  /** The same by these headers alone, where they are not null. */
  identityBy(names: ReadonlySet<string> | null): string {
    const { method, origin, path, headers, body } = this;
    const parts: unknown[] = [method, origin, path];
    for (let at = 0; at < headers.length; at += 2) {
      const name = (headers[at] as string).toLowerCase();
      if (!trace.has(name) && (names === null || names.has(name))) parts.push(name, headers[at + 1]);
    }
    parts.push(typeof body === 'string' ? `text ${body}` : body === null ? null : `bytes ${body.toString('latin1')}`);
    return JSON.stringify(parts);
  }

  /** A text that follows from the request and from `by`. It is made once for each `by`. */
  keyBy<T extends object>(by: T, make: (request: HttpRequest, by: T) => string): string {
    if (this.#key?.by !== by) this.#key = { by, text: make(this, by) };
    return this.#key.text;
  }

  /** One header's value, its repetitions joined by a comma; null if it is not sent. `name` is in lower case. */
  header(name: string): string | null {
    let found: string | null = null;
    for (let at = 0; at < this.headers.length; at += 2) {
      if (nameAt(this.headers, at) !== name) continue;
      const value = this.headers[at + 1] as string;
      found = found === null ? value : `${found}, ${value}`;
    }
    return found;
  }

  withHeader(name: string, value: string): HttpRequest {
    const others = this.headers.filter((_, at, all) => nameAt(all, at) !== name.toLowerCase());
    const headers = [...others, name.toLowerCase(), value];
    return new HttpRequest(this.origin, this.path, this.method, headers, this.body, this.tags);
  }

  withTags(tags: Tagger): HttpRequest {
    return new HttpRequest(this.origin, this.path, this.method, this.headers, this.body, tags);
  }
}

// baggage is not among them: it can tell who asks.
const trace = new Set(['traceparent', 'tracestate']);

/** The name, in lower case, of the header to which an entry of a list of names and values belongs. */
export function nameAt(headers: readonly string[], at: number): string {
  return (headers[at - (at % 2)] as string).toLowerCase();
}
