// How a page may be cached, from how its parts may be. Pure functions.
import { createHash } from 'node:crypto';
import { controlOf, freshnessOf, isForAll, isPrivate } from '../cache/rules.js';
import type { PageCacheConfig } from '../checked.js';
import type { Outcome } from '../outcome.js';
import { tagsOf } from '../tags.js';
import type { PageFacts } from './facts.js';

/** One answer that a page is made of. */
export interface Part {
  /** Whether it is what was asked for: no fallback, not missing, late or stale. */
  readonly isWhole: boolean;
  /** Milliseconds for which it is still fresh; null where nobody has said so. */
  readonly lifetime: number | null;
  readonly isPrivate: boolean;
  readonly tags: readonly string[];
  readonly outcome: Outcome;
}

/** How a page may be cached. */
export interface Policy {
  /** Null: not at all. */
  readonly maxAge: number | null;
  readonly isPrivate: boolean;
  readonly varies: readonly string[];
  readonly tags: readonly string[];
  /** What its ETag is made of; null where it has none. */
  readonly validators: readonly string[] | null;
}

/**
 * The parts of a page: its outcomes, those of items in place of a whole. What was skipped is no part.
 * @param ended milliseconds since the run began
 * @param date milliseconds since 1970, at that time
 */
export function partsOf(outcomes: readonly Outcome[], facts: PageFacts, ended: number, date: number): Part[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.status === 'skipped') return [];
    // A list without items was read from another upstream, which is a part.
    if (outcome.items === undefined || outcome.status === 'fallback')
      return [partOf(outcome, outcome.name, facts, ended, date)];
    return outcome.items.map((item) => partOf(item, outcome.name, facts, ended, date));
  });
}

function partOf(outcome: Outcome, name: string, facts: PageFacts, ended: number, date: number): Part {
  const { status, source, response, cache, timings } = outcome;
  const isWhole = status === 'success' && source !== 'stale';
  const passed = ended - (timings.ended ?? ended);
  const head = response === null ? null : { status: response.status, headers: response.headers };
  const isKept = head !== null && (isPrivate(head) || (facts.authorized.has(name) && !isForAll(head)));
  return { isWhole, lifetime: lifetime(), isPrivate: isKept, tags: tagsOf(outcome), outcome };

  function lifetime(): number | null {
    if (head === null) return null;
    if (facts.timed.has(name)) return cache?.ttl == null ? null : cache.ttl - passed;
    if (controlOf(head.headers).has('no-store')) return null;
    const moments = { requested: 0, received: 0, date: date - passed };
    const { age, lifetime, isExplicit } = freshnessOf(head, moments);
    if (!isExplicit) return null;
    // What was stored has aged since its head was sent.
    return cache?.ttl == null ? lifetime - age - passed : Math.min(cache.ttl, lifetime) - passed;
  }
}

/** How a page of these parts may be cached. */
export function policyOf(parts: readonly Part[], facts: PageFacts, config: PageCacheConfig): Policy {
  const isWhole = parts.every((part) => part.isWhole);
  const isKept = parts.some((part) => part.isPrivate) || (facts.isPersonal && !config.shared);
  return {
    maxAge: maxAgeOf(parts, isWhole, config),
    isPrivate: isKept,
    varies: facts.varies,
    tags: [...new Set(parts.flatMap(({ tags }) => tags))],
    validators: isWhole && config.version !== null ? [config.version, ...parts.map(validatorOf)] : null,
  };
}

/** Milliseconds; null where the page may not be kept. */
function maxAgeOf(parts: readonly Part[], isWhole: boolean, { maxAge, partial }: PageCacheConfig): number | null {
  const longest = Math.min(maxAge ?? Infinity, isWhole ? Infinity : (partial ?? -1));
  const counted = parts.filter((part) => part.isWhole);
  if (longest < 0 || counted.some(({ lifetime }) => lifetime === null)) return null;
  const least = Math.min(longest, ...counted.map(({ lifetime }) => lifetime ?? 0));
  // Without any part, and without a limit, nothing is known.
  return Number.isFinite(least) ? Math.max(0, least) : null;
}

/** The stricter of two, for two pages on one request. */
export function stricter(one: Policy, other: Policy): Policy {
  return {
    maxAge: one.maxAge === null || other.maxAge === null ? null : Math.min(one.maxAge, other.maxAge),
    isPrivate: one.isPrivate || other.isPrivate,
    varies: [...new Set([...one.varies, ...other.varies])],
    tags: [...new Set([...one.tags, ...other.tags])],
    validators: one.validators === null || other.validators === null ? null : [...one.validators, ...other.validators],
  };
}

/** The value of Cache-Control. A page that has no time left may be kept if it can be revalidated. */
export function cacheControl({ maxAge, isPrivate, validators }: Policy): string {
  const seconds = maxAge === null ? 0 : Math.floor(maxAge / 1000);
  if (maxAge === null || (seconds === 0 && validators === null)) return 'no-store';
  const scope = isPrivate ? 'private' : 'public';
  return seconds === 0 ? `${scope}, max-age=0, must-revalidate` : `${scope}, max-age=${seconds}`;
}

/** A weak ETag: pages of equal parts are equal for who reads them; null where there is none. */
export function etagOf({ maxAge, validators }: Policy): string | null {
  if (validators === null || maxAge === null) return null;
  return `W/"${createHash('sha256').update(JSON.stringify(validators)).digest('base64url').slice(0, 27)}"`;
}

function validatorOf({ outcome: { response, data } }: Part): string {
  const etag = response?.headers['etag'];
  return etag === undefined ? digestOf(data) : `${response?.url} ${etag}`;
}

// Of data that is shared, which is frozen: it is the same as long as it is the same object.
const digests = new WeakMap<object, string>();

function digestOf(data: unknown): string {
  const isShared = typeof data === 'object' && data !== null && Object.isFrozen(data);
  const known = isShared ? digests.get(data) : undefined;
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(bytesOf(data)).digest('base64url');
  if (isShared) digests.set(data, digest);
  return digest;
}

/** What cannot be written as JSON is different each time. */
function bytesOf(data: unknown): string | Uint8Array {
  if (data instanceof Uint8Array) return data;
  try {
    return JSON.stringify(data) ?? 'undefined';
  } catch {
    return String(Math.random());
  }
}

const MOST_TAG_BYTES = 4096;

/** The tags as a header: whole ones, as many as have room; null where there are none. */
export function tagHeader(tags: readonly string[], name: string): string | null {
  const isList = /^cache-tag$/i.test(name);
  // A tag with a blank or a comma in it would be two.
  const possible = tags.filter((tag) => /^[!-~]+$/.test(tag) && !tag.includes(','));
  const separator = isList ? ',' : ' ';
  let header = '';
  for (const tag of possible) {
    const longer = header === '' ? tag : header + separator + tag;
    if (longer.length > MOST_TAG_BYTES) break;
    header = longer;
  }
  return header === '' ? null : header;
}

/** Whether a client has what has this ETag, by its If-None-Match (RFC 9110, section 13.1.2). */
export function hasMatch(ifNoneMatch: string, etag: string): boolean {
  const opaque = etag.replace(/^W\//, '');
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === opaque);
}
