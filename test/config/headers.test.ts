import { lines, problemsWith } from './problems.js';

const connection = 'belongs to the connection, not to the request, and cannot be set';
const hopByHop = [
  'Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
];
const framing = ['Content-Length', 'Expect', 'HTTP2-Settings'];

describe('names of headers', () => {
  test.each(['', 'a b', 'a:b', 'a\r\nb', 'naïve', 'a\0', '(a)', 'a,b'])('%p is not valid', (name) => {
    expect(problemsWith({ headers: { [name]: 'x' } })).toEqual([
      { path: `user.headers.${name}`, message: 'is not a valid header name' },
    ]);
  });

  test.each([...hopByHop, ...framing])('%s is not to be set', (name) => {
    expect(lines(problemsWith({ headers: { [name]: 'x' } }))).toEqual([`user.headers.${name}: ${connection}`]);
    expect(lines(problemsWith({ headers: { [name.toLowerCase()]: null } }))).toHaveLength(1);
  });
});

describe('values of headers', () => {
  const message = 'has a value that cannot be sent in a header';

  test.each<[string, unknown]>([
    ['a line break', 'secret\r\nX-Evil: 1'],
    ['a line feed', 'secret\n'],
    ['a NUL', 'secret\0'],
    ['more than Latin-1', 'secret …'],
    ['an object', { secret: 1 }],
    ['a function', () => 'secret'],
    ['a symbol', Symbol('secret')],
    ['a bigint', 5n],
    ['a list with null', ['secret', null]],
    ['a list in a list', [['secret']]],
    ['a list with a line break', ['a', 'secret\n']],
  ])('%s cannot be sent; the value is not shown', (_, value) => {
    expect(problemsWith({ headers: { 'X-Key': value } })).toEqual([{ path: 'user.headers.X-Key', message }]);
  });

  test.each<[string, unknown]>([
    ['text', 'x'],
    ['Latin-1', 'naïve'],
    ['nothing', ''],
    ['a number', 5],
    ['true', true],
    ['null', null],
    ['undefined', undefined],
    ['a list', ['a', 'b']],
    ['an empty list', []],
  ])('%s can be sent', (_, value) => expect(problemsWith({ headers: { 'X-Key': value } })).toEqual([]));

  test('each wrong header is a problem', () => {
    const headers = { 'a b': 'x', 'x-a': '\n', 'x-b': 'fine', Upgrade: 'h2c' };
    expect(problemsWith({ headers }).map(({ path }) => path)).toEqual([
      'user.headers.a b',
      'user.headers.x-a',
      'user.headers.Upgrade',
    ]);
  });
});

describe('forward', () => {
  test.each([...hopByHop, ...framing])('%s is never passed on', (name) => {
    expect(lines(problemsWith({ forward: [name] }))).toEqual([`user.forward: '${name}' ${connection}`]);
    expect(problemsWith({ forward: [name.toLowerCase()] })).toHaveLength(1);
  });

  test('accept-encoding is ours', () => {
    expect(lines(problemsWith({ forward: ['Accept-Encoding'] }))).toEqual([
      "user.forward: 'Accept-Encoding' is set to the encodings that can be decoded here, so it cannot be forwarded",
    ]);
  });

  test('not a header name', () => {
    expect(lines(problemsWith({ forward: ['x y', ''] }))).toEqual([
      "user.forward: 'x y' is not a valid header name",
      "user.forward: '' is not a valid header name",
    ]);
  });

  test('what may be named', () => {
    const forward = ['Cookie', 'authorization', 'Accept-Language', 'X-Forwarded-For', 'traceparent'];
    expect(problemsWith({ forward })).toEqual([]);
  });
});
