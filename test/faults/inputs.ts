// What the model of faults is tried with: pages, upstreams and their scripts, and clients that come and leave.
import fc from 'fast-check';
import type { CacheOptions } from '../../src/cache-types.js';
import type { Context, PageOptions, UpstreamMap, UpstreamOptions } from '../../src/index.js';
import { incomplete, ourVendor } from '../../src/seam.js';
import type { ManualClock } from '../support/clock.js';
import type { Script } from './model.js';
import type { Visit } from './visit.js';

const duration = fc.oneof(
  fc.constant(0),
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 30 }) },
  fc.integer({ min: 1, max: 300 }),
);

/** Null, but once in so many times. */
function onceIn<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

/** False, but once in so many times. */
function trueOnceIn(times: number): fc.Arbitrary<boolean> {
  return onceIn(times, fc.constant(true)).map(Boolean);
}

const kinds: Script['kind'][] = [
  ...(['not found', 'broken', 'unavailable', 'unavailable for a second', 'bad JSON', 'redirect'] as const),
  ...(['redirect elsewhere', 'informational', 'too large', 'no connection', 'no connection at once'] as const),
  'not modified',
  ...(['silence', 'stall', 'reset', 'reset mid-body', 'closed under it'] as const),
];

const script: fc.Arbitrary<Script> = fc.record({
  connectMs: duration,
  headMs: duration,
  bodyMs: duration,
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Script['kind']>('answer') },
    { weight: 4, arbitrary: fc.constantFrom(...kinds) },
  ),
});

/** How a callback of the page's author behaves. */
export type Hook = 'returns' | 'throws' | 'resolves' | 'rejects' | 'hangs';
const hook = fc.constantFrom<Hook>('returns', 'returns', 'throws', 'resolves', 'rejects', 'hangs');

const entry = fc.record({
  waitsFor: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
  reads: fc.boolean(),
  required: trueOnceIn(6),
  defer: trueOnceIn(4),
  fallback: onceIn(5, fc.oneof(hook, fc.constant('value' as const))),
  when: onceIn(6, fc.oneof(hook, fc.constant('false' as const))),
  url: onceIn(8, hook),
  headers: onceIn(8, hook),
  schema: onceIn(
    8,
    fc.oneof({ weight: 3, arbitrary: hook }, { weight: 1, arbitrary: fc.constant('finds a part' as const) }),
  ),
  validateStatus: onceIn(8, fc.constantFrom('throws', 'accepts all')),
  /** Equal ones among them are equal requests. */
  items: onceIn(3, fc.array(fc.nat(2), { maxLength: 5 })),
  /** Those with the same number ask for the same, in every run; the others for something of their run's own. */
  same: onceIn(2, fc.nat(1)),
  host: fc.nat(1),
  isPost: trueOnceIn(6),
  /** Whether its method, which is not GET then, only reads. */
  isSafe: trueOnceIn(8),
  timeout: onceIn(4, fc.integer({ min: 1, max: 200 })),
  attemptTimeout: onceIn(4, fc.integer({ min: 1, max: 100 })),
  retry: onceIn(
    2,
    fc.record({
      attempts: fc.integer({ min: 1, max: 3 }),
      statuses: fc.constantFrom([500, 503], [503]),
      backoff: fc.integer({ min: 1, max: 40 }),
    }),
  ),
  hedge: onceIn(3, fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant('p95' as const))),
  breaker: trueOnceIn(2),
  coalesce: trueOnceIn(2),
  quota: onceIn(3, fc.constantFrom('of its origin' as const, 'named' as const)),
  deadlineHeader: trueOnceIn(6),
  cache: onceIn(
    2,
    fc.record({
      ttl: fc.integer({ min: 1, max: 300 }),
      swr: onceIn(2, fc.integer({ min: 1, max: 300 })),
      staleIfError: onceIn(2, fc.integer({ min: 1, max: 300 })),
      softTimeout: onceIn(2, fc.integer({ min: 1, max: 60 })),
    }),
  ),
});

export type Entry = typeof entry extends fc.Arbitrary<infer E> ? E : never;

const page = fc.record({
  entries: fc.array(entry, { minLength: 1, maxLength: 5 }),
  deadline: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 900 })),
  concurrency: fc.integer({ min: 1, max: 5 }),
  lateMs: fc.integer({ min: 0, max: 300 }),
});

