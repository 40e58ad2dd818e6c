import fc from 'fast-check';
import { readDirectives } from '../../src/cache/directives.js';
import { groupsOf, staleGroups, staleUrls } from '../../src/cache/groups.js';
import { httpDate } from '../../src/cache/http-date.js';
import { bypasses, isUsable, onlyIfCached } from '../../src/cache/request-rules.js';
import { type HeaderFields, judge, varyNames, varyValue } from '../../src/cache/rules.js';
import { conditionsOf, refreshedHeaders, storedHeaders } from '../../src/cache/stored-headers.js';

const DATE = Date.UTC(2026, 0, 1, 12);
const RECEIVED = 5000;
const at = (seconds: number) => new Date(DATE + seconds * 1000).toUTCString();
const request = (headers: Record<string, string> = {}) => ({ header: (name: string) => headers[name] ?? null });

interface Given {
  status?: number;
  sent?: Record<string, string>;
  ttl?: number;
  swr?: number;
  staleIfError?: number;
  took?: number;
}

/** Seconds from when the answer came until when it may be used how; or why it is not stored. */
function verdict(headers: HeaderFields, { status = 200, sent, ttl, swr, staleIfError, took = 0 }: Given = {}) {
  const moments = { requested: RECEIVED - took, received: RECEIVED, date: DATE };
  const options = { ttl: ttl ?? null, swr: swr ?? null, staleIfError: staleIfError ?? null };
  const result = judge(request(sent), { status, headers }, moments, options);
  if (!result.storable) return result.why;
  const seconds = (time: number) => (time - RECEIVED) / 1000;
  return [seconds(result.freshUntil), seconds(result.swrUntil), seconds(result.errorUntil)];
}

describe('an answer may be used', () => {
  test.each<[what: string, headers: HeaderFields, fresh: number]>([
    ['max-age', { 'cache-control': 'max-age=60' }, 60],
    ['in capitals', { 'cache-control': 'Max-AGE=60' }, 60],
    ['quoted', { 'cache-control': 'max-age="60"' }, 60],
    ['with zeros before', { 'cache-control': 'max-age=0060' }, 60],
    ['of 20 digits', { 'cache-control': 'max-age=99999999999999999999' }, 2 ** 31],
    ['s-maxage goes first', { 'cache-control': 'max-age=60, s-maxage=10' }, 10],
    ['and may be longer', { 'cache-control': 's-maxage=600, max-age=10' }, 600],
    ['max-age goes before Expires', { 'cache-control': 'max-age=60', expires: at(-10) }, 60],
    ['Expires', { expires: at(30), date: at(0) }, 30],
    ['Expires beside a Date that is late', { expires: at(30), date: at(-10) }, 30],
    ['an age is taken off', { 'cache-control': 'max-age=60', age: '20' }, 40],
    ['what it took to come is taken off', { 'cache-control': 'max-age=60', date: at(-5) }, 55],
    ['of two ages the first counts', { 'cache-control': 'max-age=60', age: '20, 30' }, 40],
    ['an age that is no number is ignored', { 'cache-control': 'max-age=60', age: '-20' }, 60],
    ['the smallest of several counts', { 'cache-control': 'max-age=60, max-age=5, max-age=100' }, 5],
    ['unknown directives are ignored', { 'cache-control': 'foo, bar="max-age=1, private", max-age=60' }, 60],
    ['a guess is a tenth of the time since it was changed', { 'last-modified': at(-1000), date: at(0) }, 100],
    ['a guess is a day at most', { 'last-modified': at(-1e8), date: at(0) }, 86_400],
  ])('for as long as its headers say: %s', (_what, headers, fresh) => {
    expect(verdict(headers)).toEqual([fresh, fresh, fresh]);
  });

  test.each([['-60'], ['60.0'], ['60s'], ["'60'"], [' 60'], ['1e3'], ['0x60'], [''], ['६०']])(
    'not at all where max-age is %j',
    (value) => {
      expect(verdict({ 'cache-control': `max-age=${value}`, etag: '"1"' })).toEqual([0, 0, 0]);
    },
  );

  test.each([
    '0',
    '-1',
    'tomorrow',
    'Thu, 18 Aug 50 02:01:18 GMT',
    'Thu, 18 Aug 2050 2:01:18 GMT',
    '',
    `${at(60)}, ${at(61)}`,
  ])('not at all where Expires is %j', (expires) => expect(verdict({ expires, etag: '"1"' })).toEqual([0, 0, 0]));

  test('after what it took to be answered', () => {
    expect(verdict({ 'cache-control': 'max-age=60' }, { took: 10_000 })).toEqual([50, 50, 50]);
  });
});

