// What may be stored of an answer, and for how long it may be used: HTTP caching as of a shared cache (RFC 9111), with
// stale-while-revalidate and stale-if-error (RFC 5861). Pure functions; what a hit compares is worked out once.
import type { CacheConfig } from '../checked.js';
import { type Directives, readDirectives } from './directives.js';
import type { Times } from './entry.js';
import { httpDate } from './http-date.js';

/** Headers by their names in lower case; repeated ones are joined by commas, but Set-Cookie is a list. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderFields;
}

export interface RequestHead {
  header(name: string): string | null;
}

/** When an answer was asked for, and when it came. */
export interface Moments {
  /** By the instance's clock. */
  readonly requested: number;
  readonly received: number;
  /** When it came, in milliseconds since 1970. */
  readonly date: number;
}

/** What is known of how long an answer is fresh. */
export interface Freshness {
  /** Milliseconds of its age when it came. */
  readonly age: number;
  /** Milliseconds of age for which it is fresh. */
  readonly lifetime: number;
  /** Whether its headers say so; otherwise it is a guess (section 4.2.2), or nothing is known. */
  readonly isExplicit: boolean;
}

export type Verdict = ({ readonly storable: true } & Times) | { readonly storable: false; readonly why: Why };

export type Why = 'status' | 'no-store' | 'private' | 'authorization' | 'set-cookie' | 'vary' | 'no-freshness';

type Options = Pick<CacheConfig, 'ttl' | 'swr' | 'staleIfError'>;

/**
 * Whether an answer may be stored, and until when it may be used. It is stored under the URL that was asked, so the redirects
 * that led to it count: it may be used only as long as each of them may be followed unasked.
 */
export function judge(
  request: RequestHead,
  response: ResponseHead,
  moments: Moments,
  options: Options,
  redirects: readonly ResponseHead[] = [],
): Verdict {
  const verdict = judgeOne(request, response, moments, options);
  if (options.ttl !== null) return verdict;
  return redirects
    .filter((redirect) => !isLasting(request, redirect, moments))
    .map((redirect) => judgeOne(request, redirect, moments, options))
    .reduce(stricter, verdict);
}

/** Whether a redirect holds until further notice: a permanent one that does not say for how long (RFC 9110, section 15.4). */
function isLasting(request: RequestHead, redirect: ResponseHead, moments: Moments): boolean {
  const isPermanent = redirect.status === 301 || redirect.status === 308;
  if (!isPermanent || freshnessOf(redirect, moments).isExplicit) return false;
  return refusal(request, redirect, controlOf(redirect.headers)) === null;
}

function stricter(one: Verdict, other: Verdict): Verdict {
  if (!one.storable || !other.storable) return one.storable ? other : one;
  return {
    ...one,
    freshUntil: Math.min(one.freshUntil, other.freshUntil),
    swrUntil: Math.min(one.swrUntil, other.swrUntil),
    errorUntil: Math.min(one.errorUntil, other.errorUntil),
  };
}

function judgeOne(request: RequestHead, response: ResponseHead, moments: Moments, options: Options): Verdict {
  const { ttl, swr, staleIfError } = options;
  const { received } = moments;
  if (neverStored(response.status)) return { storable: false, why: 'status' };
  if (ttl !== null) return until(received, received + ttl, swr ?? 0, staleIfError ?? 0);
  const control = controlOf(response.headers);
  const why = refusal(request, response, control);
  if (why !== null) return { storable: false, why };
  const { age, lifetime } = freshnessOf(response, moments);
  const bornAt = received - age;
  const ms = (name: string) => (control.seconds(name) ?? 0) * 1000;
  const times = mustRevalidate(control)
    ? until(bornAt, bornAt + lifetime, 0, 0)
    : until(
        bornAt,
        bornAt + lifetime,
        Math.max(ms('stale-while-revalidate'), swr ?? 0),
        Math.max(ms('stale-if-error'), staleIfError ?? 0),
      );
  const isOfUse = hasValidator(response.headers) || Math.max(times.swrUntil, times.errorUntil) > received;
  return isOfUse ? times : { storable: false, why: 'no-freshness' };
}

/**
 * Whether a stale copy may be used instead of an answer (RFC 5861, section 4). A 404 or a 403 says something: that what is stored
 * must perhaps no longer be shown.
 */
export function saysNothing(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Parts, and what says that something else is still right, are no answers to store. */
function neverStored(status: number): boolean {
  return status < 200 || status === 206 || status === 304;
}

function hasValidator(headers: HeaderFields): boolean {
  return headers['etag'] !== undefined || headers['last-modified'] !== undefined;
}

function until(
  bornAt: number,
  freshUntil: number,
  swr: number,
  staleIfError: number,
): Extract<Verdict, { storable: true }> {
  const times = { bornAt, freshUntil, swrUntil: freshUntil + swr, errorUntil: freshUntil + staleIfError };
  return { storable: true, ...times };
}

/** Whether a stale answer may not be used without asking (sections 5.2.2.2, 5.2.2.4, 5.2.2.8 and 5.2.2.10). */
function mustRevalidate(control: Directives): boolean {
  return ['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => control.has(name));
}

/** Statuses whose meaning for a cache is known (RFC 9110, section 15). Partial answers are not stored. */
const understood: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308],
  ...[
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429,
  ],
  ...[431, 451, 500, 501, 502, 503, 504, 505, 511],
]);

