import type { Problems } from '../errors.js';
import { isThenable } from '../hook.js';
import { isPlainObject } from '../plain.js';
import { didYouMeanOption } from '../plan/suggest.js';
import { redactUrl } from '../redact.js';
import { shown } from '../shown.js';

/** What is expected, if a value is not that; null if it is. */
export interface Check {
  (value: unknown): string | null;
  /** What of it can be written in a file, as a JSON Schema; none where it takes code. */
  readonly schema?: JsonSchema;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A check whose values can be written in a file. */
export function inFile(schema: JsonSchema, check: (value: unknown) => string | null): Check {
  return Object.assign(check, { schema });
}

/** The schema of an object of options, as far as they can be written in a file. */
export function schemaOf(checks: Readonly<Record<string, Check>>, more: JsonSchema = {}): JsonSchema {
  const properties = Object.entries(checks).flatMap(([name, { schema }]) => (schema ? [[name, schema]] : []));
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false, ...more };
}

export const aString = inFile({ type: 'string' }, (value) => (typeof value === 'string' ? null : 'a string'));
export const aBoolean = inFile({ type: 'boolean' }, (value) => (typeof value === 'boolean' ? null : 'true or false'));
export const aFunction: Check = (value) => (typeof value === 'function' ? null : 'a function');
/** See `onFailure`. */
export const aFailureListener = inFile({ const: false }, (value) =>
  value === false || typeof value === 'function' ? null : 'a function, or false',
);
export const anything = inFile({}, () => null);

// Node's timers fire at once if they are set to more than this.
const LONGEST_TIMER = 2 ** 31 - 1;

export const milliseconds = inFile({ type: 'number', exclusiveMinimum: 0, maximum: LONGEST_TIMER }, (value) =>
  typeof value === 'number' && value > 0 && value <= LONGEST_TIMER
    ? null
    : `milliseconds, more than 0 and at most ${LONGEST_TIMER}`,
);

/** Milliseconds that no timer waits for, so there may be a year of them. */
export const aTime = inFile({ type: 'number', exclusiveMinimum: 0 }, (value) =>
  typeof value === 'number' && value > 0 && Number.isFinite(value) ? null : 'milliseconds, more than 0',
);

export function aWholeNumber(least: number): Check {
  return inFile({ type: 'integer', minimum: least, maximum: Number.MAX_SAFE_INTEGER }, (value) =>
    Number.isSafeInteger(value) && (value as number) >= least ? null : `a whole number, ${least} or more`,
  );
}

export function oneOf(...values: readonly string[]): Check {
  const list = values.map((value) => `'${value}'`).join(', ');
  return inFile({ enum: values }, (value) => (values.includes(value as string) ? null : `one of ${list}`));
}

export function either(...checks: readonly Check[]): Check {
  const schemas = checks.flatMap(({ schema }) => schema ?? []);
  const check = (value: unknown) => {
    const expected = checks.map((check) => check(value));
    return expected.includes(null) ? null : expected.join(', or ');
  };
  return schemas.length === 0
    ? check
    : inFile(schemas.length === 1 ? (schemas[0] as JsonSchema) : { anyOf: schemas }, check);
}

export function listOf(check: Check, what: string): Check {
  const whole = (value: unknown) =>
    Array.isArray(value) && value.every((item) => check(item) === null) ? null : `a list of ${what}`;
  // Of what takes code, a file can have none.
  return inFile({ type: 'array', ...(check.schema ? { items: check.schema } : { maxItems: 0 }) }, whole);
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
