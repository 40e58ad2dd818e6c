import type { CacheOptions, PageCacheOptions } from './cache-types.js';
import type {
  BreakerOptions,
  Context,
  FailureListener,
  PageOptions,
  QuotaOptions,
  ResponseTransformer,
  RetryOptions,
  UpstreamOptions,
} from './types.js';

/** Which origins an upstream may talk to. `'public'`: any, as long as its address is a public one. */
type AllowedOrigins = ReadonlySet<string> | 'public';

/** A quota whose name is null is that of an origin. */
export type QuotaConfig = Readonly<Required<Omit<QuotaOptions, 'name'>>> & { readonly name: string | null };

/** How answers are cached; null where an option is not given. */
export type CacheConfig = {
  readonly [Option in keyof CacheOptions]-?: NonNullable<CacheOptions[Option]> | null;
} & {
  /** Whether a request may say how it is to be answered from a cache, or not at all. */
  readonly hasDirectives: boolean;
};

/** Options that have another form, or are always there, once they are checked. */
interface Resolved {
  readonly url: UpstreamOptions['url'];
  /** In upper case. */
  readonly method: string;
  readonly validateStatus: (status: number) => boolean;
  readonly maxRedirects: number;
  readonly maxContentLength: number;
  readonly transformResponse: readonly ResponseTransformer[];
  readonly required: boolean;
  readonly defer: boolean;
  readonly fragment: boolean;
  readonly after: readonly string[];
  readonly maxItems: number;
  readonly forward: readonly string[];
  readonly origins: AllowedOrigins;
  readonly retry: Required<RetryOptions> | null;
  readonly breaker: Required<BreakerOptions> | null;
  readonly coalesce: boolean;
  readonly safe: boolean;
  readonly quota: QuotaConfig | null;
  readonly cache: CacheConfig | null;
}

/** The options of an upstream, checked and copied, with their defaults; null where an option is not used. */
export type UpstreamConfig = Resolved & {
  readonly [Option in Exclude<keyof UpstreamOptions, keyof Resolved>]-?: NonNullable<UpstreamOptions[Option]> | null;
} & {
  /** Whether there is a body, and a fallback: both may be anything, null included. */
  readonly hasData: boolean;
  readonly hasFallback: boolean;
  /** Names of the options that the page gave. For the others, an axios instance has defaults of its own. */
  readonly given: ReadonlySet<string>;
};

/** How a page says that it may be cached; null where an option is not given. */
export interface PageCacheConfig extends Required<Pick<PageCacheOptions, 'shared'>> {
  readonly maxAge: number | null;
  readonly partial: number | null;
  /** What the page's ETag depends on besides its parts; null for none. */
  readonly version: string | null;
  readonly tagHeader: string | null;
}

/** The options of a page, checked, with their defaults. */
export type PageConfig = Required<Omit<PageOptions, 'into' | 'deadlineFrom' | 'pageCache' | 'onFailure'>> & {
  /** Null: what the instance says. */
  readonly onFailure: FailureListener | false | null;
  readonly pageCache: PageCacheConfig | null;
  readonly into: string | null;
  readonly deadlineFrom: string | null;
};

/** Where `each` finds its list. */
export type ListSource =
  | { readonly kind: 'path'; readonly source: string; readonly keys: readonly string[] }
  | { readonly kind: 'function'; readonly list: (context: Context) => unknown };
