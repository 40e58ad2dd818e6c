import fc from 'fast-check';
import { UpstreamError } from '../../src/errors.js';
import { TemplateError } from '../../src/template/template.js';
import { compileUrl } from '../../src/template/url-template.js';

type Sources = Record<string, unknown>;

const expand = (text: string, sources: Sources) => compileUrl(text).expand((source) => sources[source]);

/** The message of the ERR_UPSTREAM_URL that an expansion fails with. */
function refusal(text: string, sources: Sources): string {
  try {
    return `NOT REFUSED: ${expand(text, sources)}`;
  } catch (error) {
    if (error instanceof UpstreamError && error.code === 'ERR_UPSTREAM_URL') return error.message;
    throw error;
  }
}

function configError(text: string, options?: { relative?: boolean }): string {
  try {
    return `NOT REFUSED: ${JSON.stringify(compileUrl(text, options))}`;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
}

describe('compileUrl', () => {
  it.each([
    ['https://h.example', 'https://h.example', '/'],
    ['https://h.example/', 'https://h.example', '/'],
    ['HTTP://H.Example:80/a?b=c', 'http://h.example', '/a?b=c'],
    ['https://h.example:443?b', 'https://h.example', '/?b'],
    ['https://h.example:8443/a//b/', 'https://h.example:8443', '/a//b/'],
    ['http://localhost:3000/a', 'http://localhost:3000', '/a'],
    ['http://127.1/a', 'http://127.0.0.1', '/a'],
    ['http://[::1]:80/a', 'http://[::1]', '/a'],
    ['https://b\u00fccher.example/\u00e9?\u00e9', 'https://xn--bcher-kva.example', '/%C3%A9?%C3%A9'],
    ['https://h.example/a@b:c?d=e@f/../g?h', 'https://h.example', '/a@b:c?d=e@f/../g?h'],
    ['https://h.example/.well-known/...', 'https://h.example', '/.well-known/...'],
  ])('%s has origin %s and path %s', (text, origin, path) => {
    const url = compileUrl(text);
    expect(url).toMatchObject({ origin, path, sources: [] });
    expect(url.expand(() => undefined)).toBe(path);
  });

  it('names the sources, in order and once', () => {
    const url = compileUrl('https://h/{user.id}/{params.id,user.x}{?query.a,item}{&orders*}');
    expect(url.sources).toEqual(['user', 'params', 'query', 'item', 'orders']);
    expect(url.path).toBeNull();
    expect(url.origin).toBe('https://h');
  });

  it('allows a relative URL when asked', () => {
    expect(compileUrl('/a?b', { relative: true })).toMatchObject({ origin: null, path: '/a?b' });
    expect(compileUrl('{/params.id}/x', { relative: true }).expand(() => ({ id: 7 }))).toBe('/7/x');
    expect(compileUrl('https://h/a', { relative: true })).toMatchObject({ origin: 'https://h', path: '/a' });
  });

  it.each(['', 'a', '{params.id}', '{+params.id}/a', '?a', '{?query.a}', '{;params.id}'])(
    'refuses %j as a relative URL',
    (text) => expect(configError(text, { relative: true })).toContain('a relative URL must begin with "/"'),
  );

  it.each(['//evil.example/a', '/{/params.x}', '//{params.x}'])(
    'refuses %s, which a base would take for a host',
    (text) => {
      expect(configError(text, { relative: true })).toBe(`the path begins with "//" in "${text}"`);
    },
  );

  it.each([
    ['http://host{params.x}', '{params.x} in the origin at position 12'],
    ['http://host{+params.x}/', '{+params.x} in the origin at position 12'],
    ['http://host{.params.x}', '{.params.x} in the origin'],
    ['http://host{;params.x}', '{;params.x} in the origin'],
    ['http://host{&query.x}', '{&query.x} in the origin'],
    ['http://{query.h}/', '{query.h} in the origin at position 8'],
    ['http://{query.h}.example/', '{query.h} in the origin'],
    ['http://host:{params.x}/', '{params.x} in the origin at position 13'],
    ['http://a{params.x}@host/', '{params.x} in the origin'],
    ['http:{params.x}', '{params.x} in the origin'],
    ['http{params.s}://host/', '{params.s} in the origin'],
    ['{params.s}://host/', '{params.s} in the origin'],
    ['{+params.url}', '{+params.url} in the origin at position 1 in "{+params.url}": scheme, host and port must be'],
    ['http://{/params.x}', 'not a host and port at position 8'],
    ['http:///evil.example', 'not a host and port'],
    ['http://host:99999/', 'not a host and port'],
    ['http://ho%00st/', 'not a host and port'],
    ['ftp://host/', 'the scheme "ftp:" at position 1 in "ftp://host/": use http: or https:'],
    ['file:///etc/passwd', 'the scheme "file:"'],
    ['javascript:alert(1)', 'the scheme "javascript:"'],
    ['http:/host/', 'not an absolute URL'],
    ['//host/', 'not an absolute URL'],
    ['/a', 'not an absolute URL at position 1 in "/a": begin it with https:// or http:// and a host'],
    ['/a/{params.id}', 'not an absolute URL'],
    ['host.example/a', 'not an absolute URL'],
    ['', 'not an absolute URL'],
    ['http://user:secret@host/', 'credentials in a URL at position 8 in "http://…@host/": use the option `auth`'],
    ['http://@host/', 'credentials in a URL'],
    ['http://host/a#b', 'a fragment at position 14 in "http://host/a#…": it is never sent to a server'],
    ['http://host#b', 'a fragment'],
    ['http://host{#params.x}', 'a fragment at position 13'],
    ['http://host/a?b#{params.x}', 'a fragment'],
    ['http://host\\a', 'the character "\\\\" is not allowed at position 12'],
    ['http://host/a b', 'a space at position 14'],
    [' http://host/', 'a space at position 1'],
    ['http://host/\ta', 'U+0009'],
    ['http://host/a/../b', 'the path has a "." or ".." segment'],
    ['http://host/a/%2E%2e/b', 'the path has a "." or ".." segment'],
    ['http://host/.', 'the path has a "." or ".." segment'],
    ['http://host/..;{params.x}', 'the path has a "." or ".." segment'],
    ['http://host/a%00', 'the path has a control character'],
    ['http://host//a', 'the path begins with "//"'],
    ['http://host/{params}', '{params} as a whole at position 13 in "http://host/{params}": name what to take of it'],
    ['http://host/{?query*}', '{query} as a whole'],
    ['http://host/{?item,locals}', '{locals} as a whole'],
    [
      'http://host/a{&query.x}',
      '{&query.x} before any "?" at position 14 in "http://host/a{&query.x}": write {?…} there',
    ],
    [
      'http://host/a?b=c{?query.x}',
      '{?query.x} after a "?" at position 18 in "http://host/a?b=…{?query.x}": write {&…} there',
    ],
    ['http://host/{?query.x}{?query.y}', '{?query.y} after a "?"'],
    ['http://host/{params.id', 'never closed'],
  ])('refuses %j', (text, message) => expect(configError(text)).toContain(message));

  it('shows no password', () => {
    expect(configError('http://user:secret@host/')).not.toContain('secret');
    expect(configError('http://user:secret/x@host/')).not.toContain('secret');
  });
});

describe('expand', () => {
  it.each<[string, Sources, string]>([
    ['https://h/users/{params.id}', { params: { id: '42' } }, '/users/42'],
    ['https://h/now{?query.city}', { query: { city: 'Oslo' } }, '/now?city=Oslo'],
    ['https://h{?query.city}', { query: { city: 'S\u00e3o Paulo' } }, '/?city=S%C3%A3o%20Paulo'],
    ['https://h{/params.x}', { params: { x: 'a' } }, '/a'],
    ['https://h{/params.path*}', { params: { path: ['a', 'b c'] } }, '/a/b%20c'],
    ['https://h/o?account={user.accountId}', { user: { accountId: 7 } }, '/o?account=7'],
    ['https://h/{user}/{item}', { user: 'ann', item: 5n }, '/ann/5'],
    ['https://h/a{.params.ext}', { params: { ext: 'json' } }, '/a.json'],
    ['https://h/a{;params.x}', { params: { x: '1' } }, '/a;x=1'],
    ['https://h/{params.x}', { params: { x: 'a/b?c#d@e:80\\f' } }, '/a%2Fb%3Fc%23d%40e%3A80%5Cf'],
    ['https://h/{params.x}', { params: { x: '...' } }, '/...'],
    ['https://h/{params.x}', { params: { x: 'a..b' } }, '/a..b'],
    ['https://h/v1.0/{params.x}.json', { params: { x: '.' } }, '/v1.0/..json'],
    ['https://h/{params.x:2}', { params: { x: '\u{1f600}\u{1f601}\u{1f602}' } }, '/%F0%9F%98%80%F0%9F%98%81'],
    ['https://h/{params.x}', { params: { x: false } }, '/false'],
    ['https://h/{+locals.path}', { locals: { path: 'a/b;c=d/e@f:80' } }, '/a/b;c=d/e@f:80'],
    ['https://h/x/{+item.url}', { item: { url: 'https://g/' } }, '/x/https://g/'],
    ['https://h/?q={+query.q}', { query: { q: '/a?b/../c\\\r\n' } }, '/?q=/a?b/../c%5C%0D%0A'],
    ['https://h/{user.list.1.name}', { user: { list: [{}, { name: 'x' }] } }, '/x'],
    ['https://h/{locals.ids}', { locals: { ids: [1, 2, 3] } }, '/1,2,3'],
    ['https://h/{?locals.filter*}', { locals: { filter: { a: 1, 'b&': '=', c: '' } } }, '/?a=1&b%26=%3D&c='],
    ['https://h/{?item*}', { item: { id: 1, name: 'n' } }, '/?id=1&name=n'],
  ])('%s', (text, sources, path) => expect(expand(text, sources)).toBe(path));

  it("leaves out what is missing of the client's query, and keeps what is empty", () => {
    expect(expand('https://h/a{?query.x,query.y,query.z}', { query: { x: undefined, y: '', z: null } })).toBe('/a?y=');
    expect(expand('https://h/a{?query.x}', { query: {} })).toBe('/a');
    expect(expand('https://h/a{?query.x}', { query: undefined })).toBe('/a');
    expect(expand('https://h/a?b=1{&query.x}', { query: { x: [] } })).toBe('/a?b=1');
    expect(expand('https://h/a?x={query.x?}', { query: {} })).toBe('/a?x=');
  });

  it('begins the query with "?" whichever part comes first', () => {
    expect(expand('https://h/a{?query.x}{&query.y}', { query: { y: '1' } })).toBe('/a?y=1');
    expect(expand('https://h/a{?query.x}&z=1', { query: {} })).toBe('/a?z=1');
    expect(expand('https://h/a{?query.x}&z=1', { query: { x: '1' } })).toBe('/a?x=1&z=1');
    expect(expand('https://h/a{?query.x}z', { query: {} })).toBe('/a?z');
  });

  it('takes a list of texts from the query, into the query', () => {
    const query = { tag: ['a', 'b&c'], x: [null, 'd'] };
    expect(expand('https://h/{?query.tag*}', { query })).toBe('/?tag=a&tag=b%26c');
    expect(expand('https://h/{?query.tag,query.x}', { query })).toBe('/?tag=a,b%26c&x=d');
    expect(expand('https://h/{query.tag.1}', { query })).toBe('/b%26c');
  });

  it('reads each value once', () => {
    let reads = 0;
    const params = Object.defineProperty({}, 'id', { get: () => `${++reads}` });
    expect(expand('https://h/a/{params.id}{?params.id}', { params })).toBe('/a/1?id=2');
  });

  it('encodes control characters in the query', () => {
    expect(expand('https://h/{?query.x}', { query: { x: '\r\nHost: evil\0' } })).toBe('/?x=%0D%0AHost%3A%20evil%00');
  });
});

describe('what is missing or empty in the path', () => {
  it.each<[string, Sources]>([
    ['https://h/{params.x}', { params: {} }],
    ['https://h/{params.x}', { params: undefined }],
    ['https://h/{params.x}', { params: null }],
    ['https://h/{params.x}', { params: { x: null } }],
    ['https://h/{params.x}', { params: { x: '' } }],
    ['https://h/{params.x}', { params: { x: [] } }],
    ['https://h/{params.x}', { params: { x: [''] } }],
    ['https://h{/params.x*}', { params: { x: ['a', '', 'b'] } }],
    ['https://h{/params.x*}', { params: { x: ['a', null] } }],
    ['https://h/{params.x*}', { params: { x: {} } }],
    ['https://h/{params.x*}', { params: { x: { a: '' } } }],
    ['https://h/{params.x*}', { params: { x: { '': 'a' } } }],
    ['https://h{/params.x}/y', { params: {} }],
    ['https://h/a{;params.x}', { params: { x: '' } }],
    ['https://h/a{.params.x}', { params: {} }],
    ['https://h/{+params.x}', { params: {} }],
    ['https://h/{params.y,params.x}', { params: { y: 'a' } }],
  ])('%s with %j', (text, sources) => expect(refusal(text, sources)).toMatch(/^\{params\.x\} .*(missing|empty)/));

  it.each<[string, unknown]>([
    ['constructor', {}],
    ['__proto__', {}],
    ['toString', {}],
    ['constructor.name', {}],
    ['__proto__.constructor', {}],
    ['length', ['a']],
    ['map', ['a']],
    ['2', ['a']],
    ['01', ['a', 'b']],
    ['0', 'text'],
    ['length', 'text'],
    ['name', function named() {}],
    [
      'getter',
      new (class {
        get getter() {
          return 'x';
        }
      })(),
    ],
    ['a.b.c', { a: null }],
  ])('{user.%s} is not an own property', (path, user) => {
    expect(refusal(`https://h/{user.${path}}`, { user })).toBe(
      `{user.${path}} is missing or empty, and the path needs it`,
    );
    expect(refusal(`https://h/{?user.${path}}`, { user })).toContain(`{user.${path}} is missing`);
    expect(expand(`https://h/{?user.${path}?}`, { user })).toBe('/');
  });

  it('reads own properties of such names', () => {
    const user = JSON.parse('{"__proto__":"a","constructor":{"name":"b"},"length":3}');
    expect(expand('https://h/{user.__proto__}/{user.constructor.name}/{user.length}', { user })).toBe('/a/b/3');
  });
});

describe('a value that would change the path', () => {
  const printable = String.raw`. .. ../x ../../etc/passwd a/../b a/.. a/./b ./a /.. ..\x a\..\b \.. %2e%2e %2E .%2e %2e.
    %2e%2e%2f ..%2f.. ..%2Fx ..%5c ..%5cx a%2f..%2fb a%5c%2e%2e ..; ..;a=b ..;/x ..?x ..#x %2e%2e%3bx
    %00 a%0d%0aHost:x %0A %c0%ae%c0%ae %C0%AF %C1%9C`.split(/\s+/);

  it.each([...printable, 'a\r\nb', 'a\0', '\t', '\u007f', '\u0085', '\ud800', 'a\udc00'])('{params.x} with %j', (x) => {
    for (const text of ['https://h/a/{params.x}/b', 'https://h/a/{+params.x}', 'https://h{/params.x}']) {
      expect(refusal(text, { params: { x } })).not.toContain('NOT REFUSED');
      expect(refusal(text, { params: { x } })).toContain('{params.x}');
    }
  });

  it.each(
    String.raw`?x a?x=1 #x a#x \ /\evil.example \\evil.example //evil.example /evil.example / // a\b a%5cb /a`.split(
      ' ',
    ),
  )('{+params.x} with %j', (x) => {
    expect(refusal('https://h/{+params.x}', { params: { x } })).toContain('{params.x}');
    expect(refusal('https://h/a/{+params.x}', { params: { x } })).toContain('{params.x}');
  });

  it('that two values make together', () => {
    const message = refusal('https://h/a/{params.x}{params.y}/b', { params: { x: '.', y: '.' } });
    expect(message).toBe('with the value of {params.x} and {params.y}, the path has a "." or ".." segment');
    expect(refusal('https://h/.{params.x}', { params: { x: '.' } })).toContain('"."');
    expect(refusal('https://h/{.params.x}', { params: { x: '.' } })).toContain('"."');
    expect(refusal('https://h/%2e{params.x}', { params: { x: '.' } })).toContain('"."');
    expect(refusal('https://h/{params.x:2}', { params: { x: '..a' } })).toContain('"."');
    expect(refusal('https://h{/params.x*}', { params: { x: ['a', '..', 'b'] } })).toContain('"."');
  });

  const hosts = String.raw`//evil.example /\evil.example \\evil.example @evil.example :80@evil.example .evil.example`;
  it.each(hosts.split(' '))('that looks like a host: %s', (x) => {
    for (const text of [
      'https://h.example/{params.x}',
      'https://h.example{/params.x}',
      'https://h.example/{+params.x}',
      'https://h.example/a{+params.x}',
      'https://h.example{?params.x}',
      'https://h.example/?{+params.x}',
    ]) {
      const message = refusal(text, { params: { x } });
      if (!message.startsWith('NOT REFUSED')) continue;
      const path = expand(text, { params: { x } });
      expect(new URL(`https://h.example${path}`).origin).toBe('https://h.example');
      expect(new URL(path, 'https://h.example').origin).toBe('https://h.example');
    }
  });

  it('refuses a # in the query, where it is not encoded', () => {
    expect(refusal('https://h/?a={+query.x}', { query: { x: 'b#c' } })).toBe('{query.x} has a #');
    expect(expand('https://h/?a=b{&query.x}', { query: { x: '#' } })).toBe('/?a=b&x=%23');
  });
});

describe('a value that is not text', () => {
  it.each<[string, unknown, string]>([
    ['https://h/{?query.x}', { a: 'secret' }, '{query.x} is an object'],
    ['https://h/{?query.x*}', { a: 'secret' }, '{query.x} is an object'],
    ['https://h/?x={query.x}', { a: 'secret' }, '{query.x} is an object'],
    ['https://h/{?query.x}', [['secret']], '{query.x} has a list or an object inside'],
    ['https://h/{?query.x*}', [{ a: 'secret' }], '{query.x} has a list or an object inside'],
    ['https://h/{query.x}', ['secret', 'b'], '{query.x} is not text'],
    ['https://h{/query.x*}', ['secret'], '{query.x} is not text'],
    ['https://h/{query.x}', { a: 'secret' }, '{query.x} is not text'],
  ])('%s with %j of the query', (text, x, message) => {
    expect(refusal(text, { query: { x } })).toContain(message);
    expect(refusal(text, { query: { x } })).not.toContain('secret');
  });

  it.each<[string, unknown, string]>([
    ['nested', { a: { b: 'secret' } }, 'has a list or an object inside'],
    ['a function', () => 'secret', 'is a function'],
    ['a symbol', Symbol('secret'), 'is a symbol'],
    ['a Date', new Date(0), 'is an object that is not a plain one'],
    ['NaN', Number.NaN, 'is a number that is not finite'],
    ['half a surrogate pair', 'secret\ud800', 'has half of a surrogate pair'],
  ])('%s of elsewhere', (_, x, message) => {
    expect(refusal('https://h/{locals.x}', { locals: { x } })).toBe(`{locals.x} ${message}`);
    expect(refusal('https://h/{?locals.x}', { locals: { x } })).toBe(`{locals.x} ${message}`);
  });

  it('a getter that throws', () => {
    const locals = {
      get x() {
        throw new Error('secret');
      },
    };
    expect(refusal('https://h/{locals.x}', { locals })).not.toContain('secret');
    expect(refusal('https://h/{?item}', { item: locals })).toContain('threw');
  });
});

describe('the cap of 64 KiB', () => {
  it('is on path and query together', () => {
    const x = 'x'.repeat(65_536 - 4);
    expect(expand('https://h/{?query.x}', { query: { x } })).toHaveLength(65_536);
    expect(refusal('https://h/{?query.x}', { query: { x: `${x}x` } })).toBe('the URL is longer than 65536 characters');
    expect(refusal('https://h/{params.x}{?query.x}', { params: { x }, query: { x } })).toContain('longer');
    expect(refusal('https://h/{?query.x}', { query: { x: '\u00e9'.repeat(20_000) } })).toContain('longer');
  });

  it('is told of the value that breaks it alone', () => {
    expect(refusal('https://h/{?query.x}', { query: { x: 'x'.repeat(70_000) } })).toBe(
      '{query.x} is longer than 65536',
    );
    expect(refusal('https://h/{?query.x}', { query: { x: Array(70_000).fill('') } })).toContain('{query.x}');
    expect(expand('https://h/{params.x:3}', { params: { x: 'x'.repeat(1_000_000) } })).toBe('/xxx');
  });
});

describe('any value', () => {
  // Strings of what attacks are made of, besides any others.
  const piece = fc.constantFrom(
    '.',
    '..',
    '/',
    '\\',
    '%2e',
    '%2f',
    '%5c',
    '%25',
    '?',
    '#',
    '@',
    ':80',
    ';',
    '//',
    '\r\n',
    '%00',
    '&',
    '=',
    'a',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
    fc.string().map((s) => `${s}\ud83d`),
  );

  function result(template: string, sources: Sources): string | null {
    try {
      return expand(template, sources);
    } catch (error) {
      expect(error).toBeInstanceOf(UpstreamError);
      expect(error).toMatchObject({ code: 'ERR_UPSTREAM_URL' });
      return null;
    }
  }

  it('stays in its path segment and its query parameter', () => {
    fc.assert(
      fc.property(text, text, (x, y) => {
        const path = result('https://h.example/a/{params.x}/b{?query.y}', { params: { x }, query: { y } });
        if (path === null) return;
        expect(path).toMatch(/^[!-~]+$/);
        const url = new URL(`https://h.example${path}`);
        expect(url.origin).toBe('https://h.example');
        expect(url.hash).toBe('');
        const segments = url.pathname.split('/').slice(1);
        expect(segments).toHaveLength(3);
        expect(segments[0]).toBe('a');
        expect(decodeURIComponent(segments[1] ?? '')).toBe(x);
        expect(segments[2]).toBe('b');
        expect([...url.searchParams]).toEqual([['y', y]]);
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused only for a reason', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (x) => {
        fc.pre(!/[.%\\/]/.test(x));
        expect(expand('https://h/a/{params.x}', { params: { x } })).toBe(
          `/a/${encodeURIComponent(x).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`,
        );
      }),
    );
  });

  it('cannot leave the path that {+x} begins in, nor the origin', () => {
    fc.assert(
      fc.property(text, text, (x, y) => {
        const path = result('https://h.example/a/{+params.x}/b?c={+query.y}', { params: { x }, query: { y } });
        if (path === null) return;
        expect(path).toMatch(/^[!-~]+$/);
        const url = new URL(path, 'https://h.example');
        expect(url.origin).toBe('https://h.example');
        expect(url.hash).toBe('');
        expect(url.pathname).toMatch(/^\/a\/[^/].*\/b$/);
        expect(url.pathname).toBe(path.slice(0, path.indexOf('?')));
      }),
      { numRuns: 2000 },
    );
  });
});
