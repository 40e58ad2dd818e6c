import type { BreakerOptions } from '../call/breaker.js';
import type { Send } from '../call/host.js';
import type { RetryOptions } from '../call/retry.js';
import type { Failure } from '../errors.js';
import type { AttemptRules } from '../transport/attempt.js';
import type { AxiosRequest } from '../transport/axios-request.js';
import type { WireRequest } from '../transport/connections.js';
import type { AllowedOrigins } from '../transport/redirect.js';
import type {
  Awaitable,
  Context,
  PageOptions,
  ResponseTransformer,
  StandardSchema,
  UpstreamOptions,
} from '../types.js';

/** The options of an upstream, checked, with their defaults; null where an option is not used. */
export interface UpstreamConfig {
  readonly url: UpstreamOptions['url'];
  readonly method: string;
  readonly headers: NonNullable<UpstreamOptions['headers']> | null;
  readonly params: NonNullable<UpstreamOptions['params']> | null;
  /** Whether there is a body: `data` may be anything, undefined included. */
  readonly hasData: boolean;
  readonly data: UpstreamOptions['data'];
  readonly auth: NonNullable<UpstreamOptions['auth']> | null;
  readonly responseType: NonNullable<UpstreamOptions['responseType']> | null;
  readonly validateStatus: (status: number) => boolean;
  readonly maxRedirects: number;
  readonly maxContentLength: number;
  readonly transformResponse: readonly ResponseTransformer[];
  readonly required: boolean;
  readonly hasFallback: boolean;
  readonly fallback: UpstreamOptions['fallback'];
  readonly timeout: number | null;
  readonly attemptTimeout: number | null;
  readonly after: readonly string[];
  readonly when: ((context: Context) => Awaitable<unknown>) | null;
  readonly each: NonNullable<UpstreamOptions['each']> | null;
  readonly maxItems: number;
  readonly forward: readonly string[];
  readonly origins: AllowedOrigins;
  readonly schema: StandardSchema | null;
  readonly retry: RetryOptions | null;
  readonly hedge: number | 'p95' | null;
  readonly breaker: BreakerOptions | null;
  readonly coalesce: boolean;
  readonly deadlineHeader: string | null;
  /** The options that the page gave; an axios instance has defaults of its own for the others. */
  readonly given: ReadonlySet<string>;
}

/** What a request is made from, in one run. */
export interface RequestSource {
  /** What the first segment of a template's variable names: `params`, `query`, `locals`, `item` or an upstream. */
  lookup(source: string): unknown;
  readonly context: Context;
  /** The headers of the client's request, by name in lower case. */
  readonly clientHeaders: Readonly<Record<string, string | string[] | undefined>>;
}

/** A request, for the wire or for an axios instance of the user's own. */
export type UpstreamRequest = WireRequest | AxiosRequest;

/** How the request of an upstream is made. */
export interface RequestPlan {
  /** The request, where it is the same for all. */
  readonly fixed: WireRequest | null;
  build(source: RequestSource): Awaitable<UpstreamRequest | Failure>;
}

/** One upstream, as it is called: everything that does not depend on the client's request. */
export interface CallPlan {
  readonly name: string;
  readonly index: number;
  readonly config: UpstreamConfig;
  readonly request: RequestPlan;
  /** The request, where nothing comes before it: no condition, no list, no other upstream's data. */
  readonly plain: WireRequest | null;
  readonly rules: AttemptRules;
  /** How its requests are sent: the stages that it configures, and the attempt. */
  readonly send: Send;
  /** Whether that is one attempt and nothing else: no stage, no time limit and no header for an attempt. */
  readonly direct: boolean;
  /** The upstreams that must have ended before it starts. */
  readonly waitsFor: readonly CallPlan[];
  /** Those among them whose data it reads: where one has failed, so does this. */
  readonly reads: readonly CallPlan[];
  /** Those that wait for it. */
  readonly unblocks: readonly CallPlan[];
  /** How many upstreams wait for it, directly or not. The heaviest get slots first. */
  readonly weight: number;
  /** Where `each` finds its list. */
  readonly list: ListSource | null;
  /** For one item of a fan-out; null where there is none. */
  readonly item: CallPlan | null;
}

export type ListSource =
  | { readonly kind: 'path'; readonly source: string; readonly keys: readonly string[] }
  | { readonly kind: 'function'; readonly list: (context: Context) => Awaitable<readonly unknown[]> };

/** A page, checked and compiled once. */
export interface PagePlan {
  readonly names: readonly string[];
  /** In the order written. */
  readonly calls: readonly CallPlan[];
  /** Those that wait for nobody, heaviest first. */
  readonly roots: readonly CallPlan[];
  /** Whether more attempts than `concurrency` can be in flight, so that they must be counted. */
  readonly crowded: boolean;
  readonly options: Required<Omit<PageOptions, 'into' | 'deadlineFrom'>> & {
    readonly into: string | null;
    readonly deadlineFrom: string | null;
  };
}
