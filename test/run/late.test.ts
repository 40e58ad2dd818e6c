import type { StandardSchema } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Deferred, deferred, settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

// Callbacks that end after the page has: nobody looks at what they give, and nothing that they throw is left without a handler,
// which would end the process.

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const schemaOf = (validate: (data: unknown) => unknown): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as never },
});

/** Waits until a callback was called, lets the deadline pass, and only then lets the callback go on. */
async function late(upstream: object, called: Promise<unknown>, goOn: () => void) {
  const visit = site.visit({ a: { url: url('/a'), ...upstream } as never }, { deadline: 100 });
  await called;
  site.clock.advance(100);
  const { locals } = await visit;
  const before = JSON.stringify(locals);
  goOn();
  for (let turns = 0; turns < 5; turns++) await settled();
  expect(JSON.stringify(locals)).toBe(before);
  return locals.mashup['a'];
}

describe('after the deadline', () => {
  let called: Deferred<void>;
  let gate: Deferred<unknown>;

  beforeEach(() => {
    called = deferred();
    gate = deferred<unknown>();
    backend.answer('/a', { a: 1 });
  });

  const waits = () => {
    called.resolve();
    return gate.promise;
  };

  test.each<[string, () => object]>([
    ['when', () => ({ when: waits })],
    ['url', () => ({ url: waits, origins: [backend.origin] })],
    ['headers', () => ({ headers: waits })],
    ['params', () => ({ params: waits })],
    ['data', () => ({ data: waits, method: 'POST' })],
    ['each', () => ({ each: waits })],
    ['a transformer', () => ({ transformResponse: waits })],
    ['a schema', () => ({ schema: schemaOf(waits) })],
    ['a schema whose transform gives a promise', () => ({ schema: schemaOf(() => ({ value: waits() })) })],
    ['a fallback', () => ({ url: `${backend.origin}/{query.none}`, fallback: waits })],
  ])('%s may reject', async (_what, upstream) => {
    const outcome = await late(upstream(), called.promise, () => gate.reject(new Error('late')));
    expect(outcome).toMatchObject({ status: 'error' });
  });

  test.each(['headers', 'params', 'data'])('%s is not called any more', async (option) => {
    const calls: string[] = [];
    const upstream = {
      url: () => waits(),
      origins: [backend.origin],
      method: 'POST',
      [option]: () => calls.push(option),
    };
    await late(upstream, called.promise, () => gate.resolve(url('/a')));
    expect(calls).toEqual([]);
    expect(backend.seen).toEqual([]);
  });
});

test('a schema’s synchronous transform that gives a promise is waited for', async () => {
  backend.answer('/a', 1);
  const { locals } = await site.visit({
    a: { url: url('/a'), schema: schemaOf(() => ({ value: Promise.resolve(2) })) },
  });
  expect(locals['a']).toBe(2);
});

type Then = (resolve: (value: unknown) => void, reject: (cause: unknown) => void) => unknown;

const thenable = (then: Then): object => Object.fromEntries([['then', then]]);

describe('what a callback gives may be a thenable that keeps no rules', () => {
  const odd: [string, Then][] = [
    ['returns nothing', (resolve) => void resolve('data')],
    ['settles twice', (resolve, reject) => [resolve('data'), resolve('again'), reject(new Error('and again'))]],
    ['resolves to a thenable', (resolve) => resolve(thenable((inner) => inner('data')))],
    [
      'throws when it has resolved',
      (resolve) => {
        resolve('data');
        throw new Error('too late');
      },
    ],
  ];

  test.each(odd)('a fallback that %s', async (_how, then) => {
    const { locals } = await site.visit({ a: { url: url('/{query.none}'), fallback: () => thenable(then) } });
    expect(locals).toMatchObject({ a: 'data', mashup: { a: { status: 'fallback' } } });
  });

  test.each(odd)('a transformer that %s', async (_how, then) => {
    backend.answer('/a', 1);
    const transformResponse = [() => thenable(then), (data: unknown) => `${data}!`];
    expect((await site.visit({ a: { url: url('/a'), transformResponse } })).locals['a']).toBe('data!');
  });

  test.each(odd)('a schema that %s', async (_how, then) => {
    backend.answer('/a', 1);
    const wrapped = (resolve: (value: unknown) => void, reject: (cause: unknown) => void) =>
      then((value) => resolve({ value }), reject);
    const { locals } = await site.visit({ a: { url: url('/a'), schema: schemaOf(() => thenable(wrapped)) } });
    expect(locals['a']).toBe('data');
  });
});

test('what was thrown may have getters that throw', async () => {
  const thrown = Object.defineProperties(new Error('hidden'), {
    message: {
      get: () => {
        throw new Error('from a getter');
      },
    },
    name: {
      get: () => {
        throw new Error('from a getter');
      },
    },
  });
  const { locals } = await site.visit({ a: { url: url('/a'), when: () => Promise.reject(thrown) } });
  expect(locals.mashup['a']?.error).toMatchObject({
    code: 'ERR_UPSTREAM_HOOK',
    message: "upstream 'a': its when function threw something that cannot be read",
  });
});

describe('data whose decoding took the time that was left', () => {
  test('is late by the deadline', async () => {
    backend.answer('/a', 1);
    const upstream = { url: url('/a'), transformResponse: () => site.clock.block(250) };
    const { locals } = await site.visit({ a: upstream }, { deadline: 200 });
    expect(locals).toMatchObject({ a: null, mashup: { a: { error: { code: 'ERR_UPSTREAM_DEADLINE' } } } });
  });

  test('is late by its timeout', async () => {
    backend.answer('/a', 1);
    const upstream = { url: url('/a'), timeout: 50, transformResponse: () => site.clock.block(60) };
    const { locals } = await site.visit({ a: upstream }, { deadline: 200 });
    expect(locals.mashup['a']?.error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
  });
});

test('a message is of a bounded length and on one line, whatever it speaks of', async () => {
  const long = 'x'.repeat(50_000);
  const { locals } = await site.visit(
    {
      url: { url: url(`/{query.q}`), when: () => true },
      hook: {
        url: url('/a'),
        when: () => {
          throw new Error(`a\r\n\u001b[31m${long}`);
        },
      },
      asked: { url: url(`/p?q=${long}`) },
    },
    { deadline: 100 },
    `1?q=${encodeURIComponent('a/../b\r\n')}`,
  );
  for (const { error } of Object.values(locals.mashup)) {
    if (error === null) continue;
    expect(error.message.length).toBeLessThan(700);
    expect(error.message).not.toMatch(/\p{Cc}/u);
  }
  expect(locals.mashup['hook']?.error?.message).toContain('threw Error: a\\x0d\\x0a\\x1b[31mxxx');
});
