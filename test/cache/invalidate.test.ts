import type { UpstreamOptions } from '../../src/index.js';
import { type Backend, json, startBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { CachedSite } from './cached-page.js';

let backend: Backend;
let site: CachedSite;

beforeEach(async () => {
  backend = await startBackend();
  site = new CachedSite();
});
afterEach(closeAll);

const url = (path = '/a') => backend.origin + path;
const MINUTE = 60_000;
const cache = { ttl: MINUTE, staleIfError: MINUTE };

async function stored(options: Partial<UpstreamOptions> = {}) {
  backend.answer('/a', 1);
  const ask = site.page({ url: url(), cache, ...options });
  await ask();
  backend.answer('/a', 2);
  expect((await ask()).source).toBe('cache');
  return ask;
}

const targets = [
  ['all', () => ({ all: true as const })],
  ['a URL', () => ({ url: url() })],
  ['a URL object', () => ({ url: new URL(`${url()}#fragment`) })],
  ['a tag', () => ({ tag: 'one' })],
  ['one of several tags', () => ({ tag: ['zero', 'one'] })],
] as const;

const tagged = { cache: { ...cache, tags: ['one', 'two'] } };

describe.each(targets)('by %s', (_what, target) => {
  test('invalidate makes an entry stale: it is asked for again, and used where that fails', async () => {
    const ask = await stored(tagged);
    await site.mashup.invalidate(target());
    backend.answer('/a', 0, { status: 500 });
    const stale = await ask();
    expect(stale).toMatchObject({ data: 1, source: 'stale', cache: { status: 'stale' } });
    expect(stale.cache?.ttl).toBeLessThanOrEqual(0);
    backend.answer('/a', 2);
    expect(await ask()).toMatchObject({ data: 2, source: 'network', cache: { why: 'stale', stored: true } });
    expect(await ask()).toMatchObject({ data: 2, source: 'cache' });
  });

  test('purge removes it', async () => {
    const ask = await stored(tagged);
    await site.mashup.purge(target());
    backend.answer('/a', 0, { status: 500 });
    expect(await ask()).toMatchObject({ status: 'error', cache: { why: 'status' } });
    expect(site.mashup.stats().cache.entries).toBe(0);
  });

  test.each(['purge', 'invalidate'] as const)('an answer asked for before a %s is not used after it', async (how) => {
    const ask = site.page({ url: url(), ...tagged });
    const waiting = ask();
    const asked = await backend.asked('/a');
    await site.mashup[how](target());
    asked.reply('before');
    expect(await waiting).toMatchObject({ data: 'before', status: 'success' });
    backend.answer('/a', 'after');
    expect(await ask()).toMatchObject({ data: 'after', source: 'network' });
  });
});

describe.each(['purge', 'invalidate'] as const)(
  'who asks after a %s, while what was asked for before is under way',
  (how) => {
    test.each(targets)('is not given that: by %s', async (_what, target) => {
      const ask = site.page({ url: url(), ...tagged });
      const before = ask();
      const asked = await backend.asked('/a');
      await site.mashup[how](target());
      const after = [ask(), ask()];
      await settled();
      backend.answer('/a', 'after');
      asked.reply('before');
      expect((await before).data).toBe('before');
      for (const one of after) expect(await one).toMatchObject({ data: 'after', status: 'success' });
      expect(backend.seen).toHaveLength(2);
      expect(await ask()).toMatchObject({ data: 'after', source: 'cache' });
    });

    test('is given that where it is about something else', async () => {
      const ask = site.page({ url: url(), ...tagged });
      const before = ask();
      const asked = await backend.asked('/a');
      await site.mashup[how]({ tag: 'another' });
      const after = ask();
      await settled();
      asked.reply('before');
      expect([(await before).data, (await after).data]).toEqual(['before', 'before']);
      expect(backend.seen).toHaveLength(1);
    });
  },
);

test('a page that waits for a request that changes its URL does not get what was asked for before that', async () => {
  const early = site.page({ url: url(), cache })();
  const asked = await backend.asked('/a');
  const page = site.mashup({
    change: { url: url(), method: 'POST' },
    a: { url: url(), cache, after: ['change'] },
  });
  const run = page.run();
  (await backend.asked('/a')).reply('changed');
  await settled();
  backend.answer('/a', 'after');
  await settled();
  asked.reply('before');
  expect((await early).data).toBe('before');
  expect((await run).outcomes.a.data).toBe('after');
});

test.each(["/a?name=O'Neill", '/a?', '/a?name=%C3%A6', '/%7Ea', '/ä?b=ö'])(
  'a URL is the same however it is written: %s',
  async (path) => {
    const upstream = await startUpstream((response) => json(response, upstream.sent.length));
    const ask = site.page({ url: upstream.origin + path, cache });
    for (const target of [upstream.origin + path, new URL(upstream.origin + path)]) {
      await ask();
      await site.mashup.purge({ url: target });
      expect((await ask()).source).toBe('network');
      await site.page({ url: upstream.origin + path, method: 'POST' })();
      expect((await ask()).source).toBe('network');
    }
  },
);

test('what was asked for before an invalidation and comes late does not replace what was asked for after it', async () => {
  // Pages with other rules for attempts do not share a request.
  const slow = site.page({ url: url(), cache, attemptTimeout: MINUTE })();
  const asked = await backend.asked('/a');
  await site.mashup.invalidate({ all: true });
  backend.answer('/a', 'new');
  const ask = site.page({ url: url(), cache });
  await ask();
  asked.reply('old');
  expect(await slow).toMatchObject({ data: 'old', cache: { stored: false } });
  expect(await ask()).toMatchObject({ data: 'new', source: 'cache' });
});

test('what has another tag, or another URL, stays', async () => {
  const ask = await stored(tagged);
  await site.mashup.purge({ tag: 'three' });
  await site.mashup.purge({ url: url('/b') });
  await site.mashup.invalidate({ tag: ['ONE', 'tw'] });
  expect((await ask()).source).toBe('cache');
});

describe('tags', () => {
  test('are templates, which read what a URL may read', async () => {
    for (const id of ['7', '8']) backend.answer(`/u/${id}`, { group: `g${id}` });
    const page = site.mashup({
      u: { url: url('/u/{params.id}'), cache: { ttl: MINUTE, tags: ['user-{params.id}', 'users'] } },
      g: { url: url('/u/{params.id}'), cache: { ttl: MINUTE, tags: ['group-{u.group}'] }, headers: { 'x-g': '1' } },
    });
    const ask = async (id: string) => {
      const { u, g } = (await page.run({ params: { id } })).outcomes;
      return [u.source, g.source];
    };
    for (const id of ['7', '8']) await ask(id);
    await site.mashup.purge({ tag: 'user-7' });
    expect([await ask('7'), await ask('8')]).toEqual([
      ['network', 'cache'],
      ['cache', 'cache'],
    ]);
    await site.mashup.purge({ tag: 'group-g8' });
    expect([await ask('7'), await ask('8')]).toEqual([
      ['cache', 'cache'],
      ['cache', 'network'],
    ]);
    await site.mashup.purge({ tag: 'users' });
    expect(await ask('7')).toEqual(['network', 'cache']);
  });

  test('may be a function of the data', async () => {
    backend.answer('/a', [{ id: 1 }, { id: 2 }]);
    const tags = (_context: unknown, data: unknown) => (data as { id: number }[]).map(({ id }) => `item-${id}`);
    const ask = site.page({ url: url(), cache: { ttl: MINUTE, tags } });
    await ask();
    await site.mashup.purge({ tag: 'item-2' });
    expect((await ask()).source).toBe('network');
  });

  test('of a function get params, query, results and item, and not the visitor’s request', async () => {
    backend.answer('/a', 1);
    let seen: object = {};
    const tags = (context: object) => {
      seen = context;
      return [];
    };
    await site.page({ url: url(), cache: { ttl: MINUTE, tags } })({ params: { id: '7' }, query: { q: 'x' } });
    expect(seen).toEqual({ params: { id: '7' }, query: { q: 'x' }, results: {}, item: undefined });
  });

  test.each([
    [
      'a function that throws',
      () => {
        throw new Error('no');
      },
    ],
    ['an async function that fails', (() => Promise.reject(new Error('no'))) as never],
    ['a function that returns no list', () => 'one' as never],
    ['a value that is missing', ['user-{params.id}']],
    ['too long a tag', ['x'.repeat(257)]],
  ])('that cannot be told (%s): the answer is used and not stored, for it could not be purged', async (_what, tags) => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: MINUTE, tags } });
    for (const _ of [1, 2]) {
      expect(await ask()).toMatchObject({ status: 'success', data: 1, cache: { stored: false, why: 'tags' } });
    }
  });

  test('of a refresh behind the page are those of the request that it is for', async () => {
    backend.answer('/a', 1);
    const ask = site.page({ url: url(), cache: { ttl: 1000, swr: MINUTE, tags: ['id-{params.id}'] } });
    const input = { params: { id: '7' } };
    await ask(input);
    site.clock.advance(2000);
    await ask(input);
    await site.idle();
    expect((await ask(input)).source).toBe('cache');
    await site.mashup.purge({ tag: 'id-7' });
    expect((await ask(input)).source).toBe('network');
  });
});

