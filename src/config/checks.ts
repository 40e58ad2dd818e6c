import type { Problems } from '../errors.js';
import { isThenable } from '../hook.js';
import { isPlainObject } from '../plain.js';
import { didYouMeanOption } from '../plan/suggest.js';
import { redactUrl } from '../redact.js';
import { shown } from '../shown.js';

/** What is expected, if a value is not that; null if it is. */
export type Check = (value: unknown) => string | null;

export const aString: Check = (value) => (typeof value === 'string' ? null : 'a string');
export const aBoolean: Check = (value) => (typeof value === 'boolean' ? null : 'true or false');
export const aFunction: Check = (value) => (typeof value === 'function' ? null : 'a function');
/** See `onFailure`. */
export const aFailureListener: Check = (value) =>
  value === false || typeof value === 'function' ? null : 'a function, or false';
export const anything: Check = () => null;

// Node's timers fire at once if they are set to more than this.
const LONGEST_TIMER = 2 ** 31 - 1;

export const milliseconds: Check = (value) =>
  typeof value === 'number' && value > 0 && value <= LONGEST_TIMER
    ? null
    : `milliseconds, more than 0 and at most ${LONGEST_TIMER}`;

/** Milliseconds that no timer waits for, so there may be a year of them. */
export const aTime: Check = (value) =>
  typeof value === 'number' && value > 0 && Number.isFinite(value) ? null : 'milliseconds, more than 0';

export function aWholeNumber(least: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least ? null : `a whole number, ${least} or more`;
}

export function oneOf(...values: readonly string[]): Check {
  const list = values.map((value) => `'${value}'`).join(', ');
  return (value) => (values.includes(value as string) ? null : `one of ${list}`);
}

export function either(...checks: readonly Check[]): Check {
  return (value) => {
    const expected = checks.map((check) => check(value));
    return expected.includes(null) ? null : expected.join(', or ');
  };
}

export function listOf(check: Check, what: string): Check {
  return (value) => (Array.isArray(value) && value.every((item) => check(item) === null) ? null : `a list of ${what}`);
}

export const anObject: Check = (value) => (typeof value === 'object' && value !== null ? null : 'an object');
export const aPlainObject: Check = (value) => (isPlainObject(value) ? null : 'an object');

/** A value as a message may show it: no contents of an object, no credentials of a URL, no long text. */
export function given(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `'${shown(redactUrl(value), 60)}'`;
  if (isThenable(value)) return 'a promise';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/** Options whose text a message may not repeat. */
const secret = new Set(['headers', 'auth', 'data', 'params', 'fallback']);

/**
 * Checks an object's options and adds a problem for each that is unknown or wrong. Returns the names of the wrong ones. An
 * option that is undefined counts as left out.
 */
export function checkOptions(
  options: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
  path: string,
  problems: Problems,
): string[] {
  const wrong: string[] = [];
  for (const [key, value] of Object.entries(options)) {
    const at = path === '' ? key : `${path}.${key}`;
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (check === undefined) {
      problems.add(at, `is not an option${didYouMeanOption(key, Object.keys(checks))}`);
      continue;
    }
    if (value === undefined) continue;
    const expected = check(value);
    if (expected !== null) {
      const got = secret.has(key) && typeof value === 'string' ? 'a string' : given(value);
      problems.add(at, `expected ${expected}, but was given ${got}`);
      wrong.push(key);
    }
  }
  return wrong;
}
