import { createMashup } from '../../src/index.js';
import { closeAll, closeLater } from '../support/closing.js';
import { lines, problemsOf, problemsThrown, problemsWith } from './problems.js';

afterEach(closeAll);

const time = 'milliseconds, more than 0';
const timer = 'milliseconds, more than 0 and at most 2147483647';
const any = 'true, milliseconds, or an object of options';
const tags = 'a list of names, or a function';

test.each<[path: string, cache: unknown, expected: string, given: string]>([
  ['cache', 0, any, '0'],
  ['cache', -1, any, '-1'],
  ['cache', Number.POSITIVE_INFINITY, any, 'Infinity'],
  ['cache', '1m', any, "'1m'"],
  ['cache', null, any, 'null'],
  ['cache', () => true, any, 'a function'],
  ['cache.ttl', { ttl: 0 }, time, '0'],
  ['cache.ttl', { ttl: '60' }, time, "'60'"],
  ['cache.ttl', { ttl: Number.NaN }, time, 'NaN'],
  ['cache.swr', { swr: -1 }, time, '-1'],
  ['cache.staleIfError', { staleIfError: true }, time, 'true'],
  ['cache.softTimeout', { softTimeout: 2 ** 31 }, timer, '2147483648'],
  ['cache.tags', { tags: 'user' }, tags, "'user'"],
  ['cache.tags', { tags: [7] }, tags, 'a list'],
  ['cache.keyHeaders', { keyHeaders: 'x-a' }, 'a list of names of headers', "'x-a'"],
])('a wrong option gives one problem: %s of %j', (path, cache, expected, given) => {
  expect(lines(problemsWith({ cache }))).toEqual([`user.${path}: expected ${expected}, but was given ${given}`]);
});

test.each<[cache: unknown]>([
  [true],
  [false],
  [undefined],
  [60_000],
  [{}],
  [{ ttl: 1e12, swr: 0.5, staleIfError: 1, softTimeout: 100, tags: [], keyHeaders: [] }],
  [{ ttl: undefined, tags: ['a', 'user-{params.id}', '{query.a.b}-{locals.x}'] }],
  [{ tags: () => [] }],
])('%j is right', (cache) => {
  expect(problemsWith({ cache })).toEqual([]);
});

test.each<[entry: object, problem: string]>([
  [
    { method: 'POST', cache: true },
    'user.cache: is for GET and HEAD, not POST; a POST that only reads needs safe: true',
  ],
  [{ method: 'delete', cache: 1 }, 'user.cache: is for GET and HEAD, not DELETE'],
  [{ cache: { ttl: 1, softTimeout: 1 } }, 'user.cache.softTimeout: needs staleIfError: a stale copy is used after it'],
  [{ cache: { keyHeaders: ['a b'] } }, "user.cache.keyHeaders: 'a b' is not a valid header name"],
  [{ cache: { maxAge: 1 } }, "user.cache.maxAge: is not an option: here it is called 'ttl'"],
  [
    { cache: { staleWhileRevalidate: 1 } },
    "user.cache.staleWhileRevalidate: is not an option: here it is called 'swr'",
  ],
  [{ ttl: 1 }, "user.ttl: is not an option: here it is called 'cache'"],
  [
    { cache: { tags: ['user-{params.id'] } },
    "user.cache.tags: 'user-{params.id' is not a tag: a value is written as in 'user-{params.id}'",
  ],
  [
    { cache: { tags: ['{params}'] } },
    "user.cache.tags: '{params}' is not a tag: a value is written as in 'user-{params.id}'",
  ],
])('%j is refused', (entry, problem) => {
  expect(lines(problemsWith(entry as Record<string, unknown>))).toEqual([problem]);
});

test('a tag that reads what is not there is refused', () => {
  const [line] = lines(
    problemsOf({ a: 'http://a.example.com/', b: { url: 'http://b.example.com/', cache: { tags: ['{aa.id}'] } } }),
  );
  expect(line).toBe("b.cache.tags: 'aa' is not something that can be read here: did you mean 'a'?");
});

test('an upstream waits for those that its tags read, and cycles through them are found', () => {
  const problems = problemsOf({
    a: { url: 'http://a.example.com/', cache: { tags: ['{b.id}'] } },
    b: 'http://b.example.com/{a.id}',
  });
  expect(lines(problems)).toEqual(['a: waits for itself: a → b → a']);
});

describe('the cache of an instance', () => {
  const problems = (cache: unknown) => lines(problemsThrown(() => createMashup({ cache } as never)));

  test.each<[cache: unknown, problem: string]>([
    ['redis', "settings.cache: expected an object, but was given 'redis'"],
    [{ maxBytes: 0 }, 'settings.cache.maxBytes: expected a whole number, 1 or more, but was given 0'],
    [{ maxEntries: 1.5 }, 'settings.cache.maxEntries: expected a whole number, 1 or more, but was given 1.5'],
    [{ redis: {} }, "settings.cache.redis: is not an option: here it is called 'store'"],
    [
      { store: { get() {} } },
      "settings.cache.store: expected a store, such as redisStore() of 'express-mashup/redis', but was given an object",
    ],
  ])('%j is refused', (cache, problem) => {
    expect(problems(cache)).toEqual([problem]);
  });

  test('may be smaller than what is cached', async () => {
    const mashup = createMashup({ cache: { maxBytes: 1, maxEntries: 1, maxEntryBytes: 1 } });
    closeLater(() => mashup.close());
    expect(mashup.stats()).toMatchObject({ cache: { entries: 0, bytes: 0 }, store: null });
  });
});