describe('a request that may change something', () => {
  const change = (method: string, options: Partial<UpstreamOptions> = {}) =>
    site.page({ url: url(), method, data: {}, ...options })();

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s that succeeds makes what is stored of its URL stale',
    async (method) => {
      const ask = await stored();
      await change(method);
      expect((await ask()).source).toBe('network');
    },
  );

  test.each([
    ['failed', { status: 500 }],
    ['was refused', { status: 403 }],
  ])('that %s changes nothing', async (_what, reply) => {
    const ask = await stored();
    backend.answer('/a', 0, reply);
    await change('POST');
    expect((await ask()).source).toBe('cache');
  });

  test('names other URLs of its origin in Location and Content-Location', async () => {
    const ask = await stored();
    backend.answer('/other', 0, { status: 201, headers: { location: '/a' } });
    await change('POST', { url: url('/other') });
    expect((await ask()).source).toBe('network');
    backend.answer('/other', 0, { headers: { 'content-location': url() } });
    await change('POST', { url: url('/other') });
    expect((await ask()).source).toBe('network');
  });

  test.each([
    ['303, whatever came of that', 303, 500],
    ['307', 307, 200],
  ])('and is redirected makes stale where it is redirected to: %s', async (_what, status, final) => {
    backend.answer('/a?n=1', 1);
    const ask = site.page({ url: url('/a?n=1'), cache });
    await ask();
    backend.answer('/other', 0, { status, headers: { location: '/a?n=1' } });
    backend.answer('/a?n=1', 2, { status: final });
    await change('POST', { url: url('/other') });
    backend.answer('/a?n=1', 3);
    expect(await ask()).toMatchObject({ data: 3, source: 'network' });
  });

  test('names groups (RFC 9875)', async () => {
    backend.answer('/a', 1, { headers: { 'cache-groups': '"news", "all"' } });
    const ask = site.page({ url: url(), cache });
    await ask();
    backend.answer('/other', 0, { headers: { 'cache-group-invalidation': '"news"' } });
    await change('POST', { url: url('/other') });
    expect((await ask()).source).toBe('network');
    await site.mashup.purge({ tag: `${backend.origin}#all` });
    expect((await ask()).source).toBe('network');
  });

  test('but not a safe POST', async () => {
    const ask = await stored();
    await change('POST', { safe: true });
    expect((await ask()).source).toBe('cache');
  });
});

test.each([
  [{}, 'expected one of tag, url and all'],
  [{ tag: 'a', all: true }, 'expected one of tag, url and all'],
  [{ all: false }, 'all: expected true, but was given false'],
  [{ url: '/a' }, "url: expected a URL, but was given '/a'"],
  [{ tags: ['a'] }, "tags: is not an option: did you mean 'tag'?"],
  ['one', "expected an object such as { tag: 'user-7' }, but was given 'one'"],
])('a wrong target is an error that says so: %j', async (target, message) => {
  for (const how of ['invalidate', 'purge'] as const) {
    await expect(site.mashup[how](target as never)).rejects.toThrow(message);
  }
});

test('more marks than are remembered make what was asked for before them go, and nothing that came after', async () => {
  const ask = await stored();
  for (let at = 0; at <= 10_000; at += 1000) {
    await site.mashup.purge({ tag: Array.from({ length: 1000 }, (_, n) => `t${at + n}`) });
  }
  expect((await ask()).source).toBe('network');
  expect((await ask()).source).toBe('cache');
});
