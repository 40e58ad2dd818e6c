import { ConfigError, isConfigError, mashup } from '../../src/index.js';
import type { UpstreamMap } from '../../src/types.js';
import { lines, problemsOf, problemsWith } from './problems.js';

/** Ten mistakes, of ten kinds, several of them in one entry. */
const tenMistakes = {
  'no good': 'https://a.example.com/', // 1
  cache: 'https://a.example.com/', // 2
  user: {
    url: 'https://users.example.com/{parms.id}', // 3
    timeout: '2s', // 4
    requierd: true, // 5
    after: ['ordrs'], // 6
  },
  orders: { url: 'http://{params.host}/', maxRedirects: -1 }, // 7, 8
  a: 'https://a.example.com/{b.id}', // 9: with b, a cycle
  b: 'https://b.example.com/{a.id}',
};
const options = { deadline: 0 }; // 10

function thrown(): unknown {
  try {
    return mashup(tenMistakes as unknown as UpstreamMap, options);
  } catch (error) {
    return error;
  }
}

describe('all problems are reported at once, when the page is made', () => {
  test('ten mistakes are ten problems', () => {
    expect(lines(problemsOf(tenMistakes, options))).toEqual([
      'no good: is not a name that a view could use: letters, digits, _ and -, not beginning with a digit',
      "cache: is a reserved name in res.locals: call it something else, such as 'cacheData'",
      "user.timeout: expected milliseconds, more than 0 and at most 2147483647, but was given '2s'",
      "user.requierd: is not an option: did you mean 'required'?",
      'orders.maxRedirects: expected a whole number, 0 or more, but was given -1',
      'options.deadline: expected milliseconds, more than 0 and at most 2147483647, but was given 0',
      "user.url: 'parms' is not something that can be read here: did you mean 'params'?",
      "user.after: 'ordrs' is not an upstream: did you mean 'orders'?",
      'orders.url: {params.host} in the origin at position 8 in "http://{params.host}/": scheme, host and port must be literal; a path begins with "/" or {/…}',
      'a: waits for itself: a → b → a',
    ]);
  });

  test('as one error, whose message lists them', () => {
    const error = thrown();
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toBeInstanceOf(TypeError);
    if (!isConfigError(error)) throw error;
    expect(error.name).toBe('ConfigError');
    expect(error.code).toBe('ERR_MASHUP_CONFIG');
    const [first, ...rest] = error.message.split('\n');
    expect(first).toBe('10 problems in the mashup config:');
    expect(rest).toEqual(lines(error.problems).map((line) => `  - ${line}`));
  });

  test('one problem is said in the singular', () => {
    expect(() => mashup({ user: '' })).toThrow(/^a problem in the mashup config:\n {2}- user\.url: [^\n]+$/);
  });

  test('a wrong option hides no other problem of its upstream', () => {
    const problems = problemsWith({ url: 'nowhere', headers: { 'a b': 'x' }, timeout: 0, origins: ['x'] });
    expect(problems.map(({ path }) => path)).toEqual(['user.timeout', 'user.headers.a b', 'user.origins', 'user.url']);
  });

  test('what follows from a wrong option is no problem of its own', () => {
    expect(problemsWith({ url: 'https://a.example.com/{item.id}', each: 5, maxItems: 3 })).toHaveLength(1);
    expect(problemsWith({ url: () => 'https://a.example.com/', origins: 'all' })).toHaveLength(1);
    expect(problemsOf({ user: { url: 5 }, orders: 'https://a.example.com/{user.id}' })).toHaveLength(1);
    expect(problemsOf({ user: 5, orders: 'https://a.example.com/{user.id}' })).toHaveLength(1);
  });
});

describe('options that do not go together', () => {
  test('required and fallback', () => {
    const line = 'user.fallback: an upstream with a fallback cannot fail, so it cannot be required: drop one of them';
    expect(lines(problemsWith({ required: true, fallback: {} }))).toEqual([line]);
    expect(lines(problemsWith({ required: true, fallback: null }))).toEqual([line]);
    expect(problemsWith({ required: false, fallback: {} })).toEqual([]);
    expect(problemsWith({ required: true, fallback: undefined })).toEqual([]);
  });

  test('a url function without origins', () => {
    const url = () => 'https://a.example.com/';
    expect(lines(problemsWith({ url }))).toEqual([
      "user.origins: is needed where url is a function: a list of origins, or 'public'",
    ]);
    expect(problemsWith({ url, origins: 'public' })).toEqual([]);
    expect(problemsWith({ url, origins: ['https://a.example.com'] })).toEqual([]);
  });

  test('maxItems without each', () => {
    expect(lines(problemsWith({ maxItems: 5 }))).toEqual(['user.maxItems: has a meaning only beside each']);
  });

  test('{item} without each', () => {
    expect(lines(problemsWith({ url: 'https://a.example.com/{item.id}' }))).toEqual([
      "user.url: 'item' has a meaning only beside each",
    ]);
  });
});

describe('origins', () => {
  test.each([
    'a.example.com',
    'https://a.example.com/path',
    'https://a.example.com/?q',
    'https://a.example.com/#h',
    'ftp://a.example.com',
    'https://*.example.com',
    '*',
    '',
    'null',
    'http://',
  ])('%p is none', (origin) => {
    expect(problemsWith({ origins: [origin] })).toEqual([
      { path: 'user.origins', message: expect.stringContaining("expected origins such as 'https://api.example.com'") },
    ]);
  });

  test.each(['https://a.example.com', 'https://a.example.com/', 'http://127.0.0.1:8080', 'http://[::1]:80'])(
    '%p is one',
    (origin) => expect(problemsWith({ origins: [origin] })).toEqual([]),
  );

  test('each wrong one is a problem', () => {
    expect(problemsWith({ origins: ['a', 'https://a.example.com', 'b'] })).toHaveLength(2);
  });
});
