import fc from 'fast-check';
import { compileUrl, UrlError } from '../../src/template/url-template.js';
import { expand, refusal, type Sources } from '../support/expanding.js';

describe("an item of the client's query", () => {
  // What Express makes of ?ids[0][admin]=true, of more than 20 values of one name, and of lists in lists.
  const shapes: [string, unknown][] = [
    ['an object', { admin: 'true' }],
    ['a list made an object', Object.fromEntries(Array.from({ length: 21 }, (_, index) => [index, `v${index}`]))],
    ['a list', ['a', 'b']],
    ['an empty list', []],
    ['an object in a list', [{ admin: 'true' }]],
  ];
  const texts = ['{?item*}', '{?item}', '?x={item}', '?a=b{&item*}', '/{item}', '{/item*}', '{;item*}', '/{+item}'];

  describe.each(shapes)('that is %s', (_, item) => {
    it.each(texts)('is refused with %s', (text) => {
      const { message } = refusal(`https://h/list${text}`, { item }, true);
      expect(message).toMatch(/^\{item\} is not text/);
      expect(message).not.toContain('admin');
    });
  });

  it.each([
    ['{?item*}', '/list?item=a%26b'],
    ['?x={item}', '/list?x=a%26b'],
    ['/{item}', '/list/a%26b'],
    ['{/item*}', '/list/a%26b'],
  ])('that is text is expanded by %s', (text, path) => {
    expect(expand(`https://h/list${text}`, { item: 'a&b' }, true)).toBe(path);
  });

  it('gives text out of an object where the template names the member', () => {
    expect(expand('https://h/{item.id}', { item: { id: '7' } }, true)).toBe('/7');
    expect(refusal('https://h/{item.id}', { item: { id: { a: '7' } } }, true).message).toMatch(
      /^\{item\.id\} is not text/,
    );
  });

  it('is an ordinary value where it is not of the query', () => {
    expect(expand('https://h/list{?item*}', { item: { admin: true } })).toBe('/list?admin=true');
    expect(expand('https://h/list{/item*}', { item: ['a', 'b'] }, false)).toBe('/list/a/b');
  });
});

describe("a value of the client's query or params", () => {
  it.each<[string, Sources, boolean]>([
    ['?q={+query.q}', { query: { q: 'a&admin=true' } }, false],
    ['?q={+query.q*}', { query: { q: ['a', '&admin=true'] } }, false],
    ['?q={+params.q}', { params: { q: 'a&admin=true' } }, false],
    ['?q={+item}', { item: 'a&admin=true' }, true],
  ])('adds no parameter by %s', (text, sources, clientItem) => {
    expect(refusal(`https://h/${text}`, sources, clientItem).message).toContain('has a &');
  });

  it('may have a & where it is encoded, and values of the page may have one', () => {
    expect(expand('https://h/{?query.q}', { query: { q: 'a&b' } })).toBe('/?q=a%26b');
    expect(expand('https://h/?q={+query.q}', { query: { q: 'a=b;c' } })).toBe('/?q=a=b;c');
    expect(expand('https://h/?{+locals.search}', { locals: { search: 'a=b&c=d' } })).toBe('/?a=b&c=d');
    expect(expand('https://h/{+params.path}', { params: { path: 'a&b/c' } })).toBe('/a&b/c');
  });

  it('chooses no name of a parameter, whatever it is', () => {
    const leaf = fc.oneof(fc.string(), fc.constant(null), fc.constant(undefined));
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        leaf,
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const url = compileUrl('https://h/a{?query.x*,query.y}{&item*?}');
    fc.assert(
      fc.property(value, value, value, (x, y, item) => {
        let path: string;
        try {
          path = url.expand((source) => (source === 'query' ? { x, y } : item), true);
        } catch (error) {
          expect(error).toBeInstanceOf(UrlError);
          return;
        }
        const names = [...new URL(path, 'https://h').searchParams.keys()];
        expect(names.filter((name) => !['x', 'y', 'item'].includes(name))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a failure is the client's fault", () => {
  const own = { user: { id: 1, tags: ['a'] }, locals: { path: 'a/b' } };

  it.each<[string, Sources]>([
    ['/{query.id}', { query: {} }],
    ['/{params.id}', { params: { id: '..' } }],
    ['/{params.id}/{user.id}', { params: { id: '../admin' } }],
    ['/{params.a}{params.b}', { params: { a: '.', b: '.' } }],
    ['/{user.id}{?query.x*}', { query: { x: { admin: '1' } } }],
    ['{?query.x}', { query: { x: 'x'.repeat(70_000) } }],
    ['/{user.id}{?query.x,query.y}', { query: { x: 'x'.repeat(40_000), y: 'y'.repeat(40_000) } }],
    ['/{query.x}', { query: { x: '\ud800' } }],
    ['?q={+query.q}', { query: { q: '&' } }],
  ])('where another value would have done: %s', (text, sources) => {
    expect(refusal(`https://h${text}`, { ...own, ...sources }).byClient).toBe(true);
  });

  it('where it was an item that the client sent', () => {
    expect(refusal('https://h/{item}', { item: {} }, true).byClient).toBe(true);
    expect(refusal('https://h/{item}', { item: {} }).byClient).toBe(false);
  });

  it.each<[string, Sources]>([
    ['/{user.none}', {}],
    ['/{params.id}{?user.none}', { params: { id: '7' } }],
    ['/{params.id}/{user.id}', { params: { id: 'x' }, user: { id: '..' } }],
    ['/{params.id}/{user.id}', { params: { id: '..' }, user: { id: '..' } }],
    ['/{user.id}', { user: { id: 2 ** 60 } }],
    ['/{query.x}/{locals.path}', { query: { x: 'a' }, locals: { path: Symbol('s') } }],
    ['{?locals.path,query.x}', { locals: { path: 'x'.repeat(70_000) }, query: {} }],
  ])('and otherwise it is not: %s', (text, sources) => {
    expect(refusal(`https://h${text}`, { ...own, ...sources }).byClient).toBe(false);
  });

  it('where a getter of what it sent throws, and not where one of the page does', () => {
    const bad = Object.defineProperty({}, 'x', {
      get: () => {
        throw new Error('secret');
      },
      enumerable: true,
    });
    expect(refusal('https://h/{query.x}', { query: bad })).toMatchObject({
      byClient: true,
      cause: { message: 'secret' },
    });
    expect(refusal('https://h/{locals.x}', { locals: bad })).toMatchObject({ byClient: false });
  });
});
