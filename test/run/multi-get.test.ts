import { defaultInstance, multiGet } from '../../src/default.js';
import { isConfigError } from '../../src/errors.js';
import type { MultiGetOptions } from '../../src/types.js';
import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';

const { clock: systemClock } = defaultInstance;
let clock: ManualClock;
let backend: Backend;

beforeEach(async () => {
  clock = new ManualClock();
  defaultInstance.clock = clock;
  backend = await startBackend();
  closeLater(() => defaultInstance.connections.close());
});
afterEach(async () => {
  defaultInstance.clock = systemClock;
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const urls = (...paths: string[]) => paths.map(url);

test('gives url, data and outcome for each, in the order asked', async () => {
  const result = multiGet(urls('/a', '/b', '/c'));
  for (const path of ['/c', '/a', '/b']) (await backend.asked(path)).reply(path);
  expect(await result).toEqual([
    [url('/a'), '/a', expect.objectContaining({ status: 'success', data: '/a' })],
    [url('/b'), '/b', expect.objectContaining({ status: 'success', data: '/b' })],
    [url('/c'), '/c', expect.objectContaining({ status: 'success', data: '/c' })],
  ]);
});

test('gives an empty list for an empty list', async () => {
  expect(await multiGet([])).toEqual([]);
});

test('a URL may stand in it twice', async () => {
  backend.answer('/a', 1);
  backend.answer('/b', 2);
  const result = await multiGet(urls('/a', '/b', '/a'));
  expect(result.map(([asked, data]) => [asked, data])).toEqual([
    [url('/a'), 1],
    [url('/b'), 2],
    [url('/a'), 1],
  ]);
});

test.each<[string, () => Iterable<string | URL>]>([
  ['a Set', () => new Set(urls('/a', '/b'))],
  [
    'a generator',
    function* () {
      yield* urls('/a', '/b');
    },
  ],
  ['the keys of a Map', () => new Map(urls('/a', '/b').map((key) => [key, 1])).keys()],
  ['URLs that are objects', () => urls('/a', '/b').map((text) => new URL(text))],
])('takes %s', async (_what, make) => {
  backend.answer('/a', 1);
  backend.answer('/b', 2);
  expect((await multiGet(make())).map(([asked, data]) => [asked, data])).toEqual([
    [url('/a'), 1],
    [url('/b'), 2],
  ]);
});

test('a URL is taken as it is: braces are no template', async () => {
  backend.answer('/%7Ba%7D?b=c', 1);
  expect((await multiGet(urls('/{a}?b=c')))[0]?.[1]).toBe(1);
});

test.each([
  ['no URL', 'not a url', 'ERR_UPSTREAM_URL'],
  ['nothing', '', 'ERR_UPSTREAM_URL'],
  ['a relative URL', '/a', 'ERR_UPSTREAM_URL'],
  ['a URL of a file', 'file:///etc/passwd', 'ERR_UPSTREAM_URL'],
  ['a URL with credentials', 'http://me:hush@127.0.0.1/', 'ERR_UPSTREAM_URL'],
])('%s is a tuple with its error, and the others arrive', async (_what, wrong, code) => {
  backend.answer('/a', 1);
  const [first, second] = await multiGet([wrong, url('/a')]);
  expect(first).toEqual([wrong, null, expect.objectContaining({ status: 'error', attempts: 0 })]);
  expect(first?.[2].error?.code).toBe(code);
  expect(second?.[1]).toBe(1);
});

test.each([
  'http://me:hush@127.0.0.1/',
  ' http://me:hush@127.0.0.1/',
  'http:me:hush@127.0.0.1/',
  'http:/me:hush@127.0.0.1/',
  'http:\\\\me:hush@127.0.0.1/',
  'ht\ntp://me:hush@127.0.0.1/',
  'me:hush@127.0.0.1',
  'http://127.0.0.1:99999/?key=hush',
  'http://127.0.0.1/#hush',
])('the outcome of %j shows neither credentials nor the values of a query', async (wrong) => {
  const outcome = (await multiGet([wrong], { origins: [] }))[0]?.[2];
  expect(`${JSON.stringify(outcome)} ${outcome?.error}`).not.toContain('hush');
});

test('one that fails has null and its error', async () => {
  backend.answer('/bad', 'no', { status: 500 });
  const broken = await startRawBackend((socket) => socket.destroy());
  const result = await multiGet([url('/bad'), broken]);
  expect(result).toMatchObject([
    [url('/bad'), null, { status: 'error', error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 500 } }],
    [broken, null, { status: 'error', error: { code: 'ERR_UPSTREAM_NETWORK' } }],
  ]);
});

describe('timeout', () => {
  test('is one over all: what is late has null and ERR_UPSTREAM_DEADLINE', async () => {
    const validateStatus = () => {
      clock.advance(499);
      return true;
    };
    const result = multiGet(urls('/a', '/b', '/c'), { timeout: 500, concurrency: 2, validateStatus });
    const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    a.reply(1);
    await backend.asked('/c');
    clock.advance(1);
    expect(await result).toMatchObject([
      [url('/a'), 1, { status: 'success' }],
      [url('/b'), null, { status: 'error', error: { code: 'ERR_UPSTREAM_DEADLINE' } }],
      [url('/c'), null, { status: 'error', error: { code: 'ERR_UPSTREAM_DEADLINE' } }],
    ]);
    await b.closed;
    expect(clock.pending).toBe(0);
  });

  test('is two seconds where nothing is said', async () => {
    let done = false;
    const result = multiGet(urls('/a')).finally(() => {
      done = true;
    });
    await backend.asked('/a');
    clock.advance(1999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    clock.advance(1);
    expect((await result)[0]?.[2].error?.code).toBe('ERR_UPSTREAM_DEADLINE');
  });

  test('leaves no timer where all arrive before it', async () => {
    backend.answer('/a', 1);
    await multiGet(urls('/a'));
    expect(clock.pending).toBe(0);
  });
});

test.each([
  [{ concurrency: 3 }, 3],
  [{}, 10],
])('with %o, %i are in flight at once', async (options, most) => {
  const paths = Array.from({ length: 12 }, (_, at) => `/${at}`);
  const result = multiGet(urls(...paths), options);
  const asked = await Promise.all(paths.slice(0, most).map((path) => backend.asked(path)));
  for (const [at, path] of paths.entries()) {
    expect(backend.inFlight).toBe(Math.min(most, paths.length - at));
    asked[at]?.reply(path);
    const next = paths[at + most];
    if (next !== undefined) asked.push(await backend.asked(next));
  }
  expect((await result).map(([, data]) => data)).toEqual(paths);
  expect(backend.most).toBe(most);
});

test('options of an upstream are for every URL', async () => {
  const result = multiGet(urls('/a', '/b'), {
    method: 'post',
    headers: { 'x-key': 'k' },
    params: { p: 1 },
    data: { d: 2 },
    validateStatus: (status) => status === 404,
    transformResponse: (text: string) => text.toUpperCase(),
  });
  for (const path of ['/a?p=1', '/b?p=1']) {
    const asked = await backend.asked(path);
    expect(asked).toMatchObject({ method: 'POST', headers: { 'x-key': 'k', 'content-type': 'application/json' } });
    expect(await asked.body()).toBe('{"d":2}');
    asked.reply(path, { status: 404 });
  }
  expect((await result).map(([, data]) => data)).toEqual(['"/A?P=1"', '"/B?P=1"']);
});

test('a fallback is the data of each that failed', async () => {
  backend.answer('/a', 1);
  backend.answer('/bad', 'no', { status: 500 });
  const result = await multiGet([...urls('/a', '/bad'), 'no url'], { fallback: 'instead' });
  expect(result.map(([, data]) => data)).toEqual([1, 'instead', 'instead']);
});

test.each<[string, unknown, unknown, string]>([
  ['nothing', undefined, {}, 'urls'],
  ['null', null, {}, 'urls'],
  ['one URL', 'http://127.0.0.1/', {}, 'urls'],
  ['an object', { a: 'http://127.0.0.1/' }, {}, 'urls'],
  ['options that are none', [], 500, 'options'],
  ['options that are null', [], null, 'options'],
  ['a timeout that is none', [], { timeout: -1 }, 'options.timeout'],
  ['a concurrency that is none', [], { concurrency: 0 }, 'options.concurrency'],
  ['an option of a page', [], { required: true }, 'options.required'],
  ['an option that does not exist', [], { timout: 1 }, 'options.timout'],
])('%s rejects with a ConfigError that says where', async (_what, list, options, path) => {
  const error = await multiGet(list as string[], options as MultiGetOptions).catch((cause: unknown) => cause);
  expect(isConfigError(error)).toBe(true);
  expect(error).toMatchObject({ problems: [{ path }] });
});

test.each<[string, () => Iterable<string>]>([
  [
    'that throws',
    function* () {
      yield url('/a');
      throw new Error('no more');
    },
  ],
  ['whose member has no text', () => [Object.create(null)]],
])('an iterable %s is a config error, and nothing is sent', async (_how, make) => {
  const error = await multiGet(make()).catch((cause: unknown) => cause);
  expect(isConfigError(error)).toBe(true);
  expect((error as Error).message).toContain('urls: reading the list threw');
  expect(backend.seen).toEqual([]);
});
