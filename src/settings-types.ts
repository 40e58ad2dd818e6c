import type { Dispatcher } from 'undici';
import type { CacheSettings } from './cache-types.js';
import type { FailureListener, PageOptions } from './types.js';

/** Settings of an instance: of what its pages share. */
export interface Settings {
  /**
   * Sends every request, instead of the instance's own connections: an undici ProxyAgent, say. It stays its owner's to
   * close. It also resolves host names, so the rule about public addresses applies to IP literals only.
   * @default connections of the instance's own, kept alive
   */
  dispatcher?: Dispatcher;
  /**
   * Makes the requests of every page: its interceptors, defaults (`baseURL`, which allows relative URLs in pages, headers,
   * transformers, auth, …) and adapter work as axios documents them. Deadlines, caps and outcomes hold all the same. It is
   * slower than the default, which does not go through axios's request pipeline.
   * @default none
   */
  axios?: AxiosLike;
  /**
   * Hears of failures of all pages that say nothing else: see {@link PageOptions.onFailure}.
   * @default one line on stderr, at most one a minute for an upstream and a code; nothing where NODE_ENV is production or test
   */
  onFailure?: false | FailureListener;
  /** Bounds on what is under way to one origin, over all pages. */
  limits?: LimitOptions;
  /** Bounds on what is cached, and where besides this process. */
  cache?: CacheSettings;
}

/** An axios instance, by its shape: TypeScript tells the instances of axios's two builds, CommonJS and ESM, apart. */
export interface AxiosLike {
  // biome-ignore lint/suspicious/noExplicitAny: axios's own types have a dozen parameters
  request: (config: any) => Promise<any>;
  defaults: object;
  interceptors: object;
}

export interface LimitOptions {
  /** Attempts in flight at once. @default 128 */
  perOrigin?: number;
  /** How many more may wait for one of those to end; further ones fail with ERR_UPSTREAM_OVERLOAD. @default 1024 */
  queue?: number;
}

/** How an origin is doing. */
export interface OriginStats {
  /** Attempts in flight, and those that wait for one of them to end. */
  inFlight: number;
  queued: number;
  /** The state of its breaker, the worst if there are several; null where no page uses any. */
  breaker: 'closed' | 'open' | 'half-open' | null;
  /** How many extra attempts the budget of retries and hedges still allows. */
  budget: number;
  /** Milliseconds, over the last 512 answers; null while there are fewer than 20. */
  p50: number | null;
  p95: number | null;
  /** How many attempts ended with an answer (`answered`), or with which error code. */
  outcomes: Record<string, number>;
}
