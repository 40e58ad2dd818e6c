import { lines, problemsOf, problemsWith } from './problems.js';

class Instance {
  x = 1;
}
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

const timer = 'milliseconds, more than 0 and at most 2147483647';
const headers = 'an object of header names and values, or a function of the context';
const params = 'an object, URLSearchParams, or a function of the context';
const credentials = 'an object with the strings username and password';
const transform = 'a function, or a list of functions';
const status = 'a function of the status, or null';
const method = 'an HTTP method such as GET or POST';
const data = 'text, bytes, a form, an object, or a function of the context (a stream cannot be sent twice)';
const schema = 'a Standard Schema of version 1 (https://standardschema.dev)';
const origins = "a list of origins, or 'public'";

describe('a wrong option gives one problem: where it is, what is expected, what was given', () => {
  test.each<[option: string, value: unknown, expected: string, given: string]>([
    ['url', 5, 'a string, or a function', '5'],
    ['url', null, 'a string, or a function', 'null'],
    ['url', new URL('https://a.example.com/'), 'a string, or a function', 'an object'],
    ['url', ['https://a.example.com/'], 'a string, or a function', 'a list'],
    ['method', 1, method, '1'],
    ['method', '', method, "''"],
    ['method', 'GET /', method, "'GET /'"],
    ['method', 'CONNECT', method, "'CONNECT'"],
    ['method', 'trace', method, "'trace'"],
    ['headers', 'Accept: text/html', headers, 'a string'],
    ['headers', [['accept', 'text/html']], headers, 'a list'],
    ['headers', new Map([['accept', 'text/html']]), headers, 'an object'],
    ['headers', new Headers({ accept: 'text/html' }), headers, 'an object'],
    ['headers', null, headers, 'null'],
    ['params', 'a=1', params, 'a string'],
    ['params', ['a'], params, 'a list'],
    ['params', new Instance(), params, 'an object'],
    ['params', null, params, 'null'],
    ['data', 5n, data, '5n'],
    ['data', Symbol('s'), data, 'Symbol(s)'],
    ['data', new ReadableStream(), data, 'an object'],
    ['data', { pipe() {} }, data, 'an object'],
    ['auth', 'ann:pw', credentials, 'a string'],
    ['auth', { username: 'ann' }, credentials, 'an object'],
    ['auth', { username: 'ann', password: 5 }, credentials, 'an object'],
    ['auth', { username: 'ann', password: 'pw', realm: 'r' }, credentials, 'an object'],
    ['responseType', 'stream', "one of 'json', 'text', 'arraybuffer'", "'stream'"],
    ['responseType', null, "one of 'json', 'text', 'arraybuffer'", 'null'],
    ['validateStatus', 200, status, '200'],
    ['validateStatus', true, status, 'true'],
    ['maxRedirects', -1, 'a whole number, 0 or more', '-1'],
    ['maxRedirects', 1.5, 'a whole number, 0 or more', '1.5'],
    ['maxRedirects', '3', 'a whole number, 0 or more', "'3'"],
    ['maxContentLength', 0, 'a whole number, 1 or more', '0'],
    ['maxContentLength', Number.POSITIVE_INFINITY, 'a whole number, 1 or more', 'Infinity'],
    ['maxContentLength', '10mb', 'a whole number, 1 or more', "'10mb'"],
    ['transformResponse', 'JSON.parse', transform, "'JSON.parse'"],
    ['transformResponse', [JSON.parse, 5], transform, 'a list'],
    ['required', 'yes', 'true or false', "'yes'"],
    ['required', 1, 'true or false', '1'],
    ['timeout', 0, timer, '0'],
    ['timeout', -5, timer, '-5'],
    ['timeout', Number.NaN, timer, 'NaN'],
    ['timeout', 2 ** 31, timer, '2147483648'],
    ['timeout', '2s', timer, "'2s'"],
    ['attemptTimeout', 0, timer, '0'],
    ['attemptTimeout', Number.POSITIVE_INFINITY, timer, 'Infinity'],
    ['attemptTimeout', { ms: 5 }, timer, 'an object'],
    ['after', 'user', 'a list of names of upstreams', "'user'"],
    ['after', [5], 'a list of names of upstreams', 'a list'],
    ['when', true, 'a function', 'true'],
    ['each', 5, 'a string, or a function', '5'],
    ['each', ['a'], 'a string, or a function', 'a list'],
    ['forward', 'cookie', 'a list of names of headers', "'cookie'"],
    ['forward', [/^x-/], 'a list of names of headers', 'a list'],
    ['origins', 'https://a.example.com', origins, "'https://a.example.com'"],
    ['origins', [new URL('https://a.example.com')], origins, 'a list'],
    ['origins', 'Public', origins, "'Public'"],
    ['schema', {}, schema, 'an object'],
    ['schema', (x: unknown) => x, schema, 'a function'],
    ['schema', { '~standard': { version: 2, validate() {} } }, schema, 'an object'],
  ])('%s: %p', (option, value, expected, given) => {
    expect(lines(problemsWith({ [option]: value }))).toEqual([
      `user.${option}: expected ${expected}, but was given ${given}`,
    ]);
  });

  test('maxItems', () => {
    const problems = problemsWith({ each: () => [], maxItems: 0 });
    expect(lines(problems)).toEqual(['user.maxItems: expected a whole number, 1 or more, but was given 0']);
  });

  test('params that cannot be a query', () => {
    const message = 'user.params: cannot be written as a query: it has a cycle, a symbol or the like in it';
    expect(lines(problemsWith({ params: cycle }))).toEqual([message]);
    expect(lines(problemsWith({ params: { a: Symbol('a') } }))).toEqual([message]);
  });

  test('a url that is missing', () => {
    const message = 'user.url: is missing: every upstream has a url';
    expect(lines(problemsOf({ user: {} }))).toEqual([message]);
    expect(lines(problemsOf({ user: { url: undefined } }))).toEqual([message]);
  });

  test('long text is cut short', () => {
    const [problem] = problemsWith({ timeout: 'x'.repeat(500) });
    expect(problem?.message).toBe(`expected ${timer}, but was given '${'x'.repeat(59)}…'`);
  });
});

