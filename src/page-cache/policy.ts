// How a page may be cached, from how its parts may be. Pure functions.
import { createHash } from 'node:crypto';
import { controlOf, freshnessOf, isForAll, isPrivate, type ResponseHead, varyNames } from '../cache/rules.js';
import type { PageCacheConfig } from '../checked.js';
import type { Outcome } from '../outcome.js';
import { tagsOf } from '../tags.js';
import { digestOf } from './digest.js';
import type { PageFacts } from './facts.js';

/** One answer that a page is made of. */
export interface Part {
  /** Of its upstream. */
  readonly name: string;
  /** Whether it is what was asked for: no fallback, not missing, late or stale. */
  readonly isWhole: boolean;
  /** Milliseconds for which it is still fresh; null where nobody has said so. */
  readonly lifetime: number | null;
  readonly isPrivate: boolean;
  /** Whether it was made from the visitor's request. */
  readonly isPersonal: boolean;
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
  const isAuthorized = facts.authorized.has(name);
  return {
    name,
    isWhole,
    lifetime: lifetime(),
    // A failure without a head may be about whose credentials they were.
    isPrivate: head === null ? isAuthorized : isKept(head, isAuthorized),
    isPersonal: status === 'fallback' && facts.fallingBack.has(name),
    tags: tagsOf(outcome),
    outcome,
  };

  function lifetime(): number | null {
    if (head === null) return null;
    if (facts.timed.has(name)) return cache?.ttl == null ? null : cache.ttl - passed;
    if (controlOf(head.headers).has('no-store') || varyNames(head.headers).includes('*')) return null;
    const { started, ready, ended: received } = timings;
    // The time that the answer took counts as age (RFC 9111, section 4.2.3).
    const moments = { requested: started ?? ready, received: received ?? ended, date: date - passed };
    const { age, lifetime, isExplicit } = freshnessOf(head, moments);
    if (!isExplicit) return null;
    // What was stored has aged since its head was sent.
    return cache?.ttl == null ? lifetime - age - passed : Math.min(cache.ttl, lifetime) - passed;
  }
}

/** Whether an answer is not for all. Whoever sets a cookie seldom means it for everybody. */
function isKept(head: ResponseHead, isAuthorized: boolean): boolean {
  const setsCookie = head.headers['set-cookie'] !== undefined && !controlOf(head.headers).has('public');
  return isPrivate(head) || setsCookie || (isAuthorized && !isForAll(head));
}

/** How a page of these parts may be cached. */
export function policyOf(parts: readonly Part[], facts: PageFacts, config: PageCacheConfig): Policy {
  const isWhole = parts.every((part) => part.isWhole);
  const isPersonal = facts.isPersonal || parts.some((part) => part.isPersonal);
  return {
    maxAge: facts.isUnsafe ? null : maxAgeOf(parts, isWhole, config),
    isPrivate: parts.some((part) => part.isPrivate) || (isPersonal && !config.shared),
    varies: facts.varies,
    tags: [...new Set(parts.flatMap(({ tags }) => tags))],
    validators: isWhole && config.version !== null ? validatorsOf(config.version, parts, facts) : null,
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

/** What may not be kept at all. */
export function unkept(policy: Policy): Policy {
  return { ...policy, maxAge: null, validators: null };
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

function validatorsOf(version: string, parts: readonly Part[], { variable }: PageFacts): string[] | null {
  const validators = [version];
  for (const { name, outcome } of parts) {
    const etag = variable.has(name) ? undefined : outcome.response?.headers['etag'];
    const validator = etag === undefined ? validatorOf(outcome) : `${outcome.response?.url} ${etag}`;
    if (validator === null) return null;
    validators.push(validator);
  }
  return validators;
}

// Of data that the cache shares, which is frozen: it is the same as long as it is the same object.
const digests = new WeakMap<object, string | null>();

function validatorOf({ data, cache }: Outcome): string | null {
  if (cache === null || typeof data !== 'object' || data === null || !Object.isFrozen(data)) return digestOf(data);
  const known = digests.get(data);
  if (known !== undefined) return known;
  const digest = digestOf(data);
  digests.set(data, digest);
  return digest;
}

const MOST_TAG_BYTES = 4096;

/** The tags as a header: whole ones, as many as have room; null where there are none. */
export function tagHeader(tags: readonly string[], name: string): string | null {
  const isList = /cache-tag$/i.test(name);
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