describe('an answer is not stored', () => {
  test.each<[why: string, headers: HeaderFields, given?: Given]>([
    ['no-store', { 'cache-control': 'no-store, max-age=60' }],
    ['no-store', { 'cache-control': 'No-Store' }],
    ['no-store', { 'cache-control': 'no-store="x", max-age=60' }],
    ['no-store', { 'cache-control': `max-age=60, ${'x, '.repeat(200)}` }],
    ['no-store', { 'cache-control': `max-age=60, ${'x'.repeat(10_000)}` }],
    ['no-store', { 'cache-control': 'max-age=60, x="y, no-store' }],
    ['no-store', { 'cache-control': 'max-age="60', etag: '"1"' }],
    ['no-store', { 'cache-control': 'max-age=60"', etag: '"1"' }],
    ['no-store', { 'cache-control': 'max-age=60, x="y\\", private' }],
    ['no-store', { 'cache-control': 'max-age=60' }, { sent: { 'cache-control': 'no-store' } }],
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['private', { 'cache-control': 'private="", max-age=60' }],
    ['private', { 'cache-control': 'private="x-name", max-age=60' }],
    ['private', { 'cache-control': 'public, private, max-age=60' }],
    ['authorization', { 'cache-control': 'max-age=60' }, { sent: { authorization: 'Basic x' } }],
    ['set-cookie', { 'cache-control': 'max-age=60', 'set-cookie': ['a=b'] }],
    ['vary', { 'cache-control': 'max-age=60', vary: 'a, *' }],
    ['vary', { 'cache-control': 'max-age=60', vary: Array.from({ length: 40 }, (_, at) => `x${at}`).join(',') }],
    ['no-freshness', {}],
    ['no-freshness', { 'cache-control': 'max-age=0' }],
    ['no-freshness', { expires: '0' }],
    ['no-freshness', { 'cache-control': 'max-age=60', age: '60' }],
    ['status', { 'cache-control': 'max-age=60' }, { status: 206 }],
    ['status', { 'cache-control': 'max-age=60' }, { status: 304 }],
    ['status', { 'cache-control': 'max-age=60' }, { status: 206, ttl: 1000 }],
    ['status', { 'cache-control': 'max-age=60, must-understand' }, { status: 599 }],
  ])('%s: %j', (why, headers, ...given) => {
    expect(verdict(headers, ...given)).toBe(why);
  });

  test.each<[what: string, headers: HeaderFields, given: Given]>([
    ['no-store beside must-understand', { 'cache-control': 'max-age=60, no-store, must-understand' }, {}],
    ['Authorization and public', { 'cache-control': 'max-age=60, public' }, { sent: { authorization: 'x' } }],
    ['Authorization and s-maxage', { 'cache-control': 's-maxage=60' }, { sent: { authorization: 'x' } }],
    ['Set-Cookie and public', { 'cache-control': 'max-age=60, public', 'set-cookie': ['a=b'] }, {}],
    ['any status with a time', { 'cache-control': 'max-age=60' }, { status: 599 }],
  ])('but is with %s', (_what, headers, given) => {
    expect(verdict(headers, given)).toEqual(expect.arrayContaining([60]));
  });
});

describe('a stale answer may be used', () => {
  const both = { swr: 1000, staleIfError: 2000 };

  test.each<[what: string, headers: HeaderFields, given: Given, times: number[]]>([
    [
      'as the headers say',
      { 'cache-control': 'max-age=10, stale-while-revalidate=5, stale-if-error=7' },
      {},
      [10, 15, 17],
    ],
    ['as the page says', { 'cache-control': 'max-age=10' }, both, [10, 11, 12]],
    ['the longer of both', { 'cache-control': 'max-age=10, stale-while-revalidate=5' }, both, [10, 15, 12]],
    [
      'not with must-revalidate',
      { 'cache-control': 'max-age=10, must-revalidate, stale-while-revalidate=5' },
      both,
      [10, 10, 10],
    ],
    ['not with proxy-revalidate', { 'cache-control': 'max-age=10, proxy-revalidate' }, both, [10, 10, 10]],
    ['not with s-maxage', { 'cache-control': 's-maxage=10, stale-if-error=5' }, both, [10, 10, 10]],
    ['not with no-cache', { 'cache-control': 'no-cache, max-age=10', etag: '"1"' }, both, [0, 0, 0]],
    ['not with a qualified no-cache', { 'cache-control': 'no-cache="x", max-age=10', etag: '"1"' }, both, [0, 0, 0]],
    ['Pragma counts without Cache-Control', { pragma: 'no-cache', expires: at(60), etag: '"1"' }, both, [0, 0, 0]],
    ['and not beside it', { pragma: 'no-cache', 'cache-control': 'max-age=10' }, {}, [10, 10, 10]],
    ['after a ttl', { 'cache-control': 'must-revalidate, no-store', age: '900' }, { ttl: 3000, ...both }, [3, 4, 5]],
  ])('%s', (_what, headers, given, times) => {
    expect(verdict(headers, given)).toEqual(times);
  });
});

