import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/bad', 'no', { status: 500 });
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const never = () => false;

describe('a call that reads data of one that failed', () => {
  test('fails, and says whose data it needs and why there is none', async () => {
    const { mashup } = (await site.visit({ user: url('/bad'), card: url('/cards/{user.id}') })).locals;
    expect(mashup['card']).toMatchObject({
      status: 'error',
      data: null,
      error: {
        code: 'ERR_UPSTREAM_DEPENDENCY',
        message: "upstream 'card': it needs 'user', which failed",
        cause: mashup['user']?.error,
        status: 502,
        attempts: 0,
      },
      response: null,
    });
    expect(backend.seen).toEqual(['/bad']);
  });

  test('makes those that read its own fail', async () => {
    const { mashup } = (
      await site.visit({ one: url('/bad'), two: url('/two/{one.id}'), three: url('/three/{two.id}') })
    ).locals;
    expect(mashup['three']).toMatchObject({
      error: { code: 'ERR_UPSTREAM_DEPENDENCY', message: "upstream 'three': it needs 'two', which failed" },
    });
  });

  test('fails by the path of its list too', async () => {
    const { mashup } = (await site.visit({ user: url('/bad'), friends: { url: url('/{item}'), each: 'user.friends' } }))
      .locals;
    expect(mashup['friends']).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEPENDENCY' } });
  });

  test('is not called back first', async () => {
    let asked = 0;
    const when = () => ++asked > 0;
    await site.visit({ user: url('/bad'), card: { url: url('/cards/{user.id}'), when } });
    expect(asked).toBe(0);
  });

  test('has data where that had a fallback', async () => {
    backend.answer('/cards/guest', 'joker');
    const { locals } = await site.visit({
      user: { url: url('/bad'), fallback: { id: 'guest' } },
      card: url('/cards/{user.id}'),
    });
    expect(locals['card']).toBe('joker');
  });
});

describe('a call that reads data of one that was skipped', () => {
  test('is skipped', async () => {
    const { mashup } = (await site.visit({ user: { url: url('/user'), when: never }, card: url('/cards/{user.id}') }))
      .locals;
    expect(mashup['card']).toMatchObject({ status: 'skipped', data: null, error: null, attempts: 0 });
    expect(backend.seen).toEqual([]);
  });

  test('makes those that read its own be skipped', async () => {
    const { mashup } = (
      await site.visit({
        one: { url: url('/one'), when: never },
        two: { url: url('/{item}'), each: 'one.list' },
        three: url('/{two.id}'),
      })
    ).locals;
    expect(mashup).toMatchObject({ two: { status: 'skipped' }, three: { status: 'skipped' } });
  });

  test('fails where it is required: what must be there cannot be skipped for another', async () => {
    const { error } = await site.visit({
      user: { url: url('/user'), when: never },
      card: { url: url('/cards/{user.id}'), required: true },
    });
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_DEPENDENCY', upstream: 'card' });
  });
});

describe('what a template reads of data', () => {
  /** The outcome of a call with this URL, that reads the data of `user`. */
  async function read(data: unknown, template: string) {
    backend.answer('/user', data);
    return (await site.visit({ user: url('/user'), card: url(template) })).locals.mashup['card'];
  }

  test.each([
    ['{user.constructor.name}', {}],
    ['{user.toString}', {}],
    ['{user.list.length}', { list: [1, 2] }],
    ['{user.name.length}', { name: 'Ada' }],
    ['{user.id}', null],
    ['{user.id}', 'text'],
    ['{user.a.b}', { a: null }],
    ['{user.id}', { id: '' }],
    ['{user.id}', { id: null }],
  ])('%s of %j is missing: nothing is sent', async (variable, data) => {
    expect(await read(data, `/cards/${variable}`)).toMatchObject({
      error: { code: 'ERR_UPSTREAM_URL', message: expect.stringContaining(variable) },
      attempts: 0,
    });
    expect(backend.seen).toEqual(['/user']);
  });

  test.each(['{?user.a,user.b}', '{?user.constructor}', '?a={user.a}', '?b=2{&user.a*}'])(
    'that is missing in a query fails the call too, lest a filter fall away: %s',
    async (query) => {
      expect(await read({ b: 2 }, `/cards${query}`)).toMatchObject({
        error: {
          code: 'ERR_UPSTREAM_URL',
          message: expect.stringContaining('is missing: if it may be left out, write {'),
        },
        attempts: 0,
      });
      expect(backend.seen).toEqual(['/user']);
    },
  );

  test('is left out of a query where a question mark says that it may be missing', async () => {
    backend.answer('/cards?b=2', 'found');
    expect(await read({ b: 2 }, '/cards{?user.constructor?,user.a?,user.b}')).toMatchObject({ data: 'found' });
  });

  test.each(['/cards/{user.id}', '/cards{?user.id}', '/cards{?user.ids*}'])(
    'is no integer beyond 2^53, which would be the id of another: %s',
    async (template) => {
      expect(await read({ id: 2 ** 53, ids: [1, 2 ** 60] }, template)).toMatchObject({
        error: { code: 'ERR_UPSTREAM_URL', message: expect.stringContaining('is an integer beyond 2^53') },
        attempts: 0,
      });
      expect(backend.seen).toEqual(['/user']);
    },
  );

  test('may be deep, and of a list by its index', async () => {
    backend.answer('/cards/x/y', 'found');
    expect(await read({ a: { b: 'x' }, list: [{ c: 'y' }] }, '/cards/{user.a.b}/{user.list.0.c}')).toMatchObject({
      data: 'found',
    });
  });

  test('is encoded', async () => {
    backend.answer('/cards/a%2Fb%3F', 'found');
    expect(await read({ id: 'a/b?' }, '/cards/{user.id}')).toMatchObject({ data: 'found' });
  });

  test('cannot lead out of the path', async () => {
    expect(await read({ id: '..' }, '/cards/{user.id}/x')).toMatchObject({ error: { code: 'ERR_UPSTREAM_URL' } });
  });
});
