import fc from 'fast-check';
import type { PageCacheConfig } from '../../src/checked.js';
import { UpstreamError } from '../../src/errors.js';
import type { Outcome } from '../../src/outcome.js';
import type { PageFacts } from '../../src/page-cache/facts.js';
import { cacheControl, etagOf, hasMatch, partsOf, policyOf, stricter, tagHeader } from '../../src/page-cache/policy.js';
import { noteTags } from '../../src/tags.js';

const DATE = Date.UTC(2026, 0, 1);
const now = new Date(DATE).toUTCString();

const facts = (given: Partial<PageFacts> = {}): PageFacts => ({
  isPersonal: false,
  isUnsafe: false,
  varies: [],
  authorized: new Set(),
  timed: new Set(),
  fallingBack: new Set(),
  variable: new Set(),
  ...given,
});
const config = (given: Partial<PageCacheConfig> = {}): PageCacheConfig => ({
  maxAge: null,
  partial: null,
  shared: false,
  version: null,
  tagHeader: null,
  ...given,
});

function outcome(headers: Record<string, string> | null, given: Partial<Outcome> = {}): Outcome {
  return {
    name: 'a',
    status: 'success',
    data: { n: 1 },
    error: null,
    source: 'network',
    cache: null,
    response:
      headers === null ? null : { status: 200, headers: { date: now, ...headers }, url: 'http://a.example.com/' },
    attempts: 1,
    timings: { ready: 0, started: 100, firstByte: 100, ended: 100 },
    ...given,
  };
}

const fresh = (seconds: number) => outcome({ 'cache-control': `max-age=${seconds}` });
const stored = (ttl: number, given: Partial<Outcome> = {}, headers = {}) =>
  outcome(headers, { cache: { status: 'hit', age: 0, ttl, stored: false, why: null }, ...given });
const failed = (given: Partial<Outcome> = {}) =>
  outcome(null, { status: 'error', data: null, error: new UpstreamError('ERR_UPSTREAM_TIMEOUT', 'late'), ...given });
const timed = facts({ timed: new Set(['a']) });

function control(outcomes: Outcome[], of = facts(), options: Partial<PageCacheConfig> = {}, ended = 100): string {
  return cacheControl(policyOf(partsOf(outcomes, of, ended, DATE), of, config(options)));
}