test('whatever the headers, an answer is never fresher than the least of all that they could mean', () => {
  const number = fc.oneof(
    fc.nat(5000).map(String),
    fc.constantFrom('-1', '1.5', 'x', '"10"', '', '99999999999999999999'),
  );
  const directive = fc.oneof(
    fc
      .tuple(fc.constantFrom('max-age', 's-maxage', 'stale-if-error', 'x'), number)
      .map(([name, value]) => `${name}=${value}`),
    fc.constantFrom(
      'no-store',
      'private',
      'public',
      'no-cache',
      'must-revalidate',
      'x="max-age=9999"',
      '',
      '"',
      'MAX-AGE=3',
    ),
  );
  const headers = fc.record({
    directives: fc.array(directive, { maxLength: 5 }),
    expires: fc.option(fc.integer({ min: -100, max: 5000 })),
    age: fc.option(fc.nat(100)),
  });
  fc.assert(
    fc.property(headers, ({ directives, expires, age }) => {
      const control = directives.join(', ');
      const given: Record<string, string> = { etag: '"1"', date: at(0) };
      if (directives.length > 0) given['cache-control'] = control;
      if (expires !== null) given['expires'] = at(expires);
      if (age !== null) given['age'] = String(age);
      const result = verdict(given);
      if (!Array.isArray(result)) return;
      const [fresh = 0] = result;
      const limits = [...control.matchAll(/(?:^|, )(s-maxage|max-age)=(\d+)(?=,|$)/gi)];
      const shared = limits.filter(([, name]) => name?.toLowerCase() === 's-maxage');
      const own = (shared.length > 0 ? shared : limits).map(([, , value]) => Math.min(Number(value), 2 ** 31));
      // Quotes that are closed hide what is between them.
      if (!control.includes('"')) {
        for (const limit of own) expect(fresh).toBeLessThanOrEqual(Math.max(0, limit - (age ?? 0)));
        if (/(^|, )no-store(,|$)|(^|, )private(,|$)/.test(control)) throw new Error('it is stored');
        if (/(^|, )no-cache(,|$)/.test(control)) expect(fresh).toBeLessThanOrEqual(0);
      }
    }),
  );
});

describe('reading', () => {
  test('directives takes time in proportion to their length, whatever they are', () => {
    for (const text of ['"'.repeat(8000), '\\"'.repeat(4000), ','.repeat(8000), '= ='.repeat(2000), ' '.repeat(8000)]) {
      const began = process.cpuUsage();
      for (let count = 0; count < 20; count++) readDirectives(text).has('x');
      expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
    }
  });

  test.each<[text: string, seconds: number | null]>([
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784111777],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 784111777],
    ['Sun Nov  6 08:49:37 1994', 784111777],
    ['sun, 06 nov 1994 08:49:37 gmt', 784111777],
    ['Thursday, 18-Aug-50 02:01:18 GMT', 2544400878],
    ['Sun, 06 Nov 1994 08:49:37 UTC', null],
    ['Sun, 06 Nov 1994 25:49:37 GMT', null],
    ['Sun, 06 Foo 1994 08:49:37 GMT', null],
    ['784111777', null],
    ['', null],
  ])('a date: %j', (text, seconds) => {
    expect(httpDate(text, DATE)).toBe(seconds === null ? null : seconds * 1000);
  });

  test.each([
    ['"a", "b"', ['a', 'b']],
    ['"a"', ['a']],
    ['"a\\"b" , "c\\\\d"', ['a"b', 'c\\d']],
    ['a, b', []],
    ['"a", b', []],
    ['"a', []],
    ['', []],
    [Array(50).fill('"x"').join(','), Array(32).fill('x')],
  ])('groups: %j', (header, groups) => {
    const head = { header: () => header };
    expect(groupsOf(head)).toEqual(groups);
    expect(staleGroups(head)).toEqual(groups);
  });

  test('Vary', () => {
    expect(varyNames({ vary: 'B, a,, A ' })).toEqual(['a', 'b']);
    expect(varyNames({})).toEqual([]);
    expect(varyValue(request({ a: ' x ,y,  z' }), 'a')).toBe('x, y, z');
    expect(varyValue(request({ 'accept-language': 'NB,en' }), 'accept-language')).toBe('nb, en');
    expect(varyValue(request({ a: 'X,"b ,c"' }), 'a')).toBe('X,"b ,c"');
    expect(varyValue(request(), 'a')).toBeNull();
  });
});

