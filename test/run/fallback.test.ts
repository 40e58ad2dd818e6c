import request from 'supertest';
import type { Context } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Deferred, deferred, settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/good', 'good');
  backend.answer('/bad', 'bad', { status: 503 });
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

/** The outcome of a call that fails, with this fallback. */
async function outcomeWith(fallback: unknown, path = '/bad') {
  const { locals } = await site.visit({ a: { url: url(path), fallback: fallback as object } });
  expect(locals['a']).toBe(locals.mashup['a']?.data);
  return locals.mashup['a'];
}

describe('a fallback', () => {
  test.each([[{ temp: null }], [[]], ['text'], [''], [0], [false], [null]])('may be %j', async (value) => {
    expect(await outcomeWith(value)).toMatchObject({ status: 'fallback', data: value });
  });

  test('leaves the error and the answer to be seen', async () => {
    expect(await outcomeWith(1)).toMatchObject({
      status: 'fallback',
      error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 503 },
      source: null,
      response: { status: 503 },
      attempts: 1,
    });
  });

  test('that is undefined is none', async () => {
    expect(await outcomeWith(undefined)).toMatchObject({ status: 'error', data: null });
  });

  test('is not used where the call succeeds', async () => {
    let made = 0;
    expect(await outcomeWith(() => ++made, '/good')).toMatchObject({ status: 'success', data: 'good', error: null });
    expect(made).toBe(0);
  });

  test('is not used where the call is skipped', async () => {
    const { locals } = await site.visit({ a: { url: url('/good'), when: () => false, fallback: 1 } });
    expect(locals.mashup['a']).toMatchObject({ status: 'skipped', data: null });
  });

  test('is used where its dependency failed', async () => {
    const { locals } = await site.visit({ user: url('/bad'), a: { url: url('/{user.id}'), fallback: 1 } });
    expect(locals.mashup['a']).toMatchObject({
      status: 'fallback',
      data: 1,
      error: { code: 'ERR_UPSTREAM_DEPENDENCY' },
    });
  });

  test('is used where there is no URL', async () => {
    expect(await outcomeWith(1, '/{query.none}')).toMatchObject({
      status: 'fallback',
      error: { code: 'ERR_UPSTREAM_URL' },
    });
  });

  test('is not held against the schema, which is for what upstreams say', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'never right' }] }) },
    } as const;
    const { locals } = await site.visit({ a: { url: url('/good'), schema, fallback: 1 } });
    expect(locals.mashup['a']).toMatchObject({ status: 'fallback', data: 1, error: { code: 'ERR_UPSTREAM_SCHEMA' } });
  });
});

test('what a handler writes into a fallback, the next request does not see', async () => {
  const fallback = { list: [1] };
  site.app.get('/', site.mashup({ a: { url: url('/bad'), fallback } }), (_req, res) => {
    const { a } = res.locals as { a: typeof fallback };
    a.list.push(2);
    res.json(a);
  });
  for (let visits = 0; visits < 2; visits++) {
    expect((await request(site.origin).get('/')).body).toEqual({ list: [1, 2] });
  }
  expect(fallback).toEqual({ list: [1] });
});

