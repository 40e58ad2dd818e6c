import type { TypedUpstream } from './page-types.js';
import type { Upstream, UpstreamOptions } from './types.js';

type Each = { readonly each: NonNullable<UpstreamOptions['each']> };
type NoEach = { readonly each?: never };
type Always = { readonly when?: never };
type Deferred = { readonly defer: true };
type Required = { readonly required: true };
/** With null, data is what it would be without a fallback. */
type NoFallback = { readonly fallback?: null };
type Fallback<F> = { readonly fallback: F | ((...args: Parameters<FallbackFunction>) => F | Promise<F>) };
type FallbackFunction = Extract<NonNullable<UpstreamOptions['fallback']>, (...args: never) => unknown>;

/**
 * Types the data of an entry, where no schema does. It returns what it is given.
 *
 * @example mashup({ user: upstream<User>({ url: 'https://users.example.com/{params.id}', required: true }) })
 */
export function upstream<T, F = (T | null)[]>(
  entry: UpstreamOptions & Each & Fallback<F> & Always & Deferred,
): TypedUpstream<(T | null)[] | F> & Deferred;
export function upstream<T, F = T>(
  entry: UpstreamOptions & NoEach & Fallback<F> & Always & Deferred,
): TypedUpstream<T | F> & Deferred;
export function upstream<T>(
  entry: UpstreamOptions & Each & NoFallback & Deferred,
): TypedUpstream<(T | null)[] | null> & Deferred;
export function upstream<T>(
  entry: UpstreamOptions & NoEach & NoFallback & Deferred,
): TypedUpstream<T | null> & Deferred;
export function upstream<T>(entry: UpstreamOptions & Each & Required & Always): TypedUpstream<(T | null)[]>;
export function upstream<T>(entry: UpstreamOptions & NoEach & Required & Always): TypedUpstream<T>;
export function upstream<T, F = (T | null)[]>(
  entry: UpstreamOptions & Each & Fallback<F> & Always,
): TypedUpstream<(T | null)[] | F>;
export function upstream<T, F = T>(entry: UpstreamOptions & NoEach & Fallback<F> & Always): TypedUpstream<T | F>;
export function upstream<T>(entry: UpstreamOptions & Each & NoFallback): TypedUpstream<(T | null)[] | null>;
export function upstream<T>(entry: string | (UpstreamOptions & NoEach & NoFallback)): TypedUpstream<T | null>;
export function upstream<T, F = (T | null)[]>(
  entry: UpstreamOptions & Each & Fallback<F>,
): TypedUpstream<(T | null)[] | F | null>;
export function upstream<T, F = T>(entry: UpstreamOptions & NoEach & Fallback<F>): TypedUpstream<T | F | null>;
export function upstream(entry: Upstream): Upstream {
  return entry;
}
