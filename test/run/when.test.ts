import type { Context } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/a', 'a');
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

/** The outcome of a call with this `when`. */
async function outcomeWith(when: (context: Context) => unknown, ask?: string) {
  return (await site.visit({ a: { url: url('/a'), when } }, {}, ask)).locals.mashup['a'];
}

test.each([
  ['false', () => false],
  ['a promise of false', async () => false],
  ['null', () => null],
  ['nothing', () => {}],
  ['0', () => 0],
])('%s skips the call', async (_what, when) => {
  expect(await outcomeWith(when)).toMatchObject({
    name: 'a',
    status: 'skipped',
    data: null,
    error: null,
    source: null,
    response: null,
    attempts: 0,
    timings: { ready: 0, started: null, firstByte: null, ended: 0 },
  });
  expect(backend.seen).toEqual([]);
});

test.each([
  ['true', () => true],
  ['a promise of true', async () => true],
  ['text', () => 'yes'],
])('%s lets the call pass', async (_what, when) => {
  expect(await outcomeWith(when)).toMatchObject({ status: 'success', data: 'a' });
});

test('it goes by the request', async () => {
  const when = ({ req, query }: Context) => req.method === 'GET' && query['a'] === 'yes';
  expect(await outcomeWith(when, '1?a=yes')).toMatchObject({ status: 'success' });
  expect(await outcomeWith(when, '1?a=no')).toMatchObject({ status: 'skipped' });
});

test('it goes by the data of what the call waited for', async () => {
  backend.answer('/user', { premium: false });
  const { locals } = await site.visit({
    user: url('/user'),
    offer: {
      url: url('/a'),
      after: ['user'],
      when: ({ results }) => !(results['user'] as { premium: boolean }).premium,
    },
    perks: {
      url: url('/a'),
      after: ['user'],
      when: ({ results }) => (results['user'] as { premium: boolean }).premium,
    },
  });
  expect(locals.mashup).toMatchObject({ offer: { status: 'success' }, perks: { status: 'skipped' } });
});

test('it is asked once', async () => {
  let asked = 0;
  await outcomeWith(() => ++asked);
  expect(asked).toBe(1);
});

test('it is asked before any other callback, and no other where it says no', async () => {
  const asked: string[] = [];
  const note = (name: string, value: unknown) => () => {
    asked.push(name);
    return value as never;
  };
  await site.visit({
    a: {
      url: note('url', url('/a')),
      origins: [backend.origin],
      headers: note('headers', {}),
      params: note('params', {}),
      data: note('data', null),
      when: note('when', true),
    },
  });
  expect(asked[0]).toBe('when');
  expect([...asked].sort()).toEqual(['data', 'headers', 'params', 'url', 'when']);

  asked.length = 0;
  await site.visit({
    a: { url: note('url', url('/a')), origins: [backend.origin], headers: note('headers', {}), when: note('when', 0) },
  });
  expect(asked).toEqual(['when']);
});

test('where it says yes only after the deadline, no other callback is asked', async () => {
  const asked = deferred();
  const pass = deferred<boolean>();
  const others: string[] = [];
  const when = () => {
    asked.resolve();
    return pass.promise;
  };
  const headers = () => {
    others.push('headers');
    return {};
  };
  const each = () => {
    others.push('each');
    return [1];
  };
  const visit = site.visit(
    { a: { url: url('/a'), when, headers }, b: { url: url('/{item}'), when, each } },
    { deadline: 500 },
  );
  await asked.promise;
  site.clock.advance(500);
  await visit;
  pass.resolve(true);
  await settled();
  expect(others).toEqual([]);
});
