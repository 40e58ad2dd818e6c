import type { Context } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

/** A `headers` function that tells when each item has ended. */
const watched = (ends: Ends) => (context: Context) => {
  ends.watch(context);
  return {};
};

describe('concurrency', () => {
  test('of 100 items ten are in flight at once, never more, and all are done', async () => {
    const visit = site.visit({ all: { url: url('/{item}'), each: () => numbers(100) } }, { concurrency: 10 });
    const asked = await Promise.all(numbers(10).map((at) => backend.asked(`/${at}`)));
    for (const at of numbers(100)) {
      expect(backend.inFlight).toBe(Math.min(10, 100 - at));
      asked[at]?.reply(at);
      if (at + 10 < 100) asked.push(await backend.asked(`/${at + 10}`));
    }
    expect((await visit).locals['all']).toEqual(numbers(100));
    expect(backend.most).toBe(10);
  });

  test('is over the whole run: the items share it with the other upstreams', async () => {
    const visit = site.visit(
      { other: url('/other'), all: { url: url('/{item}'), each: () => numbers(2) } },
      { concurrency: 2 },
    );
    const other = await backend.asked('/other');
    (await backend.asked('/0')).reply(0);
    const last = await backend.asked('/1');
    expect(backend.most).toBe(2);
    other.reply('other');
    last.reply(1);
    await visit;
  });

  test('is the same for a page of one fan-out and nothing else', async () => {
    const visit = site.visit({ all: { url: url('/{item}'), each: () => numbers(3) } }, { concurrency: 1 });
    for (const at of numbers(3)) (await backend.asked(`/${at}`)).reply(at);
    await visit;
    expect(backend.most).toBe(1);
  });
});

describe('maxItems', () => {
  test('is 100: with one more nothing is sent', async () => {
    const { mashup } = (await site.visit({ all: { url: url('/{item}'), each: () => numbers(101) } })).locals;
    expect(mashup['all']).toMatchObject({
      status: 'error',
      data: null,
      error: {
        code: 'ERR_UPSTREAM_ITEMS',
        message: "upstream 'all': each has 101 items, and at most 100 are allowed",
        status: 502,
      },
    });
    expect(backend.seen).toEqual([]);
  });

  test('may be another number', async () => {
    backend.answer('/0', 0);
    backend.answer('/1', 1);
    const { locals } = await site.visit({
      two: { url: url('/{item}'), each: () => numbers(2), maxItems: 2 },
      three: { url: url('/{item}'), each: () => numbers(3), maxItems: 2 },
    });
    expect(locals).toMatchObject({ two: [0, 1], three: null });
  });
});

describe('a fan-out that is cut short', () => {
  test.each([
    ['the deadline', { deadline: 500 }, {}, 'ERR_UPSTREAM_DEADLINE'],
    ['its timeout', {}, { timeout: 500 }, 'ERR_UPSTREAM_TIMEOUT'],
  ])('by %s is partial, with what has arrived', async (_what, options, more, code) => {
    const ends = new Ends();
    const visit = site.visit(
      { all: { url: url('/{item}'), each: () => numbers(3), headers: watched(ends), ...more } },
      options,
    );
    const asked = await Promise.all(numbers(3).map((at) => backend.asked(`/${at}`)));
    asked[0]?.reply('zero');
    asked[2]?.reply('two');
    await ends.reach(2);
    site.clock.advance(500);
    const { mashup } = (await visit).locals;
    expect(mashup['all']).toMatchObject({
      status: 'partial',
      data: ['zero', null, 'two'],
      error: { code },
      items: [{ status: 'success' }, { status: 'error', error: { code } }, { status: 'success' }],
      timings: { ended: 500 },
    });
    await asked[1]?.closed;
  });

  test('before anything arrived is an error, or the fallback', async () => {
    const each = () => numbers(2);
    const visit = site.visit(
      { all: { url: url('/a/{item}'), each }, safe: { url: url('/b/{item}'), each, fallback: [] } },
      { deadline: 500 },
    );
    await Promise.all(['/a/0', '/a/1', '/b/0', '/b/1'].map((path) => backend.asked(path)));
    site.clock.advance(500);
    const { mashup } = (await visit).locals;
    expect(mashup['all']).toMatchObject({ status: 'error', data: null, error: { code: 'ERR_UPSTREAM_DEADLINE' } });
    expect(mashup['safe']).toMatchObject({ status: 'fallback', data: [], error: { code: 'ERR_UPSTREAM_DEADLINE' } });
  });

  test('while its fallback is being made keeps its items', async () => {
    const making = deferred();
    const fallback = () => {
      making.resolve();
      return new Promise(() => {});
    };
    backend.answer('/0', 'no', { status: 500 });
    const visit = site.visit({ all: { url: url('/{item}'), each: () => numbers(1), fallback } }, { deadline: 500 });
    await making.promise;
    site.clock.advance(500);
    expect((await visit).locals.mashup['all']).toMatchObject({
      status: 'error',
      items: [{ error: { code: 'ERR_UPSTREAM_STATUS' } }],
    });
  });

  test('sends none of the items in the queue any more', async () => {
    const visit = site.visit(
      {
        all: { url: url('/{item}'), each: () => numbers(5), timeout: 100 },
        other: { url: url('/other'), after: ['all'] },
      },
      { concurrency: 2 },
    );
    await Promise.all([backend.asked('/0'), backend.asked('/1')]);
    site.clock.advance(100);
    (await backend.asked('/other')).reply(1);
    const { mashup } = (await visit).locals;
    expect(mashup['all']?.items?.map(({ attempts }) => attempts)).toEqual([1, 1, 0, 0, 0]);
    expect(backend.seen).not.toContain('/2');
  });

  test('while its list is being made has no items', async () => {
    const visit = site.visit({ all: { url: url('/{item}'), each: () => new Promise(() => {}) }, b: url('/b') });
    (await backend.asked('/b')).reply(1);
    await settled();
    site.clock.advance(2000);
    const { mashup } = (await visit).locals;
    expect(mashup['all']).toMatchObject({ status: 'error', data: null, error: { code: 'ERR_UPSTREAM_DEADLINE' } });
    expect(mashup['all']).not.toHaveProperty('items');
  });

  test('by attemptTimeout loses that item only', async () => {
    const ends = new Ends();
    const visit = site.visit({
      all: { url: url('/{item}'), each: () => numbers(2), attemptTimeout: 50, headers: watched(ends) },
    });
    const [, second] = await Promise.all([backend.asked('/0'), backend.asked('/1')]);
    second.reply('one');
    await ends.reach(1);
    site.clock.advance(50);
    expect((await visit).locals.mashup['all']).toMatchObject({
      status: 'partial',
      data: [null, 'one'],
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
    });
  });
});

describe('a required fan-out', () => {
  test('that is partial has not failed', async () => {
    backend.answer('/0', 0);
    backend.answer('/1', 'no', { status: 500 });
    const { error, locals } = await site.visit({
      all: { url: url('/{item}'), each: () => numbers(2), required: true },
    });
    expect(error).toBeNull();
    expect(locals['all']).toEqual([0, null]);
  });

  test('of which all items failed has, with what the first answered', async () => {
    backend.answer('/0', 'no', { status: 404 });
    backend.answer('/1', 'no', { status: 500 });
    const { error, response } = await site.visit({
      all: { url: url('/{item}'), each: () => numbers(2), required: true },
    });
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404 });
    expect(response.status).toBe(404);
  });
});
