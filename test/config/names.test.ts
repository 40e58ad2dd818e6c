import { mashup } from '../../src/index.js';
import { lines, problemsOf, problemsWith } from './problems.js';

const url = 'https://a.example.com/';
const unusable = 'is not a name that a view could use: letters, digits, _ and -, not beginning with a digit';

const named = (name: string): [string, string] => [name, `${name}Data`];

describe('names of upstreams', () => {
  test.each([
    ['settings', 'settingsData'],
    ['cache', 'cacheData'],
    ['_locals', 'localsData'],
    ['mashup', 'mashupData'],
    ['params', 'paramsData'],
    ['query', 'queryData'],
    ['locals', 'localsData'],
    ['item', 'itemData'],
    ['__proto__', 'protoData'],
    ['constructor', 'constructorData'],
    ['prototype', 'prototypeData'],
    ['late', 'lateData'],
    // What view engines read as options from among a view's data: EJS, Pug, Handlebars.
    ...['client', 'async', 'strict', 'delimiter', 'include', 'escapeFn', 'filename', 'context', 'scope'].map(named),
    ...['self', 'globals', 'doctype', 'plugins', 'basedir', 'pretty', 'layout', 'partials', 'helpers', 'body'].map(
      named,
    ),
  ])('%s is reserved', (name, instead) => {
    expect(lines(problemsOf({ [name]: url }))).toEqual([
      `${name}: is a reserved name in res.locals: call it something else, such as '${instead}'`,
    ]);
    expect(problemsOf({ [instead]: url })).toEqual([]);
  });

  test('__proto__ from JSON', () => {
    expect(problemsOf(JSON.parse(`{ "__proto__": "${url}" }`))).toHaveLength(1);
  });

  test.each(['', ' ', '1st', 'a.b', 'a b', 'a/b', "it's", 'naïve', 'a\nb', '-a', '$a'])('%p is unusable', (name) => {
    expect(problemsOf({ [name]: url })).toEqual([{ path: name, message: unusable }]);
  });

  test.each(['a', 'A1', 'user_name', 'user-name', '_private', 'toString', 'then', 'results', 'req'])(
    '%p is fine',
    (name) => expect(problemsOf({ [name]: url })).toEqual([]),
  );
});

describe('a word of another library', () => {
  test.each([
    ['body', 'data'],
    ['dependsOn', 'after'],
    ['retries', 'retry'],
    ['query', 'params'],
    ['default', 'fallback'],
    ['require', 'required'],
  ])('%s is told to be %s here', (option, meant) => {
    expect(lines(problemsWith({ [option]: 1 }))).toEqual([
      `user.${option}: is not an option: here it is called '${meant}'`,
    ]);
  });
});

describe('did you mean …?', () => {
  test.each([
    ['time_out', 'timeout'],
    ['timout', 'timeout'],
    ['Required', 'required'],
    ['header', 'headers'],
    ['param', 'params'],
    ['fallbak', 'fallback'],
    ['maxRedirect', 'maxRedirects'],
    ['validatestatus', 'validateStatus'],
    ['origin', 'origins'],
    ['methode', 'method'],
    ['URL', 'url'],
  ])('the option %s: %s', (option, meant) => {
    expect(lines(problemsWith({ [option]: 1 }))).toEqual([
      `user.${option}: is not an option: did you mean '${meant}'?`,
    ]);
  });

  test('an option that is like none: the known ones are listed', () => {
    const [problem] = problemsWith({ baseURL: 'https://a.example.com/' });
    expect(problem?.message).toMatch(/^is not an option; known are url, method, headers, .* and \d+ more$/);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('the option %s is unknown', (option) => {
    const entry = JSON.parse(`{ "url": "${url}", "${option}": 1 }`);
    expect(problemsOf({ user: entry })).toEqual([
      { path: `user.${option}`, message: expect.stringContaining('is not an option') },
    ]);
  });

  test('the source of a template', () => {
    const page = (path: string) => lines(problemsOf({ user: url, orders: `${url}${path}` }));
    expect(page('{usr.id}')).toEqual([
      "orders.url: 'usr' is not something that can be read here: did you mean 'user'?",
    ]);
    expect(page('{?User.id}')).toEqual([
      "orders.url: 'User' is not something that can be read here: did you mean 'user'?",
    ]);
    expect(page('{?qery.id}')).toEqual([
      "orders.url: 'qery' is not something that can be read here: did you mean 'query'?",
    ]);
    expect(page('{?session.id}')).toEqual([
      "orders.url: 'session' is not something that can be read here: no template reads the session: put what you need into res.locals and read {locals.id}",
    ]);
  });

  test('each unknown source of a template once', () => {
    const problems = problemsOf({ user: `${url}{foo.id}/{bar.id}/{foo.name}` });
    expect(problems.map(({ message }) => message.slice(0, 5))).toEqual(["'foo'", "'bar'"]);
  });

  test('names in after', () => {
    expect(lines(problemsOf({ user: url, orders: { url, after: ['usr', 'everything'] } }))).toEqual([
      "orders.after: 'usr' is not an upstream: did you mean 'user'?",
      "orders.after: 'everything' is not an upstream; known are user, orders",
    ]);
  });

  test('the source of each', () => {
    expect(lines(problemsOf({ user: url, friends: { url, each: 'usr.friends' } }))).toEqual([
      "friends.each: 'usr' is not something that can be read here: did you mean 'user'?",
    ]);
  });
});

test('a name with line ends and escapes is spelled out in the message', () => {
  expect(() => mashup({ 'a\r\n\u001b[31m': url })).toThrow('a\\x0d\\x0a\\x1b[31m: is not a name');
});
