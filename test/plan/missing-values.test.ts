import { isUpstreamError } from '../../src/errors.js';
import { TemplateError } from '../../src/template/template.js';
import { compileUrl } from '../../src/template/url-template.js';
import { expand, refusal } from '../support/expanding.js';

const noValues: [string, unknown][] = [
  ['undefined', {}],
  ['null', { x: null }],
  ['an empty list', { x: [] }],
  ['an empty object', { x: {} }],
  ['a list of nothing', { x: [null, undefined] }],
  ['an object of nothing', { x: { a: null } }],
  ['a sparse list of nothing', { x: new Array(3) }],
];

describe.each(noValues)('a value that is %s', (_, values) => {
  it.each(['{?user.x}', '{?user.x*}', '?a=b{&user.x}', '{?locals.x}', '{?params.x}', '{?item.x}'])(
    'fails the call with %s in the query',
    (text) => {
      const error = refusal(`https://h/a${text}`, { user: values, locals: values, params: values, item: values });
      expect(isUpstreamError(error) && error.code).toBe('ERR_UPSTREAM_URL');
      expect(error.message).toMatch(/^\{\w+\.x\} (?:is|has a) missing/);
    },
  );

  it.each(['?x={user.x}', '?x={+user.x}', '?a=b{;user.x}'])(
    'fails the call with %s, where it would leave an empty value behind',
    (text) => {
      expect(refusal(`https://h/a${text}`, { user: values }).message).toContain('missing');
    },
  );

  it.each([
    ['{?user.x?}', '/a'],
    ['{?user.x*?}', '/a'],
    ['?a=b{&user.x?}', '/a?a=b'],
    ['{?user.x*?,user.y}', '/a?y=1'],
    ['{?user.y,user.x?}', '/a?y=1'],
    ['?x={user.x?}', '/a?x='],
    ['?x={+user.x*?}', '/a?x='],
    ['?a=b{;user.x?}', '/a?a=b'],
  ])('is left out of %s', (text, path) => {
    expect(expand(`https://h/a${text}`, { user: { y: 1, ...(values as object) } })).toBe(path);
  });

  it.each(['{user.x}', '{/user.x*}', '{+user.x}', '{;user.x}', '{.user.x}'])(
    'fails the call with %s in the path',
    (text) => {
      expect(refusal(`https://h/a/${text}`, { user: values }).message).toMatch(
        /^\{user\.x\} (?:is missing or empty|has a missing or empty member), and the path needs it$/,
      );
    },
  );
});

describe('what may be missing', () => {
  it('is of the client only what {?query.…} and {&query.…} read', () => {
    expect(expand('https://h/a{?query.x,query.y*}', { query: {} })).toBe('/a');
    expect(expand('https://h/a?b=1{&query.x}', { query: {} })).toBe('/a?b=1');
    expect(refusal('https://h/a{?params.x}', { params: {} }).message).toContain('{params.x} is missing');
    expect(refusal('https://h/a?x={query.x}', { query: {} }).message).toContain('{query.x} is missing');
    expect(refusal('https://h/a?x={+query.x*}', { query: { x: [] } }).message).toContain('{query.x} is missing');
  });

  it('may be marked all the same where the client may leave it out anyway', () => {
    expect(expand('https://h/a{?query.x?}', { query: {} })).toBe('/a');
  });

  it('is no item of the client, and nothing in it, unless it is marked', () => {
    expect(refusal('https://h/a{?item}', { item: undefined }, true).message).toContain('{item} is missing');
    expect(refusal('https://h/a{?item.x}', { item: 'text' }, true).message).toContain('{item.x} is missing');
    expect(expand('https://h/a{?item.x?}', { item: 'text' }, true)).toBe('/a');
  });

  it('is said in the message, with the modifier and the operator that were written', () => {
    const message = (text: string) => refusal(`https://h/a${text}`, { user: {}, query: {} }).message;
    expect(message('{?user.city}')).toBe('{user.city} is missing: if it may be left out, write {?user.city?}');
    expect(message('?a=b{&user.tags*}')).toContain('write {&user.tags*?}');
    expect(message('?q={query.q:3}')).toContain('write {query.q:3?}');
    expect(message('{?query.a,user.b}')).toContain('write {?user.b?}');
  });

  it('begins no query of its own', () => {
    expect(expand('https://h/a{?user.x?}&b=1', { user: {} })).toBe('/a?b=1');
    expect(expand('https://h/a{?user.x?}{&user.y}', { user: { y: 2 } })).toBe('/a?y=2');
  });

  it('may be empty text as well, which is a value', () => {
    expect(expand('https://h/a{?user.x}', { user: { x: '' } })).toBe('/a?x=');
    expect(expand('https://h/a{?user.x*}', { user: { x: ['', 'a'] } })).toBe('/a?x=&x=a');
  });

  it.each([0, false, 0n])('is not %s, which is a value', (x) => {
    expect(expand('https://h/a{?user.x}', { user: { x } })).toBe(`/a?x=${x}`);
  });
});