describe('a fallback function', () => {
  test('is given the error and the context', async () => {
    const given: unknown[] = [];
    const fallback = (error: Error, { params, results }: Context) => {
      given.push(error, params['id'], results['user']);
      return 'made';
    };
    backend.answer('/user', 'Ada');
    const { locals } = await site.visit(
      { user: url('/user'), a: { url: url('/bad'), after: ['user'], fallback } },
      {},
      '42',
    );
    expect(locals['a']).toBe('made');
    expect(given).toEqual([locals.mashup['a']?.error, '42', 'Ada']);
  });

  test('may give a promise', async () => {
    expect(await outcomeWith(async () => 'made')).toMatchObject({ status: 'fallback', data: 'made' });
  });

  test.each([
    ['nothing', () => {}],
    ['a promise of nothing', async () => {}],
  ])('that gives %s makes null', async (_what, fallback) => {
    expect(await outcomeWith(fallback)).toMatchObject({ status: 'fallback', data: null });
  });

  test('is called once', async () => {
    let made = 0;
    await outcomeWith(async () => ++made);
    expect(made).toBe(1);
  });

  test('that was asked because data was late is not overtaken by them', async () => {
    const [checking, checked, made] = [deferred(), deferred<string>(), deferred<string>()];
    const transformResponse = () => {
      checking.resolve();
      return checked.promise;
    };
    const a = { url: url('/good'), timeout: 100, transformResponse, fallback: () => made.promise };
    const visit = site.visit({ a });
    await checking.promise;
    site.clock.advance(100);
    checked.resolve('late');
    await settled();
    made.resolve('made');
    expect((await visit).locals.mashup['a']).toMatchObject({
      status: 'fallback',
      data: 'made',
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
    });
  });

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('broken');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('broken'))],
  ])('that %s makes the call fail with ERR_UPSTREAM_HOOK', async (_how, fallback) => {
    expect(await outcomeWith(fallback)).toMatchObject({
      status: 'error',
      data: null,
      error: {
        code: 'ERR_UPSTREAM_HOOK',
        message: expect.stringContaining('its fallback function threw'),
        cause: new RangeError('broken'),
      },
    });
  });
});

describe('at the deadline', () => {
  test('a value is the data', async () => {
    const visit = site.visit({ a: { url: url('/slow'), fallback: { temp: null } } }, { deadline: 500 });
    await backend.asked('/slow');
    site.clock.advance(500);
    const { mashup } = (await visit).locals;
    expect(mashup['a']).toMatchObject({
      status: 'fallback',
      data: { temp: null },
      error: { code: 'ERR_UPSTREAM_DEADLINE' },
    });
  });

  test('what a function gives at once is the data', async () => {
    const visit = site.visit({ a: { url: url('/slow'), fallback: (error) => error.message } }, { deadline: 500 });
    await backend.asked('/slow');
    site.clock.advance(500);
    expect((await visit).locals['a']).toContain('not here by the deadline of 500 ms');
  });

  test('it is the data of a call that could not start too', async () => {
    const visit = site.visit({ a: url('/slow'), b: { url: url('/{a.id}'), fallback: 1 } }, { deadline: 500 });
    await backend.asked('/slow');
    site.clock.advance(500);
    expect((await visit).locals.mashup['b']).toMatchObject({
      status: 'fallback',
      data: 1,
      error: { code: 'ERR_UPSTREAM_DEADLINE' },
    });
  });

  test('a promise is not waited for', async () => {
    const fallback = () => Promise.resolve('late');
    const visit = site.visit({ a: { url: url('/slow'), fallback } }, { deadline: 500 });
    await backend.asked('/slow');
    site.clock.advance(500);
    expect((await visit).locals.mashup['a']).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_DEADLINE' },
    });
  });

  test.each([
    ['resolves', ({ resolve }: Deferred<string>) => resolve('late')],
    ['rejects', ({ reject }: Deferred<string>) => reject(new Error('late'))],
  ])('a promise from before it that %s later changes nothing', async (_how, finish) => {
    const asked = deferred();
    const made = deferred<string>();
    const fallback = () => {
      asked.resolve();
      return made.promise;
    };
    const visit = site.visit({ a: { url: url('/bad'), fallback } }, { deadline: 500 });
    await asked.promise;
    site.clock.advance(500);
    const { mashup } = (await visit).locals;
    finish(made);
    await settled();
    expect(mashup['a']).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_STATUS' },
      timings: { ended: 500 },
    });
  });
});

describe('by its timeout', () => {
  test('a call gets its fallback at once', async () => {
    const visit = site.visit({ a: { url: url('/slow'), timeout: 100, fallback: 1 } });
    await backend.asked('/slow');
    site.clock.advance(100);
    expect((await visit).locals.mashup['a']).toMatchObject({
      status: 'fallback',
      data: 1,
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
      timings: { ended: 100 },
    });
  });
});