const client = fc.record({
  page: fc.nat(1),
  comesAt: fc.oneof(fc.constant(0), duration),
  leavesAfter: onceIn(4, duration),
  /** How long it is ready to wait. */
  waits: onceIn(4, fc.integer({ min: 1, max: 200 })),
  /** Without Express, by `page.run()`. */
  isPlain: trueOnceIn(4),
});

export type Client = typeof client extends fc.Arbitrary<infer C> ? C : never;

export const input = fc.record({
  pages: fc.array(page, { minLength: 1, maxLength: 2 }),
  clients: fc.array(client, { minLength: 1, maxLength: 5 }),
  scripts: fc.array(script, { minLength: 1, maxLength: 8 }),
  limits: fc.record({
    perOrigin: fc.oneof(fc.constant(128), fc.integer({ min: 1, max: 4 })),
    queue: fc.oneof(fc.constant(1024), fc.nat(3)),
  }),
  breaker: fc.record({
    threshold: fc.constantFrom(0.5, 0.8, 1),
    minimum: fc.integer({ min: 1, max: 4 }),
    window: fc.constantFrom(20, 100, 1000),
    halfOpenAfter: fc.integer({ min: 1, max: 60 }),
  }),
  quota: fc.record({
    requests: fc.integer({ min: 1, max: 6 }),
    per: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60, max: 600 })),
  }),
  /** When the instance is closed, and how long that may take. */
  closing: onceIn(
    6,
    fc.record({
      at: duration,
      timeout: fc.oneof(fc.constant(null), { weight: 3, arbitrary: fc.integer({ min: 1, max: 100 }) }),
    }),
  ),
  /** When what is stored is made stale, or is purged. */
  marks: fc.array(
    fc.record({
      at: duration,
      how: fc.constantFrom('invalidate' as const, 'purge' as const),
      what: fc.constantFrom('all' as const, 'url' as const, 'tag' as const),
    }),
    { maxLength: 2 },
  ),
  /** Whether enough is known of the origins to tell what is slow. */
  isWarm: fc.boolean(),
  /** Whether somebody listens to channels and failures. */
  isHeard: trueOnceIn(3),
  /** The event loop is blocked for a while. */
  block: onceIn(4, fc.record({ at: duration, ms: fc.integer({ min: 1, max: 150 }) })),
  random: fc.nat(),
});

export type Input = typeof input extends fc.Arbitrary<infer I> ? I : never;

/** Where the callbacks of a page are called. */
export interface Surroundings {
  readonly clock: ManualClock;
  /** In the context of which visit something is called. */
  visiting(): Visit | undefined;
  /** How many hooks are at work for nobody's visit: what is stored is decoded once for all. */
  hooks: number;
  expect(isSo: boolean, what: string): void;
}

export const hosts = ['http://upstream0.example', 'http://upstream1.example'] as const;

export function originOf({ host, same }: Entry): string {
  return hosts[same ?? host] as string;
}

/** The path of an upstream's requests, for the run of that name; `{item}` is for the items' names. */
export function pathOf(page: number, index: number, { items, same }: Entry, run: string): string {
  const path = same === null ? `/${run}/p${page}u${index}` : `/same${same}`;
  return items === null ? path : `${path}/{item}`;
}

/** Less than a second, for which an upstream may want to be left alone. */
export function lateDeadlineOf({ deadline, lateMs }: Input['pages'][number]): number {
  return Math.min(deadline + lateMs, 950);
}

export function optionsOf(page: Input['pages'][number]): PageOptions {
  const { deadline, concurrency } = page;
  return { deadline, concurrency, lateDeadline: lateDeadlineOf(page), deadlineFrom: 'x-waits' };
}

export function configure(page: number, input: Input, around: Surroundings): UpstreamMap {
  const { entries } = input.pages[page] as Input['pages'][number];
  return Object.fromEntries(entries.map((one, at) => [`u${at}`, upstreamOf(page, at, one, input, around)]));
}

