import type { AxiosInstance } from 'axios';
import type { NextFunction, Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import type { Outcome } from './outcome.js';

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
  /** Aborted when the call ends, for whatever reason. */
  readonly signal: AbortSignal;
}

/** A value, or a function of the context that gives it (or a promise of it). */
export type FromContext<T> = T | ((context: Context) => Awaitable<T>);

/** @see {@link https://standardschema.dev} The Standard Schema interface, version 1. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

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
  /** The most bytes that a body may have, counted after decompression. @default 10485760 */
  maxContentLength?: number;
  /** Replaces the decoding of JSON: gets text (a Buffer with `responseType: 'arraybuffer'`), returns the data. */
  transformResponse?: ResponseTransformer | readonly ResponseTransformer[];

  /** Its failure ends the run at once, and `next(error)` is called. Excludes `fallback`. @default false */
  required?: boolean;
  /** Data, or a function of error and context that gives it, to use when the call fails. @default none: data is null */
  // biome-ignore lint/suspicious/noExplicitAny: `unknown` would swallow the function and leave its parameters untyped
  fallback?: ((error: Error, context: Context) => any) | object | string | number | boolean | null;
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
  /** A Standard Schema (zod, valibot, arktype, …) that the data must meet; its output is the data. With `each`: of one item. */
  schema?: StandardSchema;
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
  /** Attach the data under `res.locals[into]` instead of `res.locals`. @default none */
  into?: string;
  /** Send a Server-Timing header. @default true, but false where NODE_ENV is production */
  serverTiming?: boolean;
}

/** Options of multiGet: those of an upstream that make sense without a page, for every URL alike. */
export interface MultiGetOptions
  extends Omit<
    UpstreamOptions,
    'url' | 'headers' | 'params' | 'data' | 'required' | 'timeout' | 'after' | 'when' | 'each' | 'maxItems' | 'forward'
  > {
  headers?: Readonly<Record<string, HeaderValue>>;
  params?: Readonly<Record<string, unknown>> | URLSearchParams;
  data?: unknown;
  /** Milliseconds for all of them together. @default 2000 */
  timeout?: number;
  /** Requests in flight at once. @default 10 */
  concurrency?: number;
}

/** Settings of an instance: of what its pages share. */
export interface Settings {
  /**
   * Sends every request, instead of the instance's own connections: an undici ProxyAgent, say. It stays its owner's to
   * close. What a host name means is then for it to say: a rule about public addresses holds for literal ones only.
   * @default connections of the instance's own, kept alive
   */
  dispatcher?: Dispatcher;
  /**
   * Makes the requests of every page: its interceptors, defaults (`baseURL`, which allows relative URLs in pages, headers,
   * transformers, auth, …) and adapter work as axios documents them. Deadlines, caps and outcomes hold all the same. It is
   * slower than the default, which does not go through axios's request pipeline.
   * @default none
   */
  axios?: AxiosInstance;
}

/** Makes options that are not known errors, which a type parameter's constraint would let pass. */
type NoTypo<O, Known> = { readonly [Option in Exclude<keyof O, keyof Known | typeof dataType>]: never };
type NoTypos<M> = { readonly [Name in keyof M]: M[Name] extends string ? unknown : NoTypo<M[Name], UpstreamOptions> };

/** Makes pages that share connections. `mashup` is one; {@link createMashup} makes another. */
export interface Mashup {
  /**
   * Makes the middleware of a page: it fetches all upstreams in parallel, and calls the next handler when they have ended
   * or at the deadline.
   * @throws {ConfigError} with every problem of the config
   */
  <const M extends UpstreamMap, const O extends PageOptions = Record<never, never>>(
    upstreams: M & NoTypos<M>,
    options?: O & NoTypo<O, PageOptions>,
  ): Page<LocalsOf<M, O>>;
  /** Closes idle connections now and the others when their requests have ended; resolves when all are closed. */
  close(): Promise<void>;
}

/** The data type that {@link upstream} gives an entry. It exists for the compiler only. */
export declare const dataType: unique symbol;

/** An entry whose data has the type T. */
export type TypedUpstream<T> = Upstream & { readonly [dataType]?: T };

type SchemaOutput<S> = S extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

type One<U> = U extends { readonly schema: infer S } ? SchemaOutput<S> : unknown;

type Answer<U> = U extends { readonly each: NonNullable<UpstreamOptions['each']> } ? (One<U> | null)[] : One<U>;

type FallbackData<F> = F extends (...args: never) => infer R ? Awaited<R> : F;

/** The type of an upstream's data in `res.locals`. */
export type DataOf<U> = U extends { readonly [dataType]?: infer T }
  ? T
  : U extends { readonly fallback: infer F }
    ? U extends { readonly when: unknown }
      ? Answer<U> | FallbackData<F> | null
      : Answer<U> | FallbackData<F>
    : U extends { readonly required: true; readonly when?: undefined }
      ? Answer<U>
      : Answer<U> | null;

type Data<M> = { -readonly [Name in keyof M]: DataOf<M[Name]> };

type Outcomes<M> = { -readonly [Name in keyof M]: Outcome<DataOf<M[Name]>> };

/** What a page attaches to `res.locals`. */
export type LocalsOf<M, O = PageOptions> = (O extends { readonly into: infer Into extends string }
  ? { [Key in Into]: Data<M> }
  : Data<M>) & { mashup: Outcomes<M> };

/**
 * The middleware of a page. An inline handler on the same route sees its locals typed. The first signature makes it fit
 * wherever any RequestHandler does; inference reads the last.
 */
export interface Page<Locals extends object = object> {
  (req: Request, res: Response, next: NextFunction): void;
  (
    // biome-ignore lint/suspicious/noExplicitAny: express's own defaults for bodies
    req: Request<Request['params'], any, any, Request['query'], Locals & Record<never, never>>,
    // biome-ignore lint/suspicious/noExplicitAny: express's own defaults for bodies
    res: Response<any, Locals & Record<never, never>>,
    next: NextFunction,
  ): void;
}

/** The locals of a page. @example type Locals = MashupLocals<typeof page> */
export type MashupLocals<P> = P extends Page<infer Locals> ? Locals : never;
