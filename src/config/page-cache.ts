import { randomUUID } from 'node:crypto';
import type { PageCacheOptions } from '../cache-types.js';
import type { PageCacheConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { headerNameProblem } from '../request/headers.js';
import type { PageOptions } from '../types.js';
import { aBoolean, aString, aTime, type Check, checkOptions, either, inFile, schemaOf } from './checks.js';

const checks: { readonly [Option in keyof Required<PageCacheOptions>]: Check } = {
  maxAge: aTime,
  partial: aTime,
  shared: aBoolean,
  etag: either(aBoolean, aString),
  tagHeader: aString,
};

export const isPageCache = inFile({ anyOf: [aBoolean.schema, schemaOf(checks)] }, (value) =>
  typeof value === 'boolean' || isPlainObject(value) ? null : 'true, or an object of options',
);

// Of this process: what it serves may have changed since the one before.
const ownVersion = randomUUID();

/** How a page says that it may be cached, checked; null where it says nothing. */
export function readPageCache(pageCache: PageOptions['pageCache'], problems: Problems): PageCacheConfig | null {
  if (pageCache === undefined || pageCache === false || isPageCache(pageCache) !== null) return null;
  const given = pageCache === true ? {} : pageCache;
  const wrong = checkOptions(given as Record<string, unknown>, checks, 'options.pageCache', problems);
  const { maxAge = null, partial = null, shared = false, etag = false, tagHeader = null } = given;
  if (tagHeader !== null && !wrong.includes('tagHeader')) {
    const problem = headerNameProblem(tagHeader);
    if (problem !== null) problems.add('options.pageCache.tagHeader', problem);
  }
  return { maxAge, partial, shared, version: etag === true ? ownVersion : etag || null, tagHeader };
}
