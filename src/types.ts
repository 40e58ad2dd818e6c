import type { Request } from 'express';
import type { CacheOptions, PageCacheOptions } from './cache-types.js';
import type { UpstreamError } from './errors.js';
import type { Outcome } from './outcome.js';
import type { StandardSchema } from './standard-schema.js';

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** What a callback of an upstream is given. Each property is made when it is first read. */
export interface Context {
  /** The client's request. */
  readonly req: Request;
  /** `req.params`: the parameters of the route. */
  readonly params: Readonly<Record<string, string | string[]>>;
  /** `req.query`. */
  readonly query: Readonly<Request['query']>;
  /** `res.locals`, as the middleware before this one left it. */
  readonly locals: Readonly<Record<string, unknown>>;
  /** The data of the upstreams that this one waited for, by name. */
  readonly results: Readonly<Record<string, unknown>>;
  /** The item that this request is for, where `each` is used. */
  readonly item: unknown;
  /** Aborted when the call ends, for whatever reason; where it failed, the reason is its UpstreamError. */
  readonly signal: AbortSignal;
}

/** A value, or a function of the context that gives it (or a promise of it). */
export type FromContext<T> = T | ((context: Context) => Awaitable<T>);

export type HeaderValue = string | number | boolean | readonly string[] | null | undefined;

/** One upstream of a page. A string stands for `{ url: string }`. */
export interface UpstreamOptions {
  /**
   * Where the data is: a URL, an RFC 6570 template whose variables begin with `params`, `query`, `locals`, `item` or the
   * name of another upstream, or a function of the context (which needs `origins`).
   * Scheme, host and port of a template are literal.
   *
   * @example 'https://users.example.com/users/{params.id}{?query.lang}'
   */
  url: string | ((context: Context) => Awaitable<string | URL>);
  /** The HTTP method. @default 'GET' */
  method?: string;
  /** Headers to send. A value that is null or undefined is left out. */
  headers?: FromContext<Readonly<Record<string, HeaderValue>>>;
  /** Query parameters, added to the URL as axios does it. */
  params?: FromContext<Readonly<Record<string, unknown>> | URLSearchParams>;
  /** The request's body: an object is sent as JSON, URLSearchParams as a form, strings and Buffers as they are. */
  // biome-ignore lint/suspicious/noExplicitAny: `unknown` would swallow the function and leave its parameter untyped
  data?: ((context: Context) => any) | object | string | null;
  /** HTTP Basic credentials; sent to the upstream's own origin only. */
  auth?: Readonly<{ username: string; password: string }>;
  /**
   * How the body is read: `'json'` parses whatever its content type, `'text'` gives a string, `'arraybuffer'` a Buffer.
   * @default by content type: JSON is parsed, other text is a string, the rest a Buffer
   */
  responseType?: 'json' | 'text' | 'arraybuffer';
  /** Which statuses are a success; null accepts any. @default status >= 200 && status < 300 */
  validateStatus?: ((status: number) => boolean) | null;
  /** How many redirects may be followed. @default 5 */
  maxRedirects?: number;
  /** The most bytes that a body may have, counted after decompression. @default 10485760, and 262144 of JSON */
  maxContentLength?: number;
  /** Replaces the decoding of JSON: gets text (a Buffer with `responseType: 'arraybuffer'`), returns the data. */
  transformResponse?: ResponseTransformer | readonly ResponseTransformer[];