describe('right options are no problem', () => {
  test.each<[option: string, value: unknown]>([
    ['method', 'post'],
    ['method', 'PROPFIND'],
    ['headers', Object.create(null)],
    ['params', new URLSearchParams('a=1')],
    ['data', null],
    ['data', Buffer.from('x')],
    ['data', new FormData()],
    ['validateStatus', null],
    ['maxRedirects', 0],
    ['timeout', 0.5],
    ['timeout', 2 ** 31 - 1],
    ['transformResponse', []],
    ['origins', 'public'],
    ['origins', []],
    ['fallback', null],
    ['fallback', 0],
    ['schema', { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } }],
    ['schema', Object.assign(() => {}, { '~standard': { version: 1, vendor: 'arktype', validate() {} } })],
  ])('%s: %p', (option, value) => expect(problemsWith({ [option]: value })).toEqual([]));

  test('an option that is undefined counts as left out', () => {
    const names = ['method', 'headers', 'data', 'timeout', 'required', 'each', 'forward', 'origins', 'schema'];
    expect(problemsWith(Object.fromEntries(names.map((name) => [name, undefined])))).toEqual([]);
  });
});

describe('the map of upstreams', () => {
  test.each([
    ['nothing', undefined, 'expected an object of names and URLs, but was given undefined'],
    ['null', null, 'expected an object of names and URLs, but was given null'],
    [
      'a string',
      'https://a.example.com/',
      "expected an object of names and URLs, but was given 'https://a.example.com/'",
    ],
    ['a list', ['https://a.example.com/'], 'expected an object of names and URLs, but was given a list'],
    ['a Map', new Map(), 'expected an object of names and URLs, but was given an object'],
    ['an empty one', {}, 'names no upstream'],
  ])('%s', (_, upstreams, message) => expect(problemsOf(upstreams)).toEqual([{ path: 'upstreams', message }]));

  test.each([
    ['null', null, 'null'],
    ['a number', 5, '5'],
    ['a list', [], 'a list'],
    ['a URL object', new URL('https://a.example.com/'), 'an object'],
    ['a function', () => 'https://a.example.com/', 'a function'],
  ])('an entry that is %s', (_, entry, given) =>
    expect(problemsOf({ user: entry })).toEqual([
      { path: 'user', message: `expected a URL or an object with a url, but was given ${given}` },
    ]),
  );
});
