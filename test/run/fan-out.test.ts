import type { Context, UpstreamOptions } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  for (const item of ['a', 'b', 'c', '1', '2']) backend.answer(`/${item}`, item);
  backend.answer('/bad', 'no', { status: 404 });
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

/** The outcome of a fan-out over these items. */
async function fanOut(each: UpstreamOptions['each'], more: Partial<UpstreamOptions> = {}, ask?: string) {
  const { locals } = await site.visit({ all: { url: url('/{item}'), each: each ?? [], ...more } as never }, {}, ask);
  return locals.mashup['all'];
}

describe('the data of a fan-out', () => {
  test("is a list in the items' order, whatever order they come in", async () => {
    const visit = site.visit({ all: { url: url('/slow/{item}'), each: () => ['x', 'y', 'z'] } });
    for (const item of ['z', 'x', 'y']) (await backend.asked(`/slow/${item}`)).reply(item);
    expect((await visit).locals.mashup['all']).toMatchObject({
      status: 'success',
      data: ['x', 'y', 'z'],
      error: null,
      source: 'network',
      response: null,
      attempts: 3,
    });
  });

  test('has null for an item that failed: partial', async () => {
    expect(await fanOut(() => ['a', 'bad', 'c'])).toMatchObject({
      status: 'partial',
      data: ['a', null, 'c'],
      error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404 },
    });
  });

  test('is null where all items failed', async () => {
    const outcome = await fanOut(() => ['bad', 'bad']);
    expect(outcome).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 404, message: "upstream 'all': every item failed" },
      items: [{ status: 'error' }, { status: 'error' }],
    });
    expect(outcome?.error?.cause).toBe(outcome?.items?.[0]?.error);
  });

  test('is an empty list where there are no items', async () => {
    expect(await fanOut(() => [])).toMatchObject({ status: 'success', data: [], items: [], attempts: 0 });
  });

  test('is the fallback where all items failed', async () => {
    expect(await fanOut(() => ['bad'], { fallback: [] })).toMatchObject({
      status: 'fallback',
      data: [],
      items: [{ status: 'error' }],
    });
  });

  test('is not the fallback where one has come', async () => {
    expect(await fanOut(() => ['a', 'bad'], { fallback: [] })).toMatchObject({ status: 'partial', data: ['a', null] });
  });

  test('is as long as the list where an item stands in it twice', async () => {
    expect(await fanOut(() => ['a', 'b', 'a'])).toMatchObject({ data: ['a', 'b', 'a'] });
  });

  test('may be what others read', async () => {
    backend.answer('/user', { friends: [{ id: 'a' }, { id: 'b' }] });
    backend.answer('/x/a', { photo: '1' });
    backend.answer('/x/b', { photo: '2' });
    const { locals } = await site.visit({
      user: url('/user'),
      friends: { url: url('/x/{item.id}'), each: 'user.friends' },
      photos: { url: url('/{item.photo}'), each: 'friends' },
    });
    expect(locals['photos']).toEqual(['1', '2']);
  });

  test('that is partial makes the item that reads the hole fail', async () => {
    backend.answer('/user', { friends: ['x', 'bad'] });
    backend.answer('/x', { photo: '1' });
    const { mashup } = (
      await site.visit({
        user: url('/user'),
        friends: { url: url('/{item}'), each: 'user.friends' },
        photos: { url: url('/{item.photo}'), each: 'friends' },
      })
    ).locals;
    expect(mashup['photos']).toMatchObject({
      status: 'partial',
      data: ['1', null],
      error: { code: 'ERR_UPSTREAM_URL' },
    });
  });
});

describe('the timings of a fan-out', () => {
  test('say when its first request was sent, counted from the beginning of the run like every other time', async () => {
    const visit = site.visit({
      slow: url('/slow'),
      all: { url: url('/{item}'), each: () => ['a', 'b'], after: ['slow'] },
    });
    const asked = await backend.asked('/slow');
    site.clock.advance(30);
    asked.reply(1);
    expect((await visit).locals.mashup['all']?.timings).toMatchObject({ ready: 30, started: 30, ended: 30 });
  });
});

