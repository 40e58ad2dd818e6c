import fc from 'fast-check';
import { type GetRequest, parseCommand } from '../../src/cli/arguments.js';

function requestOf(...args: string[]): GetRequest {
  const command = parseCommand(args);
  if (command.kind !== 'get') throw new Error(`not a get: ${JSON.stringify(command)}`);
  return command.request;
}

function mistakeOf(...args: string[]): string {
  const command = parseCommand(args);
  if (command.kind !== 'mistake') throw new Error(`not a mistake: ${JSON.stringify(command)}`);
  return command.message;
}

test('what was not asked for stays out, so that the defaults of the library hold', () => {
  expect(requestOf('get', 'http://a/', 'http://b/')).toEqual({
    urls: ['http://a/', 'http://b/'],
    json: false,
    compare: false,
  });
});

test('options may stand anywhere, long or short', () => {
  const request = { urls: ['http://a/', '-'], timeout: 500, concurrency: 3, json: true, compare: true };
  expect(requestOf('get', 'http://a/', '--timeout', '500', '--concurrency=3', '--json', '-', '--compare')).toEqual(
    request,
  );
  expect(requestOf('--json', '--compare', '-c', '3', '-t500', 'get', 'http://a/', '-')).toEqual(request);
});

test.each([
  ['500', 500],
  ['500ms', 500],
  ['2s', 2000],
  ['1.5s', 1500],
  ['.5s', 500],
  ['1m', 60_000],
  ['0.2ms', 1],
  ['2147483647', 2_147_483_647],
])('--timeout %s is %i ms', (text, timeout) => {
  expect(requestOf('get', 'http://a/', '--timeout', text).timeout).toBe(timeout);
});

test.each(['', 's', '2 s', '2h', '1e3', '-5', '0x10', 'Infinity', '1.s', '2s '])(
  '--timeout=%j is no duration',
  (text) => {
    expect(mistakeOf('get', 'http://a/', `--timeout=${text}`)).toMatch(
      /^--timeout .*is not a duration: write 500, 500ms/,
    );
  },
);

test('a timeout that no timer can hold, or that leaves no time, is a mistake', () => {
  expect(mistakeOf('get', 'http://a/', '--timeout', '0s')).toBe(
    '--timeout 0s leaves no time at all: it must be more than 0',
  );
  expect(mistakeOf('get', 'http://a/', '--timeout', '40000m')).toMatch('too long');
});

test.each(['0', '-1', '1.5', 'ten', '', '9007199254740993'])('--concurrency=%j is a mistake', (text) => {
  expect(mistakeOf('get', 'http://a/', `--concurrency=${text}`)).toBe(
    `--concurrency ${text} is not a whole number above 0`,
  );
});

test('headers are collected, a name given twice as a list', () => {
  const headers = requestOf('get', 'http://a/', '-H', 'X-One: 1', '--header=accept:text/html ', '-Hx-one:2').headers;
  expect(headers).toEqual({ 'X-One': ['1', '2'], accept: 'text/html' });
  expect(requestOf('get', 'http://a/', '-H', 'x-empty:').headers).toEqual({ 'x-empty': '' });
  expect(Object.keys(requestOf('get', 'http://a/', '-H', '__proto__: 1').headers ?? {})).toEqual(['__proto__']);
});

test.each(['secret', ': secret', 'a b: secret', 'a: secret\r\nb: c', 'a: secret€', 'a: \0secret'])(
  'the header %j is a mistake, and its message does not repeat what may be a secret',
  (line) => {
    expect(mistakeOf('get', 'http://a/', '-H', line)).toBe("--header wants 'name: value'");
  },
);

test.each([
  [['get', 'http://a/', '--jsn'], 'unknown option --jsn: did you mean --json?'],
  [['get', 'http://a/', '--time-out', '2s'], 'unknown option --time-out: did you mean --timeout?'],
  [['get', 'http://a/', '--compair=1'], 'unknown option --compair: did you mean --compare?'],
  [['get', 'http://a/', '-j'], 'unknown option -j: did you mean --json?'],
  [['get', 'http://a/', '--frobnicate'], 'unknown option --frobnicate'],
  [['get', 'http://a/', '-x'], 'unknown option -x'],
  [['get', 'http://a/', '--json=1'], "option '--json' does not take an argument"],
  [['get', 'http://a/', '--timeout'], "option '-t, --timeout <value>' argument missing"],
  [[], 'the command is missing: express-mashup get URL…'],
  [['gte', 'http://a/'], 'unknown command gte: did you mean get?'],
  [['server'], 'unknown command server: did you mean serve?'],
  [['frobnicate'], 'unknown command frobnicate'],
  [['check', 'a', 'b'], 'check takes one file'],
  [['check', '--json'], 'check has no option --json'],
  [['init', '--views', 'x'], 'init has no option --views'],
  [['get', 'http://a/', '-p', '1'], 'get has no option --port'],
  [['serve', '--port', 'x'], '--port takes a port from 0 to 65535'],
  [['serve', '-p', '65536'], '--port takes a port from 0 to 65535'],
  [['http://a/', 'http://b/'], 'the command is missing: express-mashup get http://a/'],
  [['get'], 'get needs a URL, or - to read URLs from stdin'],
  [['get', '-', 'http://a/', '-'], '- may be given only once'],
])('%j is wrong usage, and says why', (args, message) => {
  expect(mistakeOf(...args)).toBe(message);
});

test.each([[['--help']], [['-h']], [['help']], [['get', '--help']], [['get', '--version', '-h']]])(
  '%j asks for help',
  (args) => {
    expect(parseCommand(args)).toEqual({ kind: 'help' });
  },
);

test.each([[['--version']], [['-V']], [['get', '--version']]])('%j asks for the version', (args) => {
  expect(parseCommand(args)).toEqual({ kind: 'version' });
});

test('after -- everything is a URL', () => {
  expect(requestOf('get', '--', '--json').urls).toEqual(['--json']);
});

test('whatever the arguments are, they are read without a throw', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('get', '-', '--', '-t', '-H', '--json', '--timeout=1s'),
  );
  fc.assert(
    fc.property(fc.array(word), (args) => {
      return ['get', 'help', 'version', 'mistake'].includes(parseCommand(args).kind);
    }),
  );
});