function upstreamOf(
  page: number,
  index: number,
  one: Entry,
  { breaker, quota, pages }: Input,
  around: Surroundings,
): UpstreamOptions {
  const { entries } = pages[page] as Input['pages'][number];
  // An upstream waits for others before it in the list, so that there is no cycle. What is not deferred waits for none that is.
  const before = one.waitsFor.filter((other) => other < index && (one.defer || !entries[other]?.defer));
  const reads = one.reads && one.same === null ? before.map((other) => `{&u${other}.path}`).join('') : '';
  const path = pathOf(page, index, one, '{params.run}');
  const query = one.same === null ? '?a' : '';
  const { url, items, when, fallback, timeout, attemptTimeout, headers, schema, validateStatus } = one;
  const call = <T>(how: Hook, value: (context: Context) => T) => {
    return (context: Context): T | Promise<T> => behave(how, () => value(context), context, around);
  };
  return {
    url:
      url === null
        ? `${originOf(one)}${path}${query}${reads}`
        : call(url, ({ params, item }) => `${originOf(one)}${fill(path, params['run'] as string, item)}`),
    origins: [originOf(one)],
    // Not POST, so that it is known of a request whether it may be sent twice.
    ...(one.isSafe ? { method: 'QUERY', safe: true } : { method: one.isPost ? 'POST' : 'GET' }),
    maxContentLength: 1000,
    after: before.map((other) => `u${other}`),
    defer: one.defer,
    ...(headers !== null && { headers: call(headers, () => ({ 'x-page': 'the same' })) }),
    ...(items !== null && { each: () => items.map((item) => `item${item}`) }),
    ...(timeout !== null && { timeout }),
    ...(attemptTimeout !== null && { attemptTimeout }),
    ...(when !== null && { when: when === 'false' ? () => false : call(when, () => true) }),
    ...(fallback === null
      ? { required: one.required && !one.defer }
      : { fallback: fallback === 'value' ? 'instead' : fallbackOf(fallback, around) }),
    ...(schema !== null && { schema: schema === 'finds a part' ? partSchema : schemaOf(schema, around) }),
    ...(validateStatus !== null && { validateStatus: validateStatus === 'throws' ? throwing : () => true }),
    ...(one.retry !== null && { retry: { ...one.retry, methods: ['GET', 'POST'] } }),
    ...(one.hedge !== null && (one.isSafe || !one.isPost) && { hedge: one.hedge }),
    ...(one.breaker && { breaker }),
    ...(one.coalesce && { coalesce: true }),
    // Those that share one by its name are held to numbers of their own.
    ...(one.quota === 'named' && { quota: { ...quota, requests: quota.requests + one.host, name: 'theirs' } }),
    ...(one.quota === 'of its origin' && { quota }),
    ...(one.deadlineHeader && { deadlineHeader: 'x-left' }),
    ...(isCached(one) && { cache: cacheOf(one) }),
  };
}

/** Whether its answers are cached: not where it may change something. */
export function isCached({ cache, isSafe, isPost }: Entry): boolean {
  return cache !== null && (isSafe || !isPost);
}

/** Whether what it asks for may be refreshed behind a page. */
export function isRefreshed(one: Entry): boolean {
  return isCached(one) && (one.cache?.swr != null || one.cache?.staleIfError != null);
}

function cacheOf({ cache, same }: Entry): CacheOptions {
  const { ttl = 1, swr, staleIfError, softTimeout } = cache ?? {};
  return {
    ttl,
    tags: [`same${same}`],
    ...(swr != null && { swr }),
    ...(staleIfError != null && { staleIfError, ...(softTimeout != null && { softTimeout }) }),
  };
}

function fill(path: string, run: string, item: unknown): string {
  return path.replace('{params.run}', run).replace('{item}', String(item));
}

function throwing(): never {
  throw new Error('a hook threw');
}

function fallbackOf(how: Hook, around: Surroundings) {
  return (_error: Error, context: Context) => behave(how, () => 'instead', context, around);
}

function schemaOf(how: Hook, around: Surroundings): NonNullable<UpstreamOptions['schema']> {
  const validate = (value: unknown) => behave(how, () => ({ value }), null, around);
  return { '~standard': { version: 1, vendor: 'the model', validate } };
}

/** As that of a GraphQL answer with errors beside its data. */
const partSchema: NonNullable<UpstreamOptions['schema']> = {
  '~standard': {
    version: 1,
    vendor: ourVendor,
    validate: (value) => ({ value: incomplete(value, 'ERR_UPSTREAM_GRAPHQL', 'it answered with an error') }),
  },
};

/** What a hook gives, now, later or never. */
function behave<T>(how: Hook, value: () => T, context: Context | null, around: Surroundings): T | Promise<T> {
  const visit = around.visiting() ?? around;
  if (context !== null)
    around.expect(context.params['run'] === around.visiting()?.name, 'a hook is called in the context of its run');
  if (how === 'returns') return value();
  if (how === 'throws') return throwing();
  visit.hooks++;
  return new Promise((resolve, reject) => {
    if (how === 'hangs') return;
    around.clock.happen(20, () => {
      visit.hooks--;
      if (how === 'resolves') resolve(value());
      else reject(new Error('a hook rejected'));
    });
  });
}
