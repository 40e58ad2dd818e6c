import type { NextFunction, Request, Response } from 'express';
import type { CacheStats, CacheTarget, StoreStats } from './cache-types.js';
import type { Outcome } from './outcome.js';
import type { OriginStats } from './settings-types.js';
import type { PageOptions, RunInput, Upstream, UpstreamMap, UpstreamOptions } from './types.js';

/** Makes options that are not known errors, which a type parameter's constraint would let pass, and says so. */
type NoTypo<O, Known> = {
  readonly [Option in Exclude<keyof O, keyof Known | DataType | AnswerType>]: `'${Option & string}' is not an option`;
};
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
    options?: PageOptions & O & NoTypo<O, PageOptions>,
  ): Page<LocalsOf<M, O>, RunResult<M>>;
  /** How each origin is doing, by origin; what the cache has; and how its store is doing, where there is one. */
  stats(): MashupStats;
  /**
   * Makes stored answers stale, on all machines: they are revalidated before they are used again, or used where that fails and
   * `staleIfError` allows it. Resolves when the other machines were told, or cannot be told now: they are as soon as they can.
   * @throws {ConfigError} (as a rejection) if the target is wrong
   * @example await mashup.invalidate({ tag: 'user-7' });
   */
  invalidate(target: CacheTarget): Promise<void>;
  /**
   * The same, but what is stored is never used again. Nor is an answer stored that was asked for before.
   * @throws {ConfigError} (as a rejection) if the target is wrong
   * @example await mashup.purge({ url: 'https://users.example.com/users/7' });
   */
  purge(target: CacheTarget): Promise<void>;
  /**
   * Closes idle connections now and the others when their requests have ended, or after `timeout` milliseconds (default: as
   * long as that takes) with ERR_UPSTREAM_CANCELED. Resolves when all are closed. With a `timeout`, runs that began before send
   * nothing after that, such as a retry that was waiting for its back-off.
   */
  close(options?: { timeout?: number }): Promise<void>;
}

export interface MashupStats {
  origins: Record<string, OriginStats>;
  cache: CacheStats;
  store: StoreStats | null;
}

/**
 * Holds the data type that {@link upstream} gives an entry. It exists for the compiler only, and is text rather than a
 * symbol because the types for `import` and for `require` would have one each.
 */
type DataType = '~data';

/** An entry whose data has the type T. */
export type TypedUpstream<T> = Upstream & { readonly [Key in DataType]?: T };

/** Holds the data type of one answer, which becomes that of the data by the entry's other options, as with `schema`. */
type AnswerType = '~answer';

/** An entry whose answers have the type T. */
export type TypedAnswer<T> = { readonly [Key in AnswerType]?: T };

type SchemaOutput<S> = S extends { readonly '~standard': { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown;

type One<U> = U extends { readonly schema: infer S }
  ? SchemaOutput<S>
  : U extends { readonly [Key in AnswerType]?: infer T }
    ? T
    : U extends { readonly fragment: true; readonly transformResponse?: undefined }
      ? string
      : unknown;

type Answer<U> = U extends { readonly each: NonNullable<UpstreamOptions['each']> } ? (One<U> | null)[] : One<U>;

type FallbackData<F> = F extends (...args: never) => infer R ? Awaited<R> : F;

/** The type of an upstream's data in `res.locals`: a promise of it where it is deferred. */
export type DataOf<U> = U extends { readonly defer: true } ? Promise<EventualDataOf<U>> : EventualDataOf<U>;

/** The type of an upstream's data once it is there. */
export type EventualDataOf<U> = U extends { readonly [Key in DataType]?: infer T }
  ? T
  : U extends { readonly fallback: infer F }
    ? U extends { readonly when: unknown }
      ? Answer<U> | FallbackData<F> | null
      : Answer<U> | FallbackData<F>
    : U extends { readonly required: true; readonly when?: undefined }
      ? Answer<U>
      : Answer<U> | null;

type Data<M> = { -readonly [Name in keyof M]: DataOf<M[Name]> };

type Outcomes<M> = { -readonly [Name in keyof M]: Outcome<EventualDataOf<M[Name]>> };

/** What a page attaches to `res.locals`. */
export type LocalsOf<M, O = PageOptions> = (O extends { readonly into: infer Into extends string }
  ? { [Key in Into]: Data<M> }
  : Data<M>) & { mashup: Outcomes<M> };

/** What became of a page that was run without a response. */
export interface RunResult<M = Record<string, unknown>> {
  data: Data<M>;
  outcomes: Outcomes<M>;
}

/**
 * The middleware of a page. An inline handler on the same route sees its locals typed. The first signature makes it fit
 * wherever any RequestHandler does; inference reads the last.
 */
export interface Page<Locals extends object = object, Result = unknown> {
  (req: Request, res: Response, next: NextFunction): void;
  (
    // biome-ignore lint/suspicious/noExplicitAny: express's own defaults for bodies
    req: Request<Request['params'], any, any, Request['query'], Locals & Record<never, never>>,
    // biome-ignore lint/suspicious/noExplicitAny: express's own defaults for bodies
    res: Response<any, Locals & Record<never, never>>,
    next: NextFunction,
  ): void;
  /**
   * Runs the page from anywhere: another framework, a job, a test. Resolves when its upstreams have ended, or at the deadline.
   * @throws {UpstreamError} (as a rejection) of a required upstream, and nothing else that an upstream can cause
   * @throws {ConfigError} (as a rejection) if the input is wrong
   * @example const { data } = await page.run({ params: { id: '7' } });
   */
  run(input?: RunInput): Promise<Result>;
}

/** The locals of a page. @example type Locals = MashupLocals<typeof page> */
export type MashupLocals<P> = P extends Page<infer Locals, unknown> ? Locals : never;
