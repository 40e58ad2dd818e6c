import type { Failure } from '../errors.js';
import type { HttpRequest, UpstreamRequest } from '../transport/http-request.js';
import type { Awaitable, Context } from '../types.js';

/** What a request is made from, in one run. */
export interface RequestSource {
  /** What the first segment of a template's variable names: `params`, `query`, `locals`, `item` or an upstream. */
  lookup(source: string): unknown;
  readonly context: Context;
  /** The headers of the client's request, by name in lower case. */
  readonly clientHeaders: Readonly<Record<string, string | string[] | undefined>>;
}

/** How the request of an upstream is made. */
export interface RequestPlan {
  /** The request, where it is the same for all. */
  readonly fixed: HttpRequest | null;
  build(source: RequestSource): Awaitable<UpstreamRequest | Failure>;
}