  /** Its failure ends the run at once, and `next(error)` is called. Excludes `fallback`. @default false */
  required?: boolean;
  /** Data, or a function of error and context that gives it, to use when the call fails. @default none: data is null */
  // biome-ignore lint/suspicious/noExplicitAny: `unknown` would swallow the function and leave its parameters untyped
  fallback?: ((error: UpstreamError, context: Context) => any) | object | string | number | boolean | null;
  /**
   * The page does not wait for it: `res.locals` has a promise of its data, which is never rejected (its fallback, or null). It is
   * ended by its `timeout`, by the page's `lateDeadline`, and when the response has ended.
   * @default false
   */
  defer?: boolean;
  /**
   * It answers HTML for a part of the page: the data is a string for `raw()`, anything else is an error, and what its Link headers
   * name is collected for `fragmentAssets()` (both of `express-mashup/html`).
   * @default false
   */
  fragment?: boolean;
  /** Milliseconds for the whole call, from when it could start: queueing, every attempt, body, decoding. @default the deadline */
  timeout?: number;
  /** Milliseconds for one attempt. @default none */
  attemptTimeout?: number;
  /** Names of upstreams that must have ended, however they ended, before this one starts. @default [] */
  after?: readonly string[];
  /** Whether to call it at all; a false value skips it. @default always */
  when?: (context: Context) => Awaitable<unknown>;
  /** A list, by a function of the context or a path such as `user.friends`: one request an item. */
  each?: string | ((context: Context) => Awaitable<readonly unknown[]>);
  /** More items than this is an error. @default 100 */
  maxItems?: number;
  /** Names of the client's request headers to pass on. @default none */
  forward?: readonly string[];
  /** Origins that it may talk to besides those its literal URL names; `'public'`: any public internet address. @default [] */
  origins?: readonly string[] | 'public';
  /**
   * Extra attempts after a failure that may be a passing one: a number of them, `true` for one, or {@link RetryOptions}. They
   * wait a random back-off (or what Retry-After says), start only while the deadline leaves room, and only inside the
   * origin's budget: with hedges, a tenth of the calls of the last 10 s, and never less than 10 in 10 s.
   * @default none
   */
  retry?: boolean | number | RetryOptions;
  /**
   * A second attempt when the first has not answered after so many milliseconds, or after the origin's own 95th percentile;
   * the first success wins and the other is aborted. GET, HEAD and `safe` only; it shares the budget of retries.
   * @default none
   */
  hedge?: number | 'p95';
  /** Stops asking an origin that fails, and tries it again later: `true`, or {@link BreakerOptions}. @default none */
  breaker?: boolean | BreakerOptions;
  /**
   * Shares one request among equal calls of all runs: the same method, URL, body and every header sent. Equal calls of one
   * run always share one. A request shared across runs does not use any run's `concurrency`; only `limits` bounds it. Not with
   * an axios instance, whose interceptors decide what is sent.
   * @default false
   */
  coalesce?: boolean;
  /** Name of a request header that tells the upstream how many milliseconds are left for its answer. @default none */
  deadlineHeader?: string;
  /** A Standard Schema (zod, valibot, arktype, …) that the data must meet; its output is the data. With `each`: of one item. */
  schema?: StandardSchema;
  /**
   * Sends no more than so many requests in so many milliseconds, over all pages of the instance. An attempt over it fails
   * with ERR_UPSTREAM_QUOTA and is not sent. @default none
   */
  quota?: QuotaOptions;
  /**
   * Keeps answers and shares them among all who would send the same request, with every header of it: `true`, as a shared
   * cache may by the upstream's own headers (RFC 9111); a number of milliseconds for which an answer is fresh whatever these
   * say; or {@link CacheOptions}. Requests under way are shared as with `coalesce`. Data that is kept is frozen. Not with an
   * axios instance.
   * @default false
   */
  cache?: boolean | number | CacheOptions;
  /**
   * Its request only reads, though its method does not say so: a GraphQL query or a search by POST. It may be sent again, as
   * a GET may: by `hedge`, by `retry` without `methods`, and once more where a kept-alive connection was closed under it.
   * Not for PUT, PATCH and DELETE.
   * @default false
   */
  safe?: boolean;
}

/** When and how often to try again. */
export interface RetryOptions {
  /** How many attempts there may be after the first. @default 1 */
  attempts?: number;
  /** Statuses to try again after, besides no connection, a connection that broke, and an attempt's timeout. @default [502, 503, 504] */
  statuses?: readonly number[];
  /** Milliseconds: the longest wait before the first extra attempt. It doubles for each further one. @default 100 */
  backoff?: number;
  /** Methods that may be sent again; what is `safe` counts as GET. @default ['GET', 'HEAD'] */
  methods?: readonly string[];
}

