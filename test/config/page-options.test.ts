import express, { type ErrorRequestHandler } from 'express';
import request from 'supertest';
import { createMashup, mashup, multiGet } from '../../src/index.js';
import { lines, problemsOf, problemsThrown } from './problems.js';

const upstreams = { user: 'https://users.example.com/' };
const timer = 'milliseconds, more than 0 and at most 2147483647';

describe('options of a page', () => {
  test.each<[option: string, value: unknown, expected: string, given: string]>([
    ['deadline', 0, timer, '0'],
    ['deadline', '2s', timer, "'2s'"],
    ['deadline', Number.POSITIVE_INFINITY, timer, 'Infinity'],
    ['deadline', null, timer, 'null'],
    ['concurrency', 0, 'a whole number, 1 or more', '0'],
    ['concurrency', 2.5, 'a whole number, 1 or more', '2.5'],
    ['concurrency', Number.POSITIVE_INFINITY, 'a whole number, 1 or more', 'Infinity'],
    ['into', true, 'a string', 'true'],
    ['serverTiming', 'on', 'true or false, or a function', "'on'"],
    ['onFailure', true, 'a function, or false', 'true'],
  ])('%s: %p', (option, value, expected, given) => {
    expect(lines(problemsOf(upstreams, { [option]: value }))).toEqual([
      `options.${option}: expected ${expected}, but was given ${given}`,
    ]);
  });

  test.each<[string, unknown, string]>([
    ['a number', 1500, '1500'],
    ['a list', [], 'a list'],
    ['a function', () => {}, 'a function'],
  ])('instead of an object, %s', (_, options, given) => {
    expect(lines(problemsOf(upstreams, options))).toEqual([`options: expected an object, but was given ${given}`]);
  });

  test('an option that is not known', () => {
    expect(lines(problemsOf(upstreams, { deadlin: 5, mode: 'fast' }))).toEqual([
      "options.deadlin: is not an option: did you mean 'deadline'?",
      expect.stringMatching(
        /^options\.mode: is not an option; known are deadline, concurrency, lateDeadline, into, deadlineFrom, serverTiming/,
      ),
    ]);
  });

  test('an option of an upstream in the wrong place', () => {
    expect(problemsOf(upstreams, { required: true })[0]?.path).toBe('options.required');
  });

  test('an option that is undefined counts as left out', () => {
    expect(problemsOf(upstreams, { deadline: undefined, into: undefined })).toEqual([]);
  });

  test.each(['settings', 'mashup', '__proto__', 'constructor'])('into: %s is reserved', (into) => {
    expect(problemsOf(upstreams, { into })).toEqual([
      { path: 'options.into', message: expect.stringContaining(`'${into}' is a reserved name in res.locals`) },
    ]);
  });

  test.each(['', '1st', 'a.b', 'a b'])('into: %p is no name', (into) => {
    expect(lines(problemsOf(upstreams, { into }))).toEqual([
      `options.into: '${into}' is not a name that a view could use: letters, digits, _ and -, not beginning with a digit`,
    ]);
  });
});

describe('settings of an instance', () => {
  const problemsIn = (settings: unknown) => lines(problemsThrown(() => createMashup(settings as object)));

  test.each([
    ['null', null, 'settings: expected an object, but was given null'],
    ['a list', [], 'settings: expected an object, but was given a list'],
    [
      'a dispatcher that is none',
      { dispatcher: {} },
      'settings.dispatcher: expected a dispatcher of undici, such as an Agent, but was given an object',
    ],
    ['a setting with a typo', { dispacher: {} }, "settings.dispacher: is not an option: did you mean 'dispatcher'?"],
    [
      'a setting of something else',
      { proxy: 'http://127.0.0.1:3128' },
      expect.stringMatching(/^settings\.proxy: is not an option; known are dispatcher, axios/),
    ],
    [
      'an axios that is no instance',
      { axios: { request() {} } },
      'settings.axios: expected an axios instance, made by axios.create(), but was given an object',
    ],
  ])('%s', (_, settings, line) => expect(problemsIn(settings)).toEqual([line]));

  test('all problems at once', () => {
    expect(problemsIn({ proxy: 1, dispatcher: null })).toHaveLength(2);
  });

  test('none', async () => {
    await createMashup({}).close();
    await createMashup().close();
  });
});

describe('arguments of multiGet', () => {
  const problemsIn = async (urls: unknown, options?: unknown) => {
    const error = await multiGet(urls as string[], options as object).catch((reason: unknown) => reason);
    return lines(
      problemsThrown(() => {
        throw error;
      }),
    );
  };

  test.each([
    ['no list', 5, {}, 'urls: expected a list or another iterable of URLs, but was given 5'],
    ['no object', [], 5, 'options: expected an object, but was given 5'],
    ['a timeout', [], { timeout: -1 }, `options.timeout: expected ${timer}, but was given -1`],
    ['an option of a page', [], { required: true }, 'options.required: is an option of a page, not of multiGet'],
    ['a typo', [], { concurency: 5 }, /^options\.concurency: is not an option/],
  ])('%s', async (_, urls, options, line) => {
    expect(await problemsIn(urls, options)).toEqual([typeof line === 'string' ? line : expect.stringMatching(line)]);
  });

  test('all problems at once', async () => {
    expect(await problemsIn([], { timeout: 0, concurrency: 0, method: '', after: [] })).toHaveLength(4);
  });
});

describe('what was mounted in the wrong way', () => {
  test('a promise as an upstream is called a promise', () => {
    expect(() => mashup({ user: Promise.resolve('http://127.0.0.1/') as never })).toThrow(
      'user: expected a URL or an object with a url, but was given a promise',
    );
  });

  test('mashup itself as a handler says how to mount it', async () => {
    const app = express().get('/', mashup as never, ((error, _req, res, _next) => {
      res.status(500).json(error.problems);
    }) satisfies ErrorRequestHandler);
    const { body } = await request(app).get('/');
    expect(body).toEqual([
      {
        path: '',
        message: 'mashup itself was mounted: mount what it returns, as in app.get(path, mashup({ … }), handler)',
      },
    ]);
  });

  test('a page that is called without next says what it is', () => {
    const page = mashup({ user: 'http://127.0.0.1/' }) as unknown as (req: object, res: object) => void;
    expect(() => page({}, { locals: {} })).toThrow(
      'a page is Express middleware: mount it on a route, or call page.run() where there is none',
    );
  });
});
