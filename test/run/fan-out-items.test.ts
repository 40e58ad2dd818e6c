import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

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

describe('a list that is none of the usual', () => {
  const fanOut = async (each: unknown, ask = '1') =>
    (await site.visit({ all: { url: url('/{item}'), each: each as never } }, {}, ask)).locals.mashup['all'];

  test('has an outcome for each of its gaps, and leaves nothing under way', async () => {
    for (const path of ['/1', '/2', '/4']) backend.answer(path, path);
    // biome-ignore lint/suspicious/noSparseArray: that is what is tried
    const outcome = await fanOut(() => [1, 2, , 4]);
    expect(outcome).toMatchObject({
      status: 'partial',
      data: ['/1', '/2', null, '/4'],
      items: [{ status: 'success' }, {}, { status: 'error', error: { code: 'ERR_UPSTREAM_URL' } }, {}],
    });
    expect(site.mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 0, queued: 0 });
  });

  test('whose members throw, or whose length does, is a HOOK error', async () => {
    const throwing = (key: string) =>
      new Proxy([1, 2], { get: (list, name) => (name === key ? boom() : Reflect.get(list, name)) });
    for (const key of ['length', '1']) {
      const outcome = await fanOut(() => throwing(key));
      expect(outcome).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_HOOK' } });
    }
    expect(backend.seen).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['a Set', () => new Set([1])],
    ['an array-like', () => ({ length: 1, 0: 1 })],
    ['an iterable', () => [1][Symbol.iterator]()],
    ['text', () => 'ab'],
  ])('%s is an ITEMS error', async (_what, each) => {
    expect(await fanOut(each)).toMatchObject({ error: { code: 'ERR_UPSTREAM_ITEMS' } });
  });

  test('that grows while it is read has the items that it had', async () => {
    backend.answer('/1', 1);
    const growing = new Proxy([1], {
      get: (list, name) => {
        if (name === '0') list.push(9);
        return Reflect.get(list, name);
      },
    });
    expect(await fanOut(() => growing)).toMatchObject({ data: [1] });
  });
});

function boom(): never {
  throw new Error('boom');
}

describe.each(expresses)('%s: items of the client’s query', (_, express) => {
  let nested: Site;

  beforeEach(async () => {
    nested = await startSite(express);
    nested.app.set('query parser', 'extended');
  });

  const ask = async (template: string, query: string, each: unknown = 'query.ids') => {
    const upstreams = { all: { url: url(template), each: each as never, required: true } };
    return (await nested.visit(upstreams, {}, `1?${query}`)).response;
  };

  test('are texts', async () => {
    backend.answer('/list?item=a', 'a');
    backend.answer('/list?item=b', 'b');
    expect((await ask('/list{?item}', 'ids=a&ids=b')).status).toBe(200);
  });

  test.each(['/list{?item*}', '/list{?item}', '/list/{item}', '/list?all=1{&item*}'])(
    'that are objects choose no parameters in %s',
    async (template) => {
      expect((await ask(template, 'ids[0][admin]=true')).status).toBe(400);
      const flat = ({ query }: { query: Record<string, unknown> }) => [query['ids'] ?? []].flat();
      expect((await ask(template, 'ids[0][admin]=true', flat)).status).toBe(400);
      expect(backend.seen).toEqual([]);
    },
  );

  test.each([
    ['ids[0]=0', (at: number) => `ids[${at}]=${at}`],
    ['ids=0', (at: number) => `ids=${at}`],
  ])(
    'that are so many that their parser may make an object of them, as %s, are all there or an error',
    async (_way, write) => {
      for (let at = 0; at < 25; at++) backend.answer(`/x/${at}`, at);
      const { status } = await ask('/x/{item}', Array.from({ length: 25 }, (_one, at) => write(at)).join('&'));
      expect([200, 400]).toContain(status);
      expect(backend.seen).toHaveLength(status === 200 ? 25 : 0);
    },
  );
});
