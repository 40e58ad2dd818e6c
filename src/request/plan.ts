import type { Failure } from '../errors.js';
import type { HttpRequest, UpstreamRequest } from '../transport/http-request.js';
import type { Awaitable, Context } from '../types.js';

/** What a request is made from, in one run. */
export interface RequestSource {
  /** What the first segment of a template's variable names: `params`, `query`, `locals`, `item` or an upstream. */
  lookup(source: string): unknown;
  readonly context: Context;
  /** Whether the item was the client's own choice: a value of its query, say. */
  readonly clientItem: boolean;
  /** Whether the call has ended, so that nothing more is asked of its callbacks. */
  readonly over: boolean;
  /** The headers that the client's Connection header names: they are not for others (RFC 9110, section 7.6.1). */
  readonly connectionOptions: ReadonlySet<string>;
  /** The headers of the client's request, by name in lower case. */
  readonly clientHeaders: Readonly<Record<string, string | string[] | undefined>>;
}

/** How the request of an upstream is made. */
export interface RequestPlan {
  /** The request, where it is the same for all. */
  readonly fixed: HttpRequest | null;
  build(source: RequestSource): Awaitable<UpstreamRequest | Failure>;
}
