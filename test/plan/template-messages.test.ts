import fc from 'fast-check';
import { TemplateError } from '../../src/template/template.js';
import { compileUrl, maxLength, tooLong, UrlError } from '../../src/template/url-template.js';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TemplateError || error instanceof UrlError) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const configError = (text: string) => messageOf(() => compileUrl(text));

describe('the message of a wrong template', () => {
  const secret = 's3cr3t';

  it.each([
    [`http//user:${secret}@host`, 'http//…@host'],
    [`http//user:${secret}@host/a b`, 'http//…@host/a b'],
    [`https://user:${secret}@host/{params.id}`, 'https://…@host/{params.id}'],
    [`https:/user:${secret}@host/`, 'https:/…@host/'],
    [`https:user:${secret}@host/`, 'https:…@host/'],
    [`//user:${secret}@host/`, '//…@host/'],
    [`user:${secret}@host/`, '…@host/'],
    [`redis://user:${secret}@host/`, '…@host/'],
    [`https://user:${secret}/x@host/`, 'https://…@host/'],
    [`https://user:${secret}@a@host/`, 'https://…@host/'],
    [`https://user:a?${secret}@host/`, 'https://…'],
    [`https://user:a#${secret}@host/`, 'https://…'],
    [`https://user{params.x}:${secret}@host/`, 'https://…@host/'],
    [`https://host/a b?key=${secret}`, 'https://host/a b?key=…'],
    [`https://host/a b?key=${secret}&of={user.id}&${secret}`, 'https://host/a b?key=…&of={user.id}&…'],
    [`https://host/a b{?query.q}&key=${secret}`, 'https://host/a b{?query.q}&key=…'],
    [`https://host/?key={locals.k}${secret}==&b c`, 'https://host/?key={locals.k}…&…'],
    [`https://host/?key=a?b=${secret} `, 'https://host/?key=…'],
    [`https://host/?mail=${secret}@b c`, 'https://host/?mail=…'],
    [`https://host/@scope/a b`, 'https://host/@scope/a b'],
    [`https://host/#${secret}`, 'https://host/#…'],
    [`https://host/a#${secret}{params.id}?${secret}`, 'https://host/a#…'],
    [`{"user":"a","password":"${secret}"}`, '{…}'],
    ['https://host/{}/{params.a-b}', 'https://host/{}/{params.a-b}'],
  ])('names %j and hides its secrets', (text, template) => {
    expect(configError(text)).toContain(` in "${template}"`);
    expect(configError(text)).not.toContain(secret);
  });

  it('counts positions in what was written', () => {
    expect(configError('https://host/?key=s3cr3t&a b')).toBe(
      'a space at position 27 in "https://host/?key=…&…": remove it, or write %20',
    );
  });

  it.each([
    ['of a path', `https://host/${'x'.repeat(100_000)} `],
    ['of a name', `https://host/{${'x'.repeat(100_000)}`],
    ['of a name in the origin', `https://host{${'x'.repeat(100_000)}}`],
    ['of a name with a bad length', `https://host/{${'x'.repeat(100_000)}:0}`],
    ['of an expression', `https://host/?a{?${'x.'.repeat(50_000)}x}`],
    ['of a scheme', `${'x'.repeat(100_000)}://host/`],
    ['of a host', `https://${'x'.repeat(100_000)}:99999/`],
    ['of a parameter as Express writes it', `https://host/:${'x'.repeat(100_000)}`],
    ['of a variable that may be missing', `https://host/{params.${'x'.repeat(100_000)}?}`],
    ['of control characters', `https://host/${'\0\u202e\ud800'.repeat(10_000)}`],
  ])('is short, whatever the length %s', (_, text) => {
    expect(configError(text).length).toBeLessThan(600);
  });

  it('has no control character in it, and no half of a surrogate pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (x, y) => {
        for (const text of [`https://host/${x}{${y}`, `https://host${y}/{${x}\ud800}`, `${x}\r\n`]) {
          expect(configError(`${text} `)).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
        }
      }),
    );
  });
});

describe('a template that holds what a variable without a value becomes', () => {
  it.each([
    ['undefined/users', 'begins with "undefined"'],
    ['undefined', 'begins with "undefined"'],
    ['undefined:3000/users', 'begins with "undefined"'],
    ['undefined{/params.id}', 'begins with "undefined"'],
    ['null/users', 'begins with "null"'],
    ['NaN/users', 'begins with "NaN"'],
    ['[object Object]/users', 'begins with "[object Object]"'],
    ['[object Promise]/users', 'begins with "[object Promise]"'],
    ['http://undefined/users', 'has as its host or port "undefined"'],
    ['https://undefined:3000', 'has as its host or port "undefined"'],
    ['http://localhost:undefined/users', 'has as its host or port "undefined"'],
    ['http://localhost:NaN{/params.id}', 'has as its host or port "NaN"'],
    ['http://[object Object]/', 'has as its host or port "[object Object]"'],
  ])('%s says so', (text, message) => {
    expect(configError(text)).toBe(`${message} in "${text}": a variable that was not set when the page was made?`);
    expect(messageOf(() => compileUrl(text, { relative: true }))).toContain(message);
  });

  it.each(['undefined.example.com/a', 'nullable/a', 'null-island/a'])('%s does not', (text) => {
    expect(configError(text)).toContain('not an absolute URL');
  });

  it.each(['https://null.example.com/', 'https://undefined-behaviour.example.com/', 'https://h/undefined/null'])(
    '%s may be what is meant',
    (text) => {
      expect(compileUrl(text).path).not.toBeNull();
    },
  );
});

