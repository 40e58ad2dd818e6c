import { lines, problemsOf, problemsWith } from './problems.js';

const url = 'https://a.example.com/';

describe('templates that are not valid', () => {
  test.each([
    ['', 'not an absolute URL at position 1 in "": begin it with https:// or http:// and a host'],
    ['/users', 'not an absolute URL at position 1 in "/users": begin it with https:// or http:// and a host'],
    ['ftp://a.example.com/', 'the scheme "ftp:" at position 1 in "ftp://a.example.com/": use http: or https:'],
    ['https://', 'not a host and port at position 9 in "https://"'],
    ['https://a.example.com:99999/', 'not a host and port at position 9 in "https://a.example.com:99999/"'],
    [
      'https://u:p@a.example.com/',
      'credentials in a URL at position 9 in "https://…@a.example.com/": use the option `auth`',
    ],
    [`${url}#top`, `a fragment at position 23 in "${url}#…": it is never sent to a server; remove it, or write %23`],
    [`${url}a b`, `a space at position 24 in "${url}a b": remove it, or write %20`],
    [
      `${url}{params.id`,
      `the "{" is never closed at position 23 in "${url}{params.id": add "}", or write %7B for a brace`,
    ],
    [`${url}params.id}`, `a "}" without "{" at position 32 in "${url}params.id}": write %7D for a brace`],
    [`${url}{}`, `an expression without a variable at position 23 in "${url}{}"`],
    [
      `${url}{params}`,
      `{params} as a whole at position 23 in "${url}{params}": name what to take of it, as in {params.id}`,
    ],
    [
      `${url}{?query*}`,
      `{query} as a whole at position 23 in "${url}{?query*}": name what to take of it, as in {query.id}`,
    ],
    [`${url}../{params.id}`, `the path has a "." or ".." segment in "${url}../{params.id}"`],
    [`${url}%2e%2e/x`, `the path has a "." or ".." segment in "${url}%2e%2e/x"`],
    ['https://a.example.com//x', 'the path begins with "//" in "https://a.example.com//x"'],
    [
      'https://{params.host}/',
      '{params.host} in the origin at position 9 in "https://{params.host}/": scheme, host and port must be literal; a path begins with "/" or {/…}',
    ],
    [
      'http://host{params.x}',
      '{params.x} in the origin at position 12 in "http://host{params.x}": scheme, host and port must be literal; a path begins with "/" or {/…}',
    ],
    [
      '{params.url}',
      '{params.url} in the origin at position 1 in "{params.url}": scheme, host and port must be literal; a path begins with "/" or {/…}',
    ],
  ])('%p', (template, message) => {
    expect(problemsOf({ user: template })).toEqual([{ path: 'user.url', message }]);
  });
});

describe('what may be read', () => {
  test.each(['{params.id}', '{?query.a,query.b}', '{locals.user.id}', '{orders.0.id}', '{orders.path*}'])(
    '%s',
    (path) => expect(problemsOf({ user: url + path, orders: url })).toEqual([]),
  );

  test('{item}, and members of it, with each', () => {
    const each = 'orders.items';
    expect(problemsOf({ user: { url: `${url}{item}`, each }, orders: url })).toEqual([]);
    expect(problemsOf({ user: { url: `${url}{item.id}`, each }, orders: url })).toEqual([]);
  });
});

describe('each', () => {
  test.each(['', '.', 'orders.', '.items', 'orders..items', 'params', 'query', 'locals'])('%p is no path', (each) => {
    expect(lines(problemsOf({ user: { url, each }, orders: url }))).toEqual([
      "user.each: expected a path to a list, such as 'user.friends'",
    ]);
  });

  test('the items cannot come from an item', () => {
    expect(lines(problemsWith({ each: 'item.friends' }))).toEqual([
      "user.each: 'item' is what each makes; it cannot be read by it",
    ]);
  });

  test.each(['orders', 'orders.items', 'query.id', 'locals.user.friends', 'params.ids'])('%p is a path', (each) => {
    expect(problemsOf({ user: { url, each }, orders: url })).toEqual([]);
  });
});

describe('cycles', () => {
  test('of two', () => {
    expect(lines(problemsOf({ a: `${url}{b.id}`, b: `${url}{a.id}` }))).toEqual(['a: waits for itself: a → b → a']);
  });

  test('of three, entered from outside', () => {
    const page = { first: `${url}{a.id}`, a: `${url}{b.id}`, b: `${url}{c.id}`, c: `${url}{a.id}` };
    expect(lines(problemsOf(page))).toEqual(['a: waits for itself: a → b → c → a']);
  });

  test('an upstream that reads itself', () => {
    expect(lines(problemsOf({ a: `${url}{a.id}` }))).toEqual(['a: waits for itself: a → a']);
  });

  test('by after', () => {
    const page = { a: { url, after: ['b'] }, b: { url, after: ['a'] }, c: { url, after: ['c'] } };
    expect(lines(problemsOf(page))).toEqual(['a: waits for itself: a → b → a', 'c: waits for itself: c → c']);
  });

  test('by each', () => {
    const page = { a: { url, each: 'b.items' }, b: `${url}{?a}` };
    expect(lines(problemsOf(page))).toEqual(['a: waits for itself: a → b → a']);
  });

  test('two cycles that share an upstream are two problems', () => {
    const page = { a: `${url}{b.id}/{c.id}`, b: `${url}{a.id}`, c: `${url}{a.id}` };
    expect(lines(problemsOf(page))).toEqual(['a: waits for itself: a → b → a', 'a: waits for itself: a → c → a']);
  });

  test('a diamond is none', () => {
    const page = { a: url, b: `${url}{a.id}`, c: `${url}{a.id}`, d: `${url}{b.id}/{c.id}` };
    expect(problemsOf(page)).toEqual([]);
  });
});
