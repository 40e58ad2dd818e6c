import type { TypedUpstream, Upstream, UpstreamOptions } from './types.js';

type Each = { readonly each: NonNullable<UpstreamOptions['each']> };

/**
 * Types the data of an entry, where no schema does. It returns what it is given.
 *
 * @example mashup({ user: upstream<User>({ url: 'https://users.example.com/{params.id}', required: true }) })
 */
export function upstream<T>(
  entry: UpstreamOptions & Each & { readonly required: true; readonly when?: never },
): TypedUpstream<(T | null)[]>;
export function upstream<T>(
  entry: UpstreamOptions & { readonly required: true; readonly each?: never; readonly when?: never },
): TypedUpstream<T>;
export function upstream<T>(
  entry: UpstreamOptions & Each & { readonly fallback?: never },
): TypedUpstream<(T | null)[] | null>;
export function upstream<T, F = T>(
  entry: UpstreamOptions & {
    readonly fallback: F | ((...args: Parameters<FallbackFunction>) => F | Promise<F>);
    readonly each?: never;
    readonly when?: never;
  },
): TypedUpstream<T | F>;
export function upstream<T>(entry: Upstream): TypedUpstream<T | null>;
export function upstream(entry: Upstream): Upstream {
  return entry;
}

type FallbackFunction = Extract<NonNullable<UpstreamOptions['fallback']>, (...args: never) => unknown>;
