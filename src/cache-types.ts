import type { Request } from 'express';

/** How long an upstream's answers are kept, and what may be done with them. Durations are in milliseconds. */
export interface CacheOptions {
  /**
   * How long an answer is fresh, whatever the upstream's headers say (`no-store` and `private` included). Up to a tenth is
   * taken off at random, so that machines do not ask again all at the same time.
   * @default what the upstream's headers say, as for a shared cache (RFC 9111)
   */
  ttl?: number;
  /** For so long after that, the stale copy is used at once and refreshed behind the page. @default what the headers allow */
  swr?: number;
  /** For so long after it was fresh, the stale copy is used when the call fails or is late. @default what the headers allow */
  staleIfError?: number;
  /** Where there is a stale copy for the case of an error: how long a fresh answer is waited for. @default as long as the call may last */
  softTimeout?: number;
  /**
   * Names to invalidate or purge answers by: templates such as `'user-{params.id}'`, or a function of the data.
   * @default none
   */
  tags?: readonly string[] | ((context: TagContext, data: unknown) => readonly string[]);
  /**
   * Of the headers that the page sets itself, those by which answers are told apart, beside those that the answer's `Vary`
   * names. For tokens that change and do not decide what is answered. Headers of `forward` always count.
   * @default all
   */
  keyHeaders?: readonly string[];
}

/** What a function of tags is given: the part of the context that does not hold the visitor's request. */
export interface TagContext {
  readonly params: Readonly<Record<string, string | string[]>>;
  readonly query: Readonly<Request['query']>;
  readonly results: Readonly<Record<string, unknown>>;
  readonly item: unknown;
}

/** What the cache did for a call, in the words of RFC 9211. */
export interface CacheRecord {
  /** `bypass`: the cache was not asked. */
  status: 'hit' | 'stale' | 'revalidated' | 'miss' | 'bypass';
  /** How old the answer is, in milliseconds; null where that is not known. */
  age: number | null;
  /** How long it is still fresh, in milliseconds, negative where it is stale; null where it was not stored. */
  ttl: number | null;
  /** Whether the answer was stored for this call, or refreshed. */
  stored: boolean;
  /** Why it was no hit (`uri-miss`, `vary-miss`, `stale`, `request`), or why it was not stored; null for a hit. */
  why: string | null;
}

/** What a page says of how it may be cached itself, by browsers and by what stands between them and it. */
export interface PageCacheOptions {
  /** The longest time for which it may be used, in milliseconds. @default as long as all of its parts are fresh */
  maxAge?: number;
  /**
   * For how many milliseconds a page may be used that is not whole: a part is missing, late, stale, or a fallback.
   * @default such a page is no-store
   */
  partial?: number;
  /**
   * It may be stored for all, though it depends on a function of the context, on `locals`, or on a forwarded credential; you
   * know that it is the same for all. What an upstream says is private stays private.
   * @default false
   */
  shared?: boolean;
  /**
   * Sends a weak ETag, and answers 304 before the handler runs where the client has that page. The tag follows from the parts
   * and from a version of the page's own code: the one given, which machines share, or with `true` one of this process.
   * @default false
   */
  etag?: boolean | string;
  /** A header with the tags of the parts, for a CDN to purge by: `'Surrogate-Key'`, `'Cache-Tag'`. @default none */
  tagHeader?: string;
}

/** The cache of an instance. */
export interface CacheSettings {
  /** @default 67108864 */
  maxBytes?: number;
  /** @default 10000 */
  maxEntries?: number;
  /** A longer answer is not stored. @default 5242880 */
  maxEntryBytes?: number;
  /** A second level, shared by machines: `redisStore()` of `express-mashup/redis`, or any other. @default none */
  store?: CacheStore;
}

/** What the cache of an instance has, and what it has done for calls. */
export interface CacheStats {
  entries: number;
  /** An estimate of what they take in memory. */
  bytes: number;
  hits: number;
  /** Calls that were given a stale copy. */
  stale: number;
  revalidated: number;
  misses: number;
  bypasses: number;
}

/** How a store is doing. */
export interface StoreStats {
  /** `open`: it has failed several times in a row, and is left alone for a while. */
  state: 'closed' | 'open' | 'half-open';
  calls: number;
  failures: number;
  /** How many of these were calls that had no answer in time. */
  timeouts: number;
  /** Calls that were not made, because it was left alone. */
  refused: number;
}

/** What to invalidate or purge: what has a tag, or one of several; what a URL was asked for; or everything. */
export type CacheTarget =
  | { tag: string | readonly string[]; url?: never; all?: never }
  | { url: string | URL; tag?: never; all?: never }
  | { all: true; tag?: never; url?: never };

/**
 * A second level of the cache, which machines share. Every method may fail, be slow, or never answer: the cache waits for
 * `timeout` ms, and goes on without it. Keys and marks are at most 100 characters of ASCII.
 */
export interface CacheStore {
  /** Milliseconds that the cache waits for each answer. @default 50 */
  readonly timeout?: number;
  /** The value of a key; null where there is none. */
  get(key: string): Promise<Uint8Array | null>;
  /** Keeps a value for so many milliseconds. */
  set(key: string, value: Uint8Array, ms: number): Promise<unknown>;
  /** Takes the lock of a key for so many milliseconds; false where another token has it. */
  lock(key: string, token: string, ms: number): Promise<boolean>;
  /** Gives a lock back, if this token still has it. */
  unlock(key: string, token: string): Promise<unknown>;
  /** Adds marks to the log, in one step, each with a number that is greater than any given before. A mark is in the log once. */
  mark(marks: readonly string[]): Promise<unknown>;
  /** Reads the log: what came after a position of the same epoch; all that it has where the position is null or of another. */
  log(since: LogPosition | null): Promise<LogSlice>;
  /**
   * Calls back whenever the log may have grown: after `mark` on any machine, and each time that the store can be used (again).
   * Returns what ends that.
   */
  watch(changed: () => void): () => void;
  /**
   * Counts a request against a rate: resolves to 0 where there were fewer than `requests` in the last `per` ms, and else to the
   * milliseconds until there will be. Without it, each machine counts for itself.
   */
  take?(key: string, id: string, rate: { readonly requests: number; readonly per: number }): Promise<number>;
  /** Takes back a request that was not sent. */
  giveBack?(key: string, id: string): Promise<unknown>;
}

export interface LogPosition {
  /** Changes when the log was lost, or went back in time. */
  readonly epoch: string;
  /** The number of the last mark. */
  readonly at: number;
}

export interface LogSlice extends LogPosition {
  /** Marks up to this number may have been dropped from the log. */
  readonly floor: number;
  /** Each mark with its number, in any order. */
  readonly marks: readonly (readonly [mark: string, at: number])[];
}