/** When a circuit breaker opens and closes. Pages with equal options share one for each origin. */
export interface BreakerOptions {
  /** The share of failures, 0 to 1, at which it opens. 4xx and cancellations are no failures. @default 0.5 */
  threshold?: number;
  /** How many answers there must be in the window before it can open. @default 20 */
  minimum?: number;
  /** Milliseconds over which it counts. @default 10000 */
  window?: number;
  /** Milliseconds after which it lets a few calls try: the first that succeeds closes it. @default 5000 */
  halfOpenAfter?: number;
}

/**
 * How much an upstream may be asked, by all machines that share a store (`createMashup({ cache: { store } })`), or else by each
 * process. Every attempt that is sent counts, retries and hedges too; redirects, and the repetition
 * where a kept-alive connection was closed, do not.
 */
export interface QuotaOptions {
  /** The most requests in any `per` milliseconds. */
  requests: number;
  /** Milliseconds. */
  per: number;
  /** Upstreams that name the same quota are counted together. @default those of one origin with equal numbers are */
  name?: string;
}

export type ResponseTransformer = (
  // biome-ignore lint/suspicious/noExplicitAny: axios's own signature; text, or a Buffer, by responseType
  data: any,
  headers: Readonly<Record<string, string | string[]>>,
  status: number,
) => unknown;

/** An entry of the map. */
export type Upstream = string | UpstreamOptions;

/** The map of a page: names to upstreams. */
export type UpstreamMap = Readonly<Record<string, Upstream>>;

/** Options of a page. */
export interface PageOptions {
  /** Milliseconds from the middleware's entry to the handler, at the most. @default 2000 */
  deadline?: number;
  /** Attempts in flight at once for one run. @default 10 */
  concurrency?: number;
  /** Milliseconds from the middleware's entry after which deferred upstreams are given up. @default 10000 */
  lateDeadline?: number;
  /** Attach the data under `res.locals[into]` instead of `res.locals`. @default none */
  into?: string;
  /**
   * Name of a header of the client's request that may shorten the deadline: milliseconds that it is ready to wait. Whoever
   * sends it decides, so name one only where clients are your own services.
   * @default none
   */
  deadlineFrom?: string;
  /**
   * Send Cache-Control, Vary, and more where it is wanted, as they follow from the parts: `true`, or {@link PageCacheOptions}.
   * For GET and HEAD. What the handler sets itself wins.
   * @default false
   */
  pageCache?: boolean | PageCacheOptions;
  /** Send a Server-Timing header: yes, no, or what a function of the request says. @default true, but false where NODE_ENV is production */
  serverTiming?: boolean | ((req: Request) => boolean);
  /**
   * Called for each call that failed, fell back, is incomplete, or has a stale copy because it failed; not for what was skipped, nor
   * for what was given up because the client left or a required upstream failed. What it throws has no effect. `false`: nothing.
   * @default what the instance says
   */
  onFailure?: false | FailureListener;
}

/**
 * Hears of a failure.
 * @param where the client's request, and the path of its route, such as `/cities/:slug`; null where there is none
 */
export type FailureListener = (outcome: Outcome, where: { req: Request | null; page: string | null }) => unknown;

/** What a page is given where there is no request of Express to read it from. All of it may be left out. */
export interface RunInput {
  /** The client's request, for callbacks, and for what is not given beside it. */
  req?: Request;
  /** What `{params.…}` reads. */
  params?: Readonly<Record<string, string>>;
  /** What `{query.…}` reads. */
  query?: Readonly<Record<string, unknown>>;
  /** The client's request headers, for `forward` and `deadlineFrom`. */
  headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What `{locals.…}` reads. */
  locals?: Readonly<Record<string, unknown>>;
  /** Gives the run up: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of multiGet: those of an upstream that make sense without a page, for every URL alike. */
export interface MultiGetOptions
  extends Omit<
    UpstreamOptions,
    | 'url'
    | 'headers'
    | 'params'
    | 'data'
    | 'required'
    | 'defer'
    | 'timeout'
    | 'after'
    | 'when'
    | 'each'
    | 'maxItems'
    | 'forward'
  > {
  headers?: Readonly<Record<string, HeaderValue>>;
  params?: Readonly<Record<string, unknown>> | URLSearchParams;
  data?: unknown;
  /** Milliseconds for all of them together. @default 2000 */
  timeout?: number;
  /** Requests in flight at once. @default 10 */
  concurrency?: number;
}
