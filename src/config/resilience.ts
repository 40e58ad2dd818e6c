import type { QuotaConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import { copyPlain } from '../plain.js';
import type { BreakerOptions, QuotaOptions, RetryOptions, UpstreamOptions } from '../types.js';
import {
  aBoolean,
  aPlainObject,
  aString,
  aTime,
  aWholeNumber,
  type Check,
  checkOptions,
  inFile,
  listOf,
  milliseconds,
  oneOf,
  schemaOf,
} from './checks.js';
import { breakerDefaults, retryDefaults } from './defaults.js';

const aStatus = inFile({ type: 'integer', minimum: 100, maximum: 599 }, (value) =>
  Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599 ? null : 'a status',
);

const aShare = inFile({ type: 'number', exclusiveMinimum: 0, maximum: 1 }, (value) =>
  typeof value === 'number' && value > 0 && value <= 1 ? null : 'a share, more than 0 and at most 1',
);

const retryChecks: { readonly [Option in keyof Required<RetryOptions>]: Check } = {
  attempts: aWholeNumber(1),
  statuses: listOf(aStatus, 'statuses'),
  backoff: milliseconds,
  methods: listOf(aString, 'HTTP methods'),
};

const breakerChecks: { readonly [Option in keyof Required<BreakerOptions>]: Check } = {
  threshold: aShare,
  minimum: aWholeNumber(1),
  window: milliseconds,
  halfOpenAfter: milliseconds,
};

const quotaChecks: { readonly [Option in keyof Required<QuotaOptions>]: Check } = {
  requests: aWholeNumber(1),
  per: aTime,
  name: inFile({ type: 'string', pattern: '^\\S.{0,99}$' }, (value) =>
    typeof value === 'string' && /^\S.{0,99}$/.test(value) ? null : 'a name of at most 100 characters',
  ),
};

const retrySchema = { anyOf: [aBoolean.schema, aWholeNumber(1).schema, schemaOf(retryChecks)] };

export const isRetry = inFile(retrySchema, (value) =>
  [aBoolean, aWholeNumber(1), aPlainObject].some((check) => check(value) === null)
    ? null
    : 'true, how many extra attempts there may be, or an object of options',
);

export const isHedge = inFile({ anyOf: [milliseconds.schema, { const: 'p95' }] }, (value) =>
  milliseconds(value) === null || oneOf('p95')(value) === null ? null : "milliseconds, or 'p95'",
);

export const isBreaker = inFile({ anyOf: [aBoolean.schema, schemaOf(breakerChecks)] }, (value) =>
  aBoolean(value) === null || aPlainObject(value) === null ? null : 'true, or an object of options',
);

export const isQuota = inFile(schemaOf(quotaChecks, { required: ['requests', 'per'] }), (value) =>
  aPlainObject(value) === null ? null : 'an object such as { requests: 100, per: 60_000 }',
);

/** Whether a method is there to change something, whatever is sent with it. */
export function changes(method: string): boolean {
  return /^(put|patch|delete)$/i.test(method);
}

/** Retries, checked; null where there are none. */
export function readRetry(options: UpstreamOptions, path: string, problems: Problems): Required<RetryOptions> | null {
  const { retry, method = 'GET', safe = false } = options;
  if (retry === undefined || retry === false) return null;
  const given = typeof retry === 'object' ? retry : retry === true ? {} : { attempts: retry };
  const wrong = checkOptions(given as Record<string, unknown>, retryChecks, `${path}.retry`, problems);
  const methods = Array.isArray(given.methods)
    ? given.methods.map((one: unknown) => String(one).toUpperCase())
    : retryDefaults.methods;
  const name = method.toUpperCase();
  const isMeant = (methods as readonly string[]).includes(name) || (safe && methods.includes('GET'));
  if (!wrong.includes('methods') && !isMeant) {
    const orSafe = safe || name === 'GET' || name === 'HEAD' || changes(name) ? '' : ', or safe: true if it only reads';
    problems.add(
      `${path}.retry`,
      `sends ${name} again only where that is asked for: add methods: ['${name}']${orSafe}`,
    );
  }
  return { ...withDefaults<Required<RetryOptions>>(retryDefaults, given), methods };
}

/** A breaker's options, checked; null where there is none. */
export function readBreaker(
  { breaker }: UpstreamOptions,
  path: string,
  problems: Problems,
): Required<BreakerOptions> | null {
  if (breaker === undefined || breaker === false) return null;
  if (breaker === true) return breakerDefaults;
  checkOptions(breaker as Record<string, unknown>, breakerChecks, `${path}.breaker`, problems);
  return withDefaults<Required<BreakerOptions>>(breakerDefaults, breaker);
}

/** How much it may be asked; null where there is no quota. */
export function readQuota({ quota }: UpstreamOptions, path: string, problems: Problems): QuotaConfig | null {
  if (quota === undefined) return null;
  checkOptions(quota as unknown as Record<string, unknown>, quotaChecks, `${path}.quota`, problems);
  for (const option of ['requests', 'per'] as const) {
    if (quota[option] === undefined)
      problems.add(`${path}.quota.${option}`, `is missing: a quota is so many requests per so many milliseconds`);
  }
  const { requests, per, name = null } = quota;
  return { requests, per, name };
}

/** After how long to hedge, checked; null for never. */
export function readHedge(
  { hedge, method = 'GET', safe = false }: UpstreamOptions,
  path: string,
  problems: Problems,
): number | 'p95' | null {
  if (hedge === undefined) return null;
  if (!safe && !/^(get|head)$/i.test(method)) {
    const unless = changes(method) ? '' : ' without safe: true';
    problems.add(`${path}.hedge`, `may send a request twice, so it is for GET and HEAD, not ${method}${unless}`);
  }
  return hedge;
}

/** The defaults, overridden by a copy of what is given. */
export function withDefaults<T extends object>(defaults: T, given: Partial<T>): T {
  return copyPlain({ ...defaults, ...onlyGiven(given) });
}

/** The options without those that are undefined, which count as left out. */
export function onlyGiven<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