describe('a request', () => {
  const times = { bornAt: 0, freshUntil: 60_000, swrUntil: 90_000, errorUntil: 0 };

  test.each<[headers: Record<string, string>, now: number, isGood: boolean]>([
    [{}, 0, true],
    [{}, 80_000, true],
    [{ 'cache-control': 'no-cache' }, 0, false],
    [{ pragma: 'no-cache' }, 0, false],
    [{ pragma: 'no-cache', 'cache-control': 'max-age=100' }, 0, true],
    [{ 'cache-control': 'max-age=10' }, 10_000, true],
    [{ 'cache-control': 'max-age=10' }, 10_001, false],
    [{ 'cache-control': 'max-age=x' }, 1, false],
    [{ 'cache-control': 'min-fresh=10' }, 50_000, true],
    [{ 'cache-control': 'min-fresh=10' }, 50_001, false],
  ])('%j at %d may be answered from what is stored: %s', (headers, now, isGood) => {
    expect(isUsable(request(headers), times, now)).toBe(isGood);
  });

  test('for a part, or with a condition, is not answered from it', () => {
    for (const name of ['range', 'if-none-match', 'if-match', 'if-modified-since', 'if-unmodified-since', 'if-range']) {
      expect(bypasses(request({ [name]: 'x' }))).toBe(true);
    }
    expect(bypasses(request({ accept: 'x' }))).toBe(false);
    expect(onlyIfCached(request({ 'cache-control': 'only-if-cached' }))).toBe(true);
  });
});

describe('headers', () => {
  test('that are of the connection, or of one answer, are not stored', () => {
    const stored = storedHeaders({
      connection: 'a, B',
      a: '1',
      b: '2',
      c: '3',
      'keep-alive': 'x',
      'transfer-encoding': 'x',
      'proxy-authenticate': 'x',
      'set-cookie': ['a=b'],
      'cache-control': 'no-cache="d", private="e", max-age=1',
      d: '4',
      e: '5',
      __proto__: 'x',
    });
    expect(Object.keys(stored).sort()).toEqual(['c', 'cache-control']);
    expect(Object.getPrototypeOf(stored)).toBeNull();
  });

  test('of a condition are those of the stored answer', () => {
    expect(conditionsOf({ etag: 'W/"1"', 'last-modified': at(0) })).toEqual({
      'if-none-match': 'W/"1"',
      'if-modified-since': at(0),
    });
    expect(conditionsOf({ date: at(0) })).toEqual({});
  });

  test('of a 304 go over those that are stored, but not those of the body', () => {
    const stored = {
      etag: '"1"',
      'content-length': '10',
      'content-type': 'a/b',
      'x-a': '1',
      'x-b': '2',
      age: '5',
      date: at(0),
    };
    const fresh = {
      etag: '"1"',
      'content-length': '0',
      'content-type': 'c/d',
      'x-a': '3',
      date: at(9),
      'set-cookie': ['a=b'],
    };
    expect({ ...refreshedHeaders(stored, fresh) }).toEqual({
      etag: '"1"',
      'content-length': '10',
      'content-type': 'a/b',
      'x-a': '3',
      'x-b': '2',
      date: at(9),
    });
  });

  test('of a 304 have no date where it has none: that of the stored answer would make it old', () => {
    expect(refreshedHeaders({ etag: '"1"', date: at(-3600) }, { etag: '"1"' })).not.toHaveProperty('date');
  });

  test.each<[stored: HeaderFields, fresh: HeaderFields, isSame: boolean]>([
    [{ etag: '"1"' }, { etag: '"1"' }, true],
    [{ etag: 'W/"1"' }, { etag: '"1"' }, true],
    [{ etag: '"1"' }, {}, true],
    [{ etag: '"1"' }, { etag: '"2"' }, false],
    [{ 'last-modified': at(0) }, { 'last-modified': at(0) }, true],
    [{ 'last-modified': at(0) }, { 'last-modified': at(1) }, false],
    [{ 'last-modified': at(0), etag: '"1"' }, { 'last-modified': at(1), etag: '"1"' }, true],
  ])('a 304 for %j with %j is about it: %s', (stored, fresh, isSame) => {
    expect(refreshedHeaders(stored, fresh) !== null).toBe(isSame);
  });
});

test('what a request makes stale is its URL, and what its answer names of the same origin', () => {
  const answer = (headers: Record<string, string>) => ({ header: (name: string) => headers[name] ?? null });
  const url = 'http://a.example.com/x?y';
  expect(staleUrls(url, answer({}))).toEqual([url]);
  expect(staleUrls(url, answer({ location: '/z#f', 'content-location': 'w?v' }))).toEqual([
    url,
    'http://a.example.com/z',
    'http://a.example.com/w?v',
  ]);
  expect(staleUrls(url, answer({ location: 'http://b.example.com/z', 'content-location': 'http://[' }))).toEqual([url]);
});
