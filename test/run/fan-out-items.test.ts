import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('an item', () => {
  test('is in the context of every function', async () => {
    const visit = site.visit({
      all: {
        url: ({ item }) => url(`/items/${item}`),
        origins: [backend.origin],
        method: 'POST',
        each: () => ['a', 'b'],
        headers: ({ item }) => ({ 'x-item': `header ${item}` }),
        params: ({ item }) => ({ of: item }),
        data: ({ item }) => ({ of: item }),
      },
    });
    for (const item of ['a', 'b']) {
      const asked = await backend.asked(`/items/${item}?of=${item}`);
      expect(asked.headers['x-item']).toBe(`header ${item}`);
      expect(await asked.body()).toBe(JSON.stringify({ of: item }));
      asked.reply(item);
    }
    expect((await visit).locals['all']).toEqual(['a', 'b']);
  });

  test('may be an object, of which a template reads', async () => {
    backend.answer('/users/7/posts/9', 'found');
    const each = () => [{ user: { id: 7 }, post: 9 }];
    const { locals } = await site.visit({ all: { url: url('/users/{item.user.id}/posts/{item.post}'), each } });
    expect(locals['all']).toEqual(['found']);
  });

  test('of which the URL cannot be made fails alone', async () => {
    backend.answer('/a', 'a');
    const { mashup } = (await site.visit({ all: { url: url('/{item}'), each: () => ['a', '..', null] } })).locals;
    expect(mashup['all']).toMatchObject({
      status: 'partial',
      data: ['a', null, null],
      items: [{}, { error: { code: 'ERR_UPSTREAM_URL' } }, { error: { code: 'ERR_UPSTREAM_URL' } }],
    });
  });

  test('of which the result meets the schema is its output; others fail alone', async () => {
    for (const at of [0, 1, 2]) backend.answer(`/${at}`, at);
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => (value === 1 ? { issues: [{ message: 'is one' }] } : { value: `no ${value}` }),
      },
    } as const;
    const { mashup } = (await site.visit({ all: { url: url('/{item}'), each: () => [0, 1, 2], schema } })).locals;
    expect(mashup['all']).toMatchObject({
      status: 'partial',
      data: ['no 0', null, 'no 2'],
      items: [{}, { error: { code: 'ERR_UPSTREAM_SCHEMA' } }, {}],
    });
  });
});
