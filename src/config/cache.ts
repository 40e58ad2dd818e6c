import { EVERYTHING, markOf, urlMark } from '../cache/marks.js';
import type { CacheOptions, CacheSettings, CacheStore } from '../cache-types.js';
import type { CacheConfig } from '../checked.js';
import { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { headerNameProblem } from '../request/headers.js';
import type { UpstreamOptions } from '../types.js';
import {
  aBoolean,
  aFunction,
  aString,
  aTime,
  aWholeNumber,
  type Check,
  checkOptions,
  either,
  given,
  inFile,
  listOf,
  milliseconds,
  schemaOf,
} from './checks.js';
import { onlyGiven } from './resilience.js';

const cacheChecks: { readonly [Option in keyof Required<CacheOptions>]: Check } = {
  ttl: aTime,
  swr: aTime,
  staleIfError: aTime,
  softTimeout: milliseconds,
  tags: either(listOf(aString, 'names'), aFunction),
  keyHeaders: listOf(aString, 'names of headers'),
};

export const isCache = inFile({ anyOf: [aBoolean.schema, aTime.schema, schemaOf(cacheChecks)] }, (value) =>
  typeof value === 'boolean' || aTime(value) === null || isPlainObject(value)
    ? null
    : 'true, milliseconds, or an object of options',
);

/** How answers are cached, checked; null where they are not. */
export function readCache(options: UpstreamOptions, path: string, problems: Problems): CacheConfig | null {
  const { cache, method = 'GET', safe = false, headers, forward = [] } = options;
  if (cache === undefined || cache === false) return null;
  const wanted: CacheOptions = cache === true ? {} : typeof cache === 'number' ? { ttl: cache } : cache;
  const wrong = checkOptions(wanted as Record<string, unknown>, cacheChecks, `${path}.cache`, problems);
  if (!safe && !/^(get|head)$/i.test(method)) {
    const unless = /^(put|patch|delete)$/i.test(method) ? '' : '; a POST that only reads needs safe: true';
    problems.add(`${path}.cache`, `is for GET and HEAD, not ${method.toUpperCase()}${unless}`);
  }
  const known = onlyGiven(wanted);
  if (known.softTimeout !== undefined && known.ttl !== undefined && known.staleIfError === undefined) {
    problems.add(`${path}.cache.softTimeout`, 'needs staleIfError: a stale copy is used after it');
  }
  for (const name of wrong.includes('keyHeaders') ? [] : (known.keyHeaders ?? [])) {
    const problem = headerNameProblem(name);
    if (problem !== null) problems.add(`${path}.cache.keyHeaders`, `'${name}' ${problem}`);
  }
  return {
    ttl: known.ttl ?? null,
    swr: known.swr ?? null,
    staleIfError: known.staleIfError ?? null,
    softTimeout: known.softTimeout ?? null,
    tags: wrong.includes('tags') ? null : (known.tags ?? null),
    keyHeaders: wrong.includes('keyHeaders') ? null : (known.keyHeaders?.map((name) => name.toLowerCase()) ?? null),
    hasDirectives: maySend(headers, forward, directives),
  };
}

/** Headers of a request by which it says how it may be answered from a cache, or not at all. */
const directives =
  /^(cache-control|pragma|range|if-match|if-none-match|if-modified-since|if-unmodified-since|if-range)$/i;

function maySend(headers: UpstreamOptions['headers'], forward: readonly string[], names: RegExp): boolean {
  if (typeof headers === 'function') return true;
  return [...forward, ...Object.keys(headers ?? {})].some((name) => names.test(name));
}

const storeMethods = ['get', 'set', 'lock', 'unlock', 'mark', 'log', 'watch'] as const satisfies (keyof CacheStore)[];

const aStore: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  storeMethods.every((name) => typeof (value as Partial<Record<string, unknown>>)[name] === 'function')
    ? null
    : "a store, such as redisStore() of 'express-mashup/redis'";

const settingChecks: { readonly [Setting in keyof Required<CacheSettings>]: Check } = {
  maxBytes: aWholeNumber(1),
  maxEntries: aWholeNumber(1),
  maxEntryBytes: aWholeNumber(1),
  store: aStore,
};

export function checkCacheSettings(cache: CacheSettings, problems: Problems): void {
  checkOptions(cache as Record<string, unknown>, settingChecks, 'settings.cache', problems);
}

const targetChecks: Readonly<Record<string, Check>> = {
  tag: either(aString, listOf(aString, 'tags')),
  url: (value) => (URL.canParse(String(value)) ? null : 'a URL'),
  all: (value) => (value === true ? null : 'true'),
};

/**
 * The marks of what is to be invalidated or purged.
 * @throws {ConfigError} with every problem
 */
export function readTarget(target: unknown): string[] {
  const problems = new Problems();
  if (!isPlainObject(target))
    problems.add('', `expected an object such as { tag: 'user-7' }, but was given ${given(target)}`);
  else {
    checkOptions(target, targetChecks, '', problems);
    if (Object.keys(onlyGiven(target)).length !== 1) problems.add('', 'expected one of tag, url and all');
  }
  problems.throwIfAny();
  const { tag, url } = target as { tag?: string | string[]; url?: string | URL };
  if (tag !== undefined) return [tag].flat().map((one) => markOf('tag', one));
  return [url === undefined ? EVERYTHING : urlMark(url)];
}