describe('the items of the outcome', () => {
  test('are an outcome for each', async () => {
    const items = (await fanOut(() => ['a', 'bad']))?.items;
    expect(items).toMatchObject([
      {
        name: 'all',
        status: 'success',
        data: 'a',
        error: null,
        source: 'network',
        response: { status: 200, url: url('/a') },
        attempts: 1,
        timings: { ready: 0, started: 0, firstByte: 0, ended: 0 },
      },
      {
        name: 'all',
        status: 'error',
        data: null,
        error: { code: 'ERR_UPSTREAM_STATUS', url: url('/bad') },
        attempts: 1,
      },
    ]);
  });

  test('are not there where there is no fan-out', async () => {
    const { mashup } = (await site.visit({ a: url('/a') })).locals;
    expect(mashup['a']).not.toHaveProperty('items');
  });
});

describe('each', () => {
  test('may be a function of the context', async () => {
    const each = ({ query }: Context) => String(query['ids']).split(',');
    expect(await fanOut(each, {}, '1?ids=a,b')).toMatchObject({ data: ['a', 'b'] });
  });

  test('may be an async function', async () => {
    expect(await fanOut(async () => ['a'])).toMatchObject({ data: ['a'] });
  });

  test("may be a path into the client's query", async () => {
    expect(await fanOut('query.ids', {}, '1?ids=a&ids=b')).toMatchObject({ data: ['a', 'b'] });
    expect(await fanOut('query.ids', {}, '1?ids=a')).toMatchObject({ data: ['a'] });
  });

  test('may be a path into res.locals', async () => {
    site.app.use((_req, res, next) => {
      res.locals['user'] = { friends: ['a', 'b'] };
      next();
    });
    expect(await fanOut('locals.user.friends')).toMatchObject({ data: ['a', 'b'] });
  });

  test('may be the whole data of an upstream', async () => {
    backend.answer('/list', ['a', 'b']);
    const { locals } = await site.visit({ list: url('/list'), all: { url: url('/{item}'), each: 'list' } });
    expect(locals['all']).toEqual(['a', 'b']);
  });

  test('is asked once, and `when` too', async () => {
    const asked: string[] = [];
    const each = () => {
      asked.push('each');
      return ['a', 'b'];
    };
    const when = () => {
      asked.push('when');
      return true;
    };
    await fanOut(each, { when });
    expect(asked).toEqual(['when', 'each']);
  });

  test('is not asked where `when` says no', async () => {
    expect(await fanOut(() => ['a'], { when: () => false })).toMatchObject({ status: 'skipped', data: null });
    expect(backend.seen).toEqual([]);
  });

  test.each([
    ['text', () => 'abc'],
    ['nothing', () => undefined],
    ['null', () => null],
    ['an object', () => ({ length: 1 })],
    ['a Set', () => new Set(['a'])],
  ])('that gives %s is ERR_UPSTREAM_ITEMS', async (_what, each) => {
    expect(await fanOut(each as never)).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_ITEMS', message: "upstream 'all': what each names is not a list", status: 502 },
    });
  });

  test.each([
    ['query.ids', '1?ids[a]=b'],
    ['query.ids', '1'],
    ['locals.none', '1'],
    ['params.id', '1'],
  ])('%s of /%s is no list: ERR_UPSTREAM_ITEMS', async (path, ask) => {
    expect(await fanOut(path, {}, ask)).toMatchObject({ error: { code: 'ERR_UPSTREAM_ITEMS' } });
  });

  test('reads own properties only', async () => {
    site.app.use((_req, res, next) => {
      res.locals['user'] = Object.create({ friends: ['a'] });
      next();
    });
    expect(await fanOut('locals.user.friends')).toMatchObject({ error: { code: 'ERR_UPSTREAM_ITEMS' } });
  });
});