describe('a missing member of a list or an object', () => {
  it.each<[string, unknown]>([
    ['{?user.x*}', { account: null, a: 1 }],
    ['{?user.x}', { account: undefined, a: 1 }],
    ['{?user.x*}', [1, null]],
    ['?a=b{&user.x}', [1, undefined, 2]],
    ['{?user.x*}', Object.assign(new Array(3), { 0: 1, 2: 2 })],
  ])('fails the call, for it might be the filter: %s with %j', (text, x) => {
    const { message } = refusal(`https://h/a${text}`, { user: { x } });
    expect(message).toMatch(
      /^\{user\.x\} has a missing member: if members may be left out, write \{[?&]user\.x\*?\?\}$/,
    );
  });

  it('is left out where the variable may be missing', () => {
    expect(expand('https://h/a{?user.x*?}', { user: { x: { account: null, a: 1 } } })).toBe('/a?a=1');
    expect(expand('https://h/a{?user.x?}', { user: { x: [1, null, 2] } })).toBe('/a?x=1,2');
    expect(expand('https://h/a{?query.x}', { query: { x: [null, 'a'] } })).toBe('/a?x=a');
  });
});

describe('a question mark in the path', () => {
  it.each([
    '{params.x?}',
    '{/params.x?}',
    '{+params.x?}',
    '{.params.x?}',
    '{;params.x?}',
    '{/user.tags*?}',
    '{params.x:3?}',
  ])('is a config error that says why: %s', (text) => {
    expect(() => compileUrl(`https://h/a/${text}`)).toThrow(TemplateError);
    expect(() => compileUrl(`https://h/a/${text}`)).toThrow(
      /^\{[\w.]+\} has a "\?" in the path at position 13 in ".*": without the value it would be another path; only a query can do without, as in \{\?[\w.]+\?\}$/,
    );
  });
});

describe('an integer beyond 2^53', () => {
  const user = JSON.parse(
    '{"id":9007199254740993,"ids":[1,9007199254740993],"of":{"id":-1e300},"ok":9007199254740991}',
  );

  it.each(['/{user.id}', '{?user.id}', '{?user.id?}', '/{user.id:3}', '{?user.ids*}', '/{user.ids}', '{?user.of*}'])(
    'fails the call with %s, for JSON has rounded it',
    (text) => {
      expect(refusal(`https://h${text}`, { user }).message).toMatch(/^\{user\.\w+\} is an integer beyond 2\^53/);
    },
  );

  it('is no matter where it is text or a bigint, and up to there a number is fine', () => {
    expect(expand('https://h/{user.ok}', { user })).toBe('/9007199254740991');
    expect(expand('https://h/{item}', { item: 9007199254740993n })).toBe('/9007199254740993');
    expect(expand('https://h/{item}', { item: '9007199254740993' })).toBe('/9007199254740993');
  });
});