/** Why an answer may not be stored; null where it may (section 3). */
function refusal(request: RequestHead, { status, headers }: ResponseHead, control: Directives): Why | null {
  // Whoever understands the status goes by its rules and ignores no-store (section 5.2.2.3).
  if (control.has('must-understand') && !understood.has(status)) return 'status';
  if (control.has('no-store') && !control.has('must-understand')) return 'no-store';
  if (readDirectives(request.header('cache-control')).has('no-store')) return 'no-store';
  // `private="x-name"` would allow to store the rest.
  if (control.has('private')) return 'private';
  if (request.header('authorization') !== null && !mayShareAuthorized(control)) return 'authorization';
  // RFC 9111 allows it, but whoever sets a cookie seldom means it for everybody.
  if (headers['set-cookie'] !== undefined && !control.has('public')) return 'set-cookie';
  return varyNames(headers).includes('*') ? 'vary' : null;
}

function mayShareAuthorized(control: Directives): boolean {
  return control.has('public') || control.has('s-maxage') || control.has('must-revalidate');
}

/** Statuses whose freshness may be guessed (RFC 9110, section 15.1). */
const heuristic: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
const LONGEST_GUESS = 24 * 3_600_000;

/** How old an answer is, and how old it may be (section 4.2). */
export function freshnessOf({ status, headers }: ResponseHead, { requested, received, date }: Moments): Freshness {
  const control = controlOf(headers);
  const sent = dateOf(headers, 'date', date);
  const apparent = Math.max(0, date - (sent ?? date));
  const corrected = ageOf(headers) * 1000 + (received - requested);
  const age = Math.max(apparent, corrected);
  if (control.has('no-cache')) return { age, lifetime: 0, isExplicit: true };
  const seconds = control.seconds('s-maxage') ?? control.seconds('max-age');
  if (seconds !== null) return { age, lifetime: seconds * 1000, isExplicit: true };
  if (headers['expires'] !== undefined) {
    // What is no date is in the past (section 5.3).
    const expires = dateOf(headers, 'expires', date);
    const lifetime = expires === null ? 0 : Math.max(0, expires - (sent ?? date));
    return { age, lifetime, isExplicit: true };
  }
  const modified = dateOf(headers, 'last-modified', date);
  const mayGuess = heuristic.has(status) || control.has('public');
  if (modified === null || !mayGuess) return { age, lifetime: 0, isExplicit: false };
  const guess = Math.max(0, (sent ?? date) - modified) / 10;
  return { age, lifetime: Math.min(guess, LONGEST_GUESS), isExplicit: false };
}

/** Whether an answer is for nobody but who asked. */
export function isPrivate({ headers }: ResponseHead): boolean {
  const control = controlOf(headers);
  return control.has('private') || control.has('no-store');
}

/** Whether the answer to a request with credentials may be given to others (section 3.5). */
export function isForAll({ headers }: ResponseHead): boolean {
  return mayShareAuthorized(controlOf(headers));
}

/** The directives of an answer. Pragma is what HTTP/1.0 had (section 5.4). */
export function controlOf(headers: HeaderFields): Directives {
  const control = textOf(headers, 'cache-control');
  if (control !== null) return readDirectives(control);
  return readDirectives(/^\s*no-cache\s*$/i.test(textOf(headers, 'pragma') ?? '') ? 'no-cache' : null);
}

function textOf(headers: HeaderFields, name: string): string | null {
  const value = headers[name];
  return value === undefined ? null : String(value);
}

function dateOf(headers: HeaderFields, name: string, now: number): number | null {
  const text = textOf(headers, name);
  return text === null ? null : httpDate(text.trim(), now);
}

/** Seconds. Of several, the first counts; what is no number is ignored (section 5.1). */
function ageOf(headers: HeaderFields): number {
  const [first = ''] = (textOf(headers, 'age') ?? '').split(',', 1);
  return /^\s*\d+\s*$/.test(first) ? Math.min(Number(first), 2 ** 31) : 0;
}

/**
 * The value of a header that Vary names, so that values with the same meaning are the same (section 4.1): blanks around commas
 * mean nothing, nor do capitals in the names of languages. Null where it is not sent.
 */
export function varyValue(request: RequestHead, name: string): string | null {
  const value = request.header(name);
  if (value === null || value.includes('"')) return value;
  const members = value.split(',').map((member) => member.trim());
  return name === 'accept-language' ? members.join(', ').toLowerCase() : members.join(', ');
}

const MOST_NAMES = 32;

/** The names of Vary, in lower case; `*` where there are too many to go by. */
export function varyNames(headers: HeaderFields): string[] {
  const names = (textOf(headers, 'vary') ?? '').toLowerCase().split(',', MOST_NAMES + 1);
  if (names.length > MOST_NAMES) return ['*'];
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort();
}