describe('Cache-Control of a page', () => {
  test.each<
    [what: string, expected: string, outcomes: Outcome[], facts?: PageFacts, options?: Partial<PageCacheConfig>]
  >([
    ['one fresh part', 'public, max-age=60', [fresh(60)]],
    ['the least of several', 'public, max-age=10', [fresh(60), fresh(10), fresh(30)]],
    ['at most maxAge', 'public, max-age=5', [fresh(60)], facts(), { maxAge: 5999 }],
    ['maxAge makes nothing longer', 'public, max-age=10', [fresh(10)], facts(), { maxAge: 60_000 }],
    ['s-maxage counts', 'public, max-age=7', [outcome({ 'cache-control': 'max-age=60, s-maxage=7' })]],
    ['Expires counts', 'public, max-age=90', [outcome({ expires: new Date(DATE + 90_000).toUTCString() })]],
    ['an age is taken off', 'public, max-age=40', [outcome({ 'cache-control': 'max-age=60', age: '20' })]],
    ['part of a second is not given', 'no-store', [outcome({ 'cache-control': 'max-age=1', age: '1' })]],
    ['no freshness at all', 'no-store', [outcome({})]],
    ['one part without', 'no-store', [fresh(60), outcome({})]],
    ['a guess from Last-Modified is none', 'no-store', [outcome({ 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' })]],
    ['no head', 'no-store', [outcome(null)]],
    ['no-store', 'no-store', [outcome({ 'cache-control': 'no-store, max-age=60' })]],
    ['no-cache', 'no-store', [outcome({ 'cache-control': 'no-cache, max-age=60' })]],
    ['a wrong max-age', 'no-store', [outcome({ 'cache-control': 'max-age=1m' })]],
    ['private', 'private, max-age=60', [outcome({ 'cache-control': 'private, max-age=60' })]],
    [
      'private among public ones',
      'private, max-age=30',
      [fresh(30), outcome({ 'cache-control': 'private, max-age=60' })],
    ],
    ['a ttl of the page', 'public, max-age=60', [stored(60_000)], timed],
    [
      'a ttl, whatever the upstream says',
      'public, max-age=60',
      [stored(60_000, {}, { 'cache-control': 'max-age=1' })],
      timed,
    ],
    [
      'a ttl over no-store is not for all',
      'private, max-age=60',
      [stored(60_000, {}, { 'cache-control': 'no-store' })],
      timed,
    ],
    [
      'a ttl over private is not for all',
      'private, max-age=60',
      [stored(60_000, {}, { 'cache-control': 'private' })],
      timed,
    ],
    ['a ttl that was not stored', 'no-store', [outcome({})], timed],
    ['what is left of what is stored', 'public, max-age=20', [stored(20_000, {}, { 'cache-control': 'max-age=60' })]],
    ['what is stored for a guess', 'no-store', [stored(20_000, {}, {})]],
    ['a stale copy', 'no-store', [stored(-1, { source: 'stale' }, { 'cache-control': 'max-age=60' })]],
    [
      'a stale copy, and partial',
      'public, max-age=2',
      [stored(-1, { source: 'stale' }), fresh(60)],
      facts(),
      { partial: 2000 },
    ],
    ['a failure', 'no-store', [fresh(60), failed()]],
    ['a failure, and partial', 'public, max-age=5', [fresh(60), failed()], facts(), { partial: 5000 }],
    ['partial makes nothing longer', 'public, max-age=3', [fresh(3), failed()], facts(), { partial: 5000 }],
    ['nothing but failures, and partial', 'public, max-age=5', [failed()], facts(), { partial: 5000 }],
    ['a fallback', 'no-store', [fresh(60), failed({ status: 'fallback', data: 0 })]],
    [
      'a fallback, and partial',
      'public, max-age=1',
      [failed({ status: 'fallback', data: 0 })],
      facts(),
      { partial: 1500 },
    ],
    ['a part that is still to come', 'no-store', [fresh(60), outcome(null, { status: 'pending', data: null })]],
    ['a part that was skipped', 'public, max-age=60', [fresh(60), outcome(null, { status: 'skipped', data: null })]],
    ['nothing but what was skipped', 'no-store', [outcome(null, { status: 'skipped', data: null })]],
    [
      'the same with maxAge',
      'public, max-age=9',
      [outcome(null, { status: 'skipped', data: null })],
      facts(),
      { maxAge: 9000 },
    ],
    ['a fan-out', 'public, max-age=10', [outcome(null, { items: [fresh(60), fresh(10)] })]],
    [
      'a fan-out of which an item failed',
      'no-store',
      [outcome(null, { status: 'partial', items: [fresh(60), failed()] })],
    ],
    ['a fan-out over an empty list', 'public, max-age=60', [fresh(60), outcome(null, { data: [], items: [] })]],
    ['asked for with credentials', 'private, max-age=60', [fresh(60)], facts({ authorized: new Set(['a']) })],
    [
      'and for all',
      'public, max-age=60',
      [outcome({ 'cache-control': 'public, max-age=60' })],
      facts({ authorized: new Set(['a']) }),
    ],
    [
      'with credentials, in a fan-out',
      'private, max-age=60',
      [outcome(null, { items: [fresh(60)] })],
      facts({ authorized: new Set(['a']) }),
    ],
    ['what depends on the visitor', 'private, max-age=60', [fresh(60)], facts({ isPersonal: true })],
    ['and is shared all the same', 'public, max-age=60', [fresh(60)], facts({ isPersonal: true }), { shared: true }],
    [
      'shared, and the upstream says private',
      'private, max-age=60',
      [outcome({ 'cache-control': 'private, max-age=60' })],
      facts({ isPersonal: true }),
      { shared: true },
    ],
    [
      'no time left, but an ETag',
      'public, max-age=0, must-revalidate',
      [outcome({ 'cache-control': 'no-cache' })],
      facts(),
      { version: '1' },
    ],
    [
      'no time left, an ETag, private',
      'private, max-age=0, must-revalidate',
      [outcome({ 'cache-control': 'private, max-age=0' })],
      facts(),
      { version: '1' },
    ],
    ['an ETag makes nothing storable', 'no-store', [outcome({})], facts(), { version: '1' }],
  ])('%s: %s', (_what, expected, ...given) => {
    expect(control(...given)).toBe(expected);
  });

  test('counts from the end of the page, and not from when a part came', () => {
    expect(control([fresh(60)], facts(), {}, 1200)).toBe('public, max-age=58');
    expect(control([stored(60_000)], timed, {}, 1100)).toBe('public, max-age=59');
  });

  test('is never longer than any part is fresh, and never public where one is private', () => {
    const part = fc.record({
      seconds: fc.integer({ min: 0, max: 1000 }),
      age: fc.integer({ min: 0, max: 500 }),
      isPrivate: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 100, max: 5000 }),
        (parts, ended) => {
          const outcomes = parts.map(({ seconds, age, isPrivate }) =>
            outcome({ 'cache-control': `${isPrivate ? 'private, ' : ''}max-age=${seconds}`, age: String(age) }),
          );
          const value = control(outcomes, facts(), {}, ended);
          const seconds = Number(/max-age=(\d+)/.exec(value)?.[1] ?? 0);
          for (const part of parts) {
            expect(seconds * 1000).toBeLessThanOrEqual(Math.max(0, (part.seconds - part.age) * 1000 - (ended - 100)));
            if (part.isPrivate) expect(value).not.toContain('public');
          }
        },
      ),
    );
  });
});

describe('two pages on one request', () => {
  const one = policyOf(
    partsOf([fresh(60)], facts(), 100, DATE),
    facts({ varies: ['accept-language'] }),
    config({ version: '1' }),
  );

  test.each<[what: string, expected: string, outcomes: Outcome[], facts: PageFacts]>([
    ['the shorter time', 'public, max-age=10', [fresh(10)], facts()],
    ['the longer time does not count', 'public, max-age=60', [fresh(100)], facts()],
    ['private', 'private, max-age=60', [fresh(100)], facts({ isPersonal: true })],
    ['no-store', 'no-store', [outcome({})], facts()],
  ])('have the stricter of both: %s', (_what, expected, outcomes, of) => {
    const other = policyOf(partsOf(outcomes, of, 100, DATE), of, config({ version: '1' }));
    for (const both of [stricter(one, other), stricter(other, one)]) expect(cacheControl(both)).toBe(expected);
    expect(stricter(one, other).varies).toContain('accept-language');
  });
});

describe('an ETag', () => {
  const etag = (outcomes: Outcome[], version: string | null = '1') =>
    etagOf(policyOf(partsOf(outcomes, facts(), 100, DATE), facts(), config({ version })));

  test('is equal for equal data, and another for other data, another version, or another validator', () => {
    const same = etag([fresh(60)]);
    expect(same).toMatch(/^W\/"[\w-]{27}"$/);
    expect(etag([fresh(30)])).toBe(same);
    const others = [
      etag([fresh(60)], '2'),
      etag([outcome({ 'cache-control': 'max-age=60' }, { data: { n: 2 } })]),
      etag([outcome({ 'cache-control': 'max-age=60', etag: '"v1"' })]),
      etag([outcome({ 'cache-control': 'max-age=60', etag: '"v2"' })]),
      etag([fresh(60), fresh(60)]),
    ];
    expect(new Set([same, ...others]).size).toBe(6);
  });

  test('is there only for a whole page that may be kept, and where it is wanted', () => {
    expect(etag([fresh(60)], null)).toBeNull();
    expect(etag([fresh(60), failed()])).toBeNull();
    expect(etag([outcome({})])).toBeNull();
  });

  test('is of data of any kind', () => {
    const data = [null, 'text', Buffer.from('bytes'), 7, undefined, [1]];
    const tags = data.map((one) => etag([outcome({ 'cache-control': 'max-age=60' }, { data: one })]));
    expect(new Set(tags).size).toBe(data.length);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const broken = () => etag([outcome({ 'cache-control': 'max-age=60' }, { data: cycle })]);
    expect(broken()).toBeNull();
  });

  test.each([
    ['"a"', true],
    ['W/"a"', true],
    ['"b", W/"a"', true],
    ['"b","a"', true],
    ['*', true],
    ['"b"', false],
    ['a', false],
    ['', false],
  ])('matches %s: %s', (header, isMatch) => {
    expect(hasMatch(header, 'W/"a"')).toBe(isMatch);
  });
});

describe('tags of a page', () => {
  test('are those of its parts, each once', () => {
    const [one, two] = [fresh(1), fresh(1)];
    noteTags(one, ['a', 'b']);
    noteTags(two, ['b', 'c']);
    const { tags } = policyOf(partsOf([one, two], facts(), 100, DATE), facts(), config());
    expect(tags).toEqual(['a', 'b', 'c']);
    expect(tagHeader(tags, 'Surrogate-Key')).toBe('a b c');
    expect(tagHeader(tags, 'Cache-Tag')).toBe('a,b,c');
  });

  test('are cut at 4 KiB, between tags; those that a header cannot hold are left out', () => {
    const tags = Array.from({ length: 1000 }, (_, at) => `tag-${at}`);
    const header = tagHeader(tags, 'Surrogate-Key') as string;
    expect(header.length).toBeLessThanOrEqual(4096);
    expect(header.length).toBeGreaterThan(4080);
    expect(tags.slice(0, header.split(' ').length).join(' ')).toBe(header);
    expect(tagHeader(['a b', 'ü', 'a,b', 'x\ny', 'good'], 'Surrogate-Key')).toBe('good');
    expect(tagHeader(['a b'], 'Surrogate-Key')).toBeNull();
  });
});