describe("a parameter in Express's own words", () => {
  it.each([
    ['https://h/users/:id', '":id" in the path at position 17', 'write {params.id}, or %3A if the ":" is meant'],
    ['https://h/:id{?query.x}', '":id" in the path at position 11', 'write {params.id},'],
    ['https://h/{params.x}/:orderId/y', '":orderId" in the path at position 22', 'write {params.orderId},'],
    ['https://h/files/*path', '"*path" in the path at position 17', 'write {/params.path*} for "/*path", or %2A if'],
  ])('is refused in %s, with what to write instead', (text, what, fix) => {
    expect(configError(text)).toContain(`${what} in "${text}": ${fix}`);
  });

  it.each([
    'https://h/users/%3Aid',
    'https://h/a:id',
    'https://h/v1/{params.x}:run',
    'https://h/?a=/:id',
    'https://h/:8',
  ])('is not what %s has', (text) => {
    expect(() => compileUrl(text)).not.toThrow();
  });

  it('may stand in a value', () => {
    expect(compileUrl('https://h/{+params.x}').expand(() => ({ x: ':id' }))).toBe('/:id');
  });
});

describe('the message of a value that cannot be sent', () => {
  const values: unknown[] = [
    's3cr3t/../x',
    `s3cr3t\ud800`,
    's3cr3t\r\n/..',
    ['s3cr3t', ['s3cr3t']],
    { s3cr3t: { s3cr3t: 's3cr3t' } },
    's3cr3t'.repeat(20_000),
    Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`s3cr3t${index}`, 's3cr3t'])),
    Symbol('s3cr3t'),
    null,
  ];

  it.each([
    '/{locals.x}',
    '/{+locals.x}',
    '{?locals.x}',
    '{?locals.x*}',
    '/{locals.x:9}',
    '?q={+locals.x}#'.slice(0, -1),
  ])('shows nothing of it and is short, with %s', (text) => {
    for (const x of values) {
      let message = '';
      try {
        compileUrl(`https://h${text}`).expand(() => ({ x }));
      } catch (error) {
        if (!(error instanceof UrlError)) throw error;
        ({ message } = error);
      }
      expect(message).not.toContain('s3cr3t');
      expect(message.length).toBeLessThanOrEqual(201);
    }
  });

  it('is short however many and long the names of its variables are', () => {
    const name = 'x'.repeat(300);
    const many = Array.from({ length: 100 }, (_, index) => `{params.${name}${index}}`).join('/');
    const params = (value: string) =>
      new Proxy({}, { getOwnPropertyDescriptor: () => ({ value, configurable: true }), get: () => value });
    for (const value of ['..', '', '\ud800']) {
      const message = messageOf(() => compileUrl(`https://h/${many}`).expand(() => params(value)));
      expect(message.length).toBeLessThanOrEqual(201);
    }
    expect(messageOf(() => compileUrl('https://h/{params.a}/{params.b}').expand(() => params('..')))).toBe(
      'with the value of {params.a} and {params.b}, the path has a "." or ".." segment',
    );
  });
});

describe('the length of a URL', () => {
  it('is bounded where it is literal, too', () => {
    expect(compileUrl(`https://h/${'x'.repeat(maxLength - 1)}`).path).toHaveLength(maxLength);
    expect(configError(`https://h/${'x'.repeat(maxLength)}`)).toContain(
      'the URL is longer than 65536 characters in "https://h/xxx',
    );
    expect(configError(`https://h/{params.id}?${'x'.repeat(maxLength)}`)).toContain(
      'the URL is longer than 65536 characters',
    );
  });

  it('is looked at again once params were added', () => {
    expect(tooLong('x'.repeat(maxLength))).toBeNull();
    expect(tooLong('x'.repeat(maxLength + 1))).toMatchObject({
      code: 'ERR_UPSTREAM_URL',
      message: 'the URL is longer than 65536 characters',
    });
  });

  it.each<[string, unknown]>([
    ['a list of long texts', Array(1000).fill('x'.repeat(1000))],
    [
      'an object of long texts',
      Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [index, 'x'.repeat(1000)])),
    ],
    ['an object of long names', { ['x'.repeat(70_000)]: 1 }],
    ['a list of many', Array(70_000).fill(1)],
  ])('is refused before time is spent on encoding %s', (_, x) => {
    for (const text of ['{?locals.x}', '{?locals.x*}', '{/locals.x*}', '{?locals.x?}']) {
      expect(messageOf(() => compileUrl(`https://h${text}`).expand(() => ({ x })))).toBe(
        '{locals.x} is longer than 65536',
      );
    }
  });
});
