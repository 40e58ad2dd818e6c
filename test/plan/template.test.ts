import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expandVariable, parseTemplate, TemplateError, type Variable } from '../../src/template/template.js';

type Expected = string | string[] | false;
type Suite = Record<string, { variables: Record<string, unknown>; testcases: [string, Expected][] }>;

/** A template as RFC 6570 expands it (section 3); a page expands path and query by rules of its own. */
function expand(template: string, variables: Record<string, unknown> = {}): string {
  const texts = parseTemplate(template).parts.map((part) => {
    if (typeof part === 'string') return part;
    const { operator } = part;
    const values = part.variables.map((one) => expandVariable(operator, one, variables[one.name]));
    const defined = values.filter((value) => value !== undefined);
    return defined.length === 0 ? '' : operator.first + defined.join(operator.separator);
  });
  return texts.join('');
}

function variable(template: string): Variable {
  const [part] = parseTemplate(template).parts;
  if (typeof part !== 'object' || part.variables[0] === undefined) throw new Error('no variable');
  return part.variables[0];
}

function errorOf(run: () => unknown): TemplateError {
  try {
    run();
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

// The variables of RFC 6570, section 3.2.
const rfc = {
  count: ['one', 'two', 'three'],
  dom: ['example', 'com'],
  dub: 'me/too',
  hello: 'Hello World!',
  half: '50%',
  var: 'value',
  who: 'fred',
  base: 'http://example.com/home/',
  path: '/foo/bar',
  list: ['red', 'green', 'blue'],
  keys: { semi: ';', dot: '.', comma: ',' },
  v: '6',
  x: '1024',
  y: '768',
  empty: '',
  empty_keys: {},
  undef: null,
};

describe('the examples of RFC 6570, section 3.2', () => {
  it.each([
    // 3.2.1
    ['{count}', 'one,two,three'],
    ['{count*}', 'one,two,three'],
    ['{/count}', '/one,two,three'],
    ['{/count*}', '/one/two/three'],
    ['{;count}', ';count=one,two,three'],
    ['{;count*}', ';count=one;count=two;count=three'],
    ['{?count}', '?count=one,two,three'],
    ['{?count*}', '?count=one&count=two&count=three'],
    ['{&count*}', '&count=one&count=two&count=three'],
    // 3.2.2
    ['{hello}', 'Hello%20World%21'],
    ['{half}', '50%25'],
    ['O{empty}X', 'OX'],
    ['O{undef}X', 'OX'],
    ['?{x,empty}', '?1024,'],
    ['?{x,undef}', '?1024'],
    ['?{undef,y}', '?768'],
    ['{var:3}', 'val'],
    ['{var:30}', 'value'],
    ['{keys}', 'semi,%3B,dot,.,comma,%2C'],
    ['{keys*}', 'semi=%3B,dot=.,comma=%2C'],
    // 3.2.3
    ['{+hello}', 'Hello%20World!'],
    ['{+half}', '50%25'],
    ['{base}index', 'http%3A%2F%2Fexample.com%2Fhome%2Findex'],
    ['{+base}index', 'http://example.com/home/index'],
    ['here?ref={+path}', 'here?ref=/foo/bar'],
    ['up{+path}{var}/here', 'up/foo/barvalue/here'],
    ['{+path,x}/here', '/foo/bar,1024/here'],
    ['{+path:6}/here', '/foo/b/here'],
    ['{+keys*}', 'semi=;,dot=.,comma=,'],
    // 3.2.4
    ['{#x,hello,y}', '#1024,Hello%20World!,768'],
    ['foo{#empty}', 'foo#'],
    ['foo{#undef}', 'foo'],
    ['{#keys}', '#semi,;,dot,.,comma,,'],
    // 3.2.5
    ['{.half,who}', '.50%25.fred'],
    ['www{.dom*}', 'www.example.com'],
    ['X{.empty}', 'X.'],
    ['X{.undef}', 'X'],
    ['X{.list*}', 'X.red.green.blue'],
    ['X{.empty_keys*}', 'X'],
    // 3.2.6
    ['{/who,dub}', '/fred/me%2Ftoo'],
    ['{/var,empty}', '/value/'],
    ['{/var,undef}', '/value'],
    ['{/var:1,var}', '/v/value'],
    ['{/list*,path:4}', '/red/green/blue/%2Ffoo'],
    ['{/keys*}', '/semi=%3B/dot=./comma=%2C'],
    // 3.2.7
    ['{;empty}', ';empty'],
    ['{;v,empty,who}', ';v=6;empty;who=fred'],
    ['{;v,bar,who}', ';v=6;who=fred'],
    ['{;hello:5}', ';hello=Hello'],
    ['{;keys*}', ';semi=%3B;dot=.;comma=%2C'],
    // 3.2.8
    ['{?x,y,empty}', '?x=1024&y=768&empty='],
    ['{?x,y,undef}', '?x=1024&y=768'],
    ['{?var:3}', '?var=val'],
    ['{?keys}', '?keys=semi,%3B,dot,.,comma,%2C'],
    // 3.2.9
    ['?fixed=yes{&x}', '?fixed=yes&x=1024'],
    ['{&x,y,empty}', '&x=1024&y=768&empty='],
    ['{&keys*}', '&semi=%3B&dot=.&comma=%2C'],
  ])('%s is %s', (template, expected) => {
    expect(expand(template, rfc)).toBe(expected);
  });
});

// Public examples that lie beside the checkout of whoever has them; they are not part of the project.
const suiteFolder = fileURLToPath(new URL('../../../shared/uritemplate-test', import.meta.url));
const suites = existsSync(suiteFolder) ? readdirSync(suiteFolder).filter((file) => file.endsWith('.json')) : [];
if (suites.length === 0) {
  console.warn(
    `SKIPPED: the official URI template suite is not at ${suiteFolder} (github.com/uri-templates/uritemplate-test)`,
  );
  it.skip('the official URI template suite (not found)', () => {});
}
for (const file of suites) {
  const suite = JSON.parse(readFileSync(join(suiteFolder, file), 'utf8')) as Suite;
  for (const [group, { variables, testcases }] of Object.entries(suite)) {
    describe(`the official suite: ${file}, ${group}`, () => {
      it.each(testcases)('%s', (template, expected) => {
        // In the suite's negative and extended files `false` stands for an error.
        if (expected === false) expect(() => expand(template, variables)).toThrow(TemplateError);
        else expect([expected].flat()).toContain(expand(template, variables));
      });
    });
  }
}

describe('an invalid template', () => {
  it.each([
    ['a{b', 'the "{" is never closed at position 2'],
    ['a{', 'the "{" is never closed at position 2'],
    ['ab}', 'a "}" without "{" at position 3'],
    ['{a}}', 'a "}" without "{" at position 4'],
    ['{a{b}}', 'unexpected "{" at position 3'],
    ['x{}', 'an expression without a variable at position 2'],
    ['{?}', 'a variable name is missing at position 3'],
    ['{+}', 'a variable name is missing at position 3'],
    ['{a,}', 'a variable name is missing at position 4'],
    ['{,a}', 'the operator ",", which'],
    ['{=a}', 'the operator "=", which RFC 6570 reserves for extensions, at position 2'],
    ['{!a}', 'the operator "!"'],
    ['{@a}', 'the operator "@"'],
    ['{|a}', 'the operator "|"'],
    ['{$a}', 'unexpected "$" at position 2'],
    ['{-a}', 'unexpected "-" at position 2'],
    ['{a b}', 'unexpected " " at position 3'],
    ['{ a}', 'unexpected " " at position 2'],
    ['{a-b}', 'unexpected "-"'],
    ['{a..b}', 'unexpected "."'],
    ['{a.}', 'unexpected "."'],
    ['{..a}', 'unexpected "."'],
    ['{é}', 'unexpected "é"'],
    ['{%4}', 'unexpected "%"'],
    ['{%zz}', 'unexpected "%"'],
    ['{??a}', 'unexpected "?" at position 3'],
    ['{a:0}', 'a bad length of {a} at position 3: after ":" comes 1 to 9999'],
    ['{a:10000}', 'a bad length'],
    ['{a:01}', 'a bad length'],
    ['{a:}', 'a bad length'],
    ['{a:-1}', 'a bad length'],
    ['{a:x}', 'a bad length'],
    ['{a:3:4}', 'a bad length'],
    ['{a:3*}', 'both ":" and "*"'],
    ['{a*:3}', 'both ":" and "*"'],
    ['{a**}', 'unexpected text after "*"'],
    ['{a??}', 'unexpected text after "?" at position 4: one "?" at the end of a variable says that it may be missing'],
    ['{?a?b}', 'unexpected text after "?" at position 5'],
    ['{a?*}', 'unexpected text after "?" at position 4'],
    ['{a?:3}', 'unexpected text after "?" at position 4'],
    ['{a*??}', 'unexpected text after "?" at position 5'],
    ['{a:?}', 'a bad length of {a} at position 3'],
    ['{?a.?}', 'unexpected "."'],
    ['{?,?}', 'a variable name is missing at position 3'],
    ['{?a,?}', 'unexpected "?" at position 5'],
    ['{a\u0007}', 'unexpected "\\x07" at position 3'],
    ['{a\u{1f600}}', 'unexpected "\u{1f600}" at position 3'],
    ['{a\ud800}', 'unexpected "\\u{d800}" at position 3'],
    ['{a*b}', 'unexpected text after "*"'],
    ['a b', 'a space at position 2: remove it, or write %20'],
    ['a\\b', 'the character "\\\\" is not allowed at position 2: write %5C'],
    ['a"b', 'write %22'],
    ['a<b>', 'write %3C'],
    ['a^b', 'write %5E'],
    ['a`b', 'write %60'],
    ['a|b', 'write %7C'],
    ['50%', 'a "%" without two hex digits at position 3: write %25'],
    ['%4', 'a "%" without two hex digits at position 1'],
    ['{a}%zz', 'a "%" without two hex digits at position 4'],
    ['a\nb', 'the character U+000A is not allowed at position 2'],
    ['a\0', 'U+0000'],
    ['a\u007f', 'U+007F'],
    ['a\u0085', 'U+0085'],
    ['a\ud800', 'U+D800'],
    ['a\ufdd0', 'U+FDD0'],
    ['a\ufffd', 'U+FFFD'],
    ['a\u{1ffff}', 'U+1FFFF'],
    ['a\u{e0001}', 'U+E0001'],
  ])('%j is refused', (template, message) => {
    expect(errorOf(() => parseTemplate(template)).message).toContain(message);
  });
});

describe('a valid template', () => {
  it('keeps its literals, and encodes those that are not ASCII', () => {
    expect(expand("!#$&'()*+,-./:;=?@[]_~%2f")).toBe("!#$&'()*+,-./:;=?@[]_~%2f");
    expect(expand('/caf\u00e9/\u{1f600}/\ue000')).toBe('/caf%C3%A9/%F0%9F%98%80/%EE%80%80');
    expect(expand('')).toBe('');
  });

  it('says of each variable where it is and how it is printed', () => {
    expect(variable('{a.b_2.c}')).toEqual({
      path: ['a', 'b_2', 'c'],
      name: 'a.b_2.c',
      key: 'c',
      explode: false,
      prefix: null,
      optional: false,
    });
    expect(variable('{?a*}')).toMatchObject({ name: 'a', key: 'a', explode: true });
    expect(variable('{+a:9999}')).toMatchObject({ prefix: 9999 });
    expect(variable('{a?}')).toMatchObject({ name: 'a', key: 'a', optional: true });
    expect(variable('{?a.b*?}')).toMatchObject({ name: 'a.b', explode: true, prefix: null, optional: true });
    expect(variable('{a:3?,b}')).toMatchObject({ explode: false, prefix: 3, optional: true });
    expect(variable('{%41%2E}')).toMatchObject({ path: ['%41%2E'] });
    expect(parseTemplate('ab{/c,d}').parts[1]).toMatchObject({
      text: '{/c,d}',
      position: 2,
      operator: { symbol: '/' },
    });
  });

  it('prints the last segment of a dotted name', () => {
    expect(expand('{?query.city,a.b.c}', { 'query.city': 'Oslo', 'a.b.c': '' })).toBe('?city=Oslo&c=');
    expect(expand('{;a.b*}', { 'a.b': [1, 2] })).toBe(';b=1;b=2');
  });
});

describe('values', () => {
  it('expands numbers, booleans and bigints as text', () => {
    expect(expand('{a,b,c,d,e}', { a: 0, b: -1.5, c: true, d: false, e: 12345678901234567890n })).toBe(
      '0,-1.5,true,false,12345678901234567890',
    );
    expect(expand('{a:2}', { a: 1024 })).toBe('10');
    expect(expand('{a*}', { a: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 64n, 0.1] })).toBe(
      '9007199254740991,-9007199254740991,18446744073709551616,0.1',
    );
  });

  it('encodes everything that is not unreserved', () => {
    expect(expand('{a}', { a: "-._~!*'();:@&=+$,/?#[]%\u00e9\r\n" })).toBe(
      '-._~%21%2A%27%28%29%3B%3A%40%26%3D%2B%24%2C%2F%3F%23%5B%5D%25%C3%A9%0D%0A',
    );
  });

  it('keeps reserved characters and triplets with + and #', () => {
    expect(expand('{+a}', { a: "-._~!*'();:@&=+$,/?#[]" })).toBe("-._~!*'();:@&=+$,/?#[]");
    expect(expand('{+a}', { a: '%2f%zz%%41%' })).toBe('%2f%25zz%25%41%25');
    expect(expand('{+a}', { a: '%5B%5[\\\r\n \u00e9"<>^`{|}' })).toBe(
      '%5B%255[%5C%0D%0A%20%C3%A9%22%3C%3E%5E%60%7B%7C%7D',
    );
    expect(expand('{+a}', { a: '%25%2541' })).toBe('%25%2541');
  });

  it('leaves out undefined and null, of lists and objects too', () => {
    expect(expand('{?a,b,c,d*,e*}', { b: null, c: [], d: [null, 1, undefined], e: { x: null, y: 2 } })).toBe(
      '?d=1&y=2',
    );
    expect(expand('{?a*}x', { a: { b: undefined } })).toBe('x');
    expect(expand('{/a*}x', { a: [null] })).toBe('x');
  });

  it('prints empty members as the operator says', () => {
    const a = ['', 'x'];
    const o = { k: '', '': 'v' };
    expect(expand('{?a*}{&a}{;a*}{/a*}{a}', { a })).toBe('?a=&a=x&a=,x;a;a=x//x,x');
    expect(expand('{?o*}{;o*}{o}{o*}', { o })).toBe('?k=&=v;k;=vk,,,vk=,=v');
  });

  it('counts a prefix in characters and cuts none in half', () => {
    expect(expand('{a:1}', { a: '\u{1f600}\u{1f601}' })).toBe('%F0%9F%98%80');
    expect(expand('{a:2}', { a: 'a\u{1f600}b' })).toBe('a%F0%9F%98%80');
    expect(expand('{a:3}', { a: 'e\u0301x\u00fc' })).toBe('e%CC%81x');
    expect(expand('{a:2}', { a: 'a%20b' })).toBe('a%25');
    expect(expand('{+a:2}', { a: 'a%20b' })).toBe('a%20');
    expect(expand('{+a:2}', { a: 'a%C3%A9b' })).toBe('a%C3%A9');
    expect(expand('{+a:2}', { a: 'a%zz' })).toBe('a%25');
    expect(expand('{a:1}', { a: 'x\ud800' })).toBe('x');
  });

  it('keeps `__proto__` and the like ordinary keys of an object', () => {
    expect(expand('{?a*}', { a: JSON.parse('{"__proto__":"1","constructor":"2"}') })).toBe(
      '?__proto__=1&constructor=2',
    );
    expect(expand('{?a*}', { a: Object.assign(Object.create(null), { b: 1 }) })).toBe('?b=1');
  });

  it.each([
    ['a list in a list', '{a}', [['secret']], '{a} has a list or an object inside'],
    ['an object in an object', '{?a*}', { b: { c: 'secret' } }, '{a} has a list or an object inside'],
    ['a function', '{a}', () => 'secret', '{a} is a function'],
    ['a symbol', '{a}', Symbol('secret'), '{a} is a symbol'],
    ['2^53', '{a}', 2 ** 53, '{a} is an integer beyond 2^53, which is no longer the one that was sent'],
    ['-2^53', '{a}', -(2 ** 53), '{a} is an integer beyond 2^53, which is no longer the one that was sent'],
    [
      'an id of 19 digits of JSON, in a list',
      '{a*}',
      JSON.parse('[1, 9007199254740993123]'),
      '{a} is an integer beyond 2^53, which is no longer the one that was sent',
    ],
    [
      '1e21 in an object',
      '{?a*}',
      { b: 1e21 },
      '{a} is an integer beyond 2^53, which is no longer the one that was sent',
    ],
    ['NaN', '{a}', Number.NaN, '{a} is a number that is not finite'],
    ['Infinity in a list', '{a}', [Number.POSITIVE_INFINITY], '{a} is a number that is not finite'],
    ['a Date', '{a}', new Date(0), '{a} is an object that is not a plain one'],
    ['a Map', '{a}', new Map([['secret', 1]]), '{a} is an object that is not a plain one'],
    ['a class instance', '{a}', new (class Secret {})(), '{a} is an object that is not a plain one'],
    ['a list with a length', '{a:3}', ['secret'], '{a:3} is not text, and a length applies to text only'],
    ['an object with a length', '{?a:3}', { b: 'secret' }, '{a:3} is not text, and a length applies to text only'],
    ['half a surrogate pair', '{a}', 'secret\ud800', '{a} has half of a surrogate pair'],
    ['half a surrogate pair, reserved', '{+a}', ['\udc00'], '{a} has half of a surrogate pair'],
    ['half a surrogate pair as a key', '{?a*}', { '\udc00': 1 }, '{a} has half of a surrogate pair'],
  ])('refuses %s without showing it', (_, template, a, message) => {
    expect(errorOf(() => expand(template, { a })).message).toBe(message);
  });
});
