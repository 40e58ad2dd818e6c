import axios from 'axios';
import { mashup as defaultMashup, multiGet } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { openPage, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('equal calls of one run share one request, without any option', () => {
  test('two entries with the same URL', async () => {
    const visit = site.visit({ a: url('/a'), b: { url: url('/a'), responseType: 'text' }, c: url('/c') });
    (await backend.asked('/a')).reply({ x: 1 }, { headers: { 'set-cookie': 'id=1' } });
    (await backend.asked('/c')).reply(3);
    const { locals } = await visit;
    expect(locals).toMatchObject({ a: { x: 1 }, b: '{"x":1}', c: 3 });
    expect(locals.mashup).toMatchObject({
      a: { source: 'network', attempts: 1, response: { headers: { 'set-cookie': ['id=1'] } } },
      b: { source: 'shared', attempts: 0, timings: { started: null } },
      c: { source: 'network', attempts: 1 },
    });
    expect(locals.mashup['b']?.response?.headers).not.toHaveProperty('set-cookie');
    expect(backend.seen).toEqual(['/a', '/c']);
  });

  test('each with data of its own', async () => {
    backend.answer('/a', { list: [1] });
    const { locals } = await site.visit({ a: url('/a'), b: url('/a') });
    (locals['a'] as { list: number[] }).list.push(2);
    expect(locals['b']).toEqual({ list: [1] });
  });

  test.each([
    ['two templates', '/users/{params.id}', '/users/{query.id}'],
    ['a template and a URL', '/users/{params.id}', '/users/7'],
    ['a template that begins earlier', '{/params.id*}/7', '/users/7'],
    ['a query', '/users{?query.id}', '/users?id=7'],
  ])('%s that come out equal', async (_what, one, other) => {
    const id = one.startsWith('{/') ? 'users' : '7';
    const visit = site.visit({ a: url(one), b: url(other) }, {}, `${id}?id=7`);
    const path = one.includes('{?') ? '/users?id=7' : '/users/7';
    (await backend.asked(path)).reply('ann');
    expect((await visit).locals).toMatchObject({ a: 'ann', b: 'ann' });
    expect(backend.seen).toEqual([path]);
  });

  test('two templates that come out different do not', async () => {
    for (const path of ['/users/7', '/users/8']) backend.answer(path, path);
    const page = { a: url('/users/{params.id}'), b: url('/users/{query.id}') };
    expect((await site.visit(page, {}, '7?id=8')).locals).toMatchObject({ a: '/users/7', b: '/users/8' });
  });

  test('a URL from a function, and one from params', async () => {
    const page = {
      a: { url: () => url('/a?x=1'), origins: [backend.origin] },
      b: { url: url('/a'), params: { x: 1 } },
      c: url('/a{?query.x}'),
    };
    backend.answer('/a?x=1', 1);
    expect((await site.visit(page, {}, '1?x=1')).locals).toMatchObject({ a: 1, b: 1, c: 1 });
    expect(backend.seen).toEqual(['/a?x=1']);
  });

  test.each([
    ['its scheme in capitals', '/a', (origin: string) => `${origin.replace('http', 'HTTP')}/a`],
    ['no slash after the host', '/', (origin: string) => origin],
    ['a letter that is escaped on its way', '/%C3%A5', (origin: string) => `${origin}/å`],
    ['an address in another notation', '/a', (origin: string) => `${origin.replace('127.0.0.1', '0x7f000001')}/a`],
  ])('a URL written in another way: %s', async (_how, path, write) => {
    closeLater(() => defaultMashup.close());
    backend.answer(path, 1);
    const { locals } = await site.visit({ a: url(path), b: write(backend.origin) });
    expect(locals).toMatchObject({ a: 1, b: 1 });
    expect(backend.seen).toEqual([path]);
    const tuples = await multiGet([url(path), write(backend.origin)]);
    expect(tuples.map(([, data]) => data)).toEqual([1, 1]);
    expect(backend.seen).toEqual([path, path]);
  });

  test('items of a fan-out that repeat', async () => {
    for (const id of [1, 2]) backend.answer(`/i/${id}`, { id });
    const { locals } = await site.visit({ a: { url: url('/i/{item}'), each: () => [1, 2, 1, 1] } });
    expect(locals['a']).toEqual([{ id: 1 }, { id: 2 }, { id: 1 }, { id: 1 }]);
    expect([...backend.seen].sort()).toEqual(['/i/1', '/i/2']);
    expect(locals.mashup['a']).toMatchObject({ attempts: 2, source: 'network', status: 'success' });
    expect(locals.mashup['a']?.items?.map(({ source }) => source)).toEqual(['network', 'network', 'shared', 'shared']);
    const [first, , third] = locals['a'] as { id: number }[];
    expect(first).not.toBe(third);
  });

  test('an entry and an item', async () => {
    backend.answer('/i/1', 1);
    const { locals } = await site.visit({ a: url('/i/1'), b: { url: url('/i/{item}'), each: () => [1] } });
    expect(locals).toMatchObject({ a: 1, b: [1] });
    expect(backend.seen).toEqual(['/i/1']);
  });

  test('the URLs of multiGet', async () => {
    closeLater(() => defaultMashup.close());
    for (const path of ['/a', '/b']) backend.answer(path, path);
    const tuples = await multiGet([url('/a'), url('/b'), url('/a')]);
    expect(tuples.map(([, data, { source }]) => [data, source])).toEqual([
      ['/a', 'network'],
      ['/b', 'network'],
      ['/a', 'shared'],
    ]);
    expect([...backend.seen].sort()).toEqual(['/a', '/b']);
  });
});

describe('they do not', () => {
  test('across runs', async () => {
    const visits = [site.visit({ a: url('/a'), b: url('/a') }), site.visit({ a: url('/a'), b: url('/a') })];
    const asked = [await backend.asked('/a'), await backend.asked('/a')];
    for (const one of asked) one.reply(1);
    await Promise.all(visits);
    expect(backend.seen).toHaveLength(2);
  });

  test.each([
    ['headers', { headers: { 'x-key': 'k' } }],
    ['methods', { method: 'HEAD' }],
    ['redirect rules', { maxRedirects: 0 }],
    ['sizes', { maxContentLength: 5 }],
  ])('where they differ in %s', async (_what, options) => {
    backend.answer('/a', 1);
    await site.visit({ a: url('/a'), b: { url: url('/a'), ...options } });
    expect(backend.seen).toHaveLength(2);
  });

  test('where they differ in what the client sends', async () => {
    const visit = await openPage({ a: url('/a'), b: { url: url('/a'), forward: ['cookie'] } });
    backend.answer('/a', 1);
    expect((await visit({ headers: { cookie: 'id=ann' } })).outcomes).toMatchObject({
      a: { source: 'network' },
      b: { source: 'network' },
    });
    expect(backend.seen).toHaveLength(2);
    await visit();
    expect(backend.seen).toHaveLength(3);
  });

  test('by an axios instance', async () => {
    backend.answer('/a', 1);
    const mashup = mashupWith({ clock: site.clock, axios: axios.create() });
    closeLater(() => mashup.close());
    const page = { a: url('/a'), b: url('/a'), c: { url: url('/{item}'), each: () => ['a', 'a'] } };
    expect((await (await openPage(page, { mashup }))()).data).toEqual({ a: 1, b: 1, c: [1, 1] });
    expect(backend.seen).toHaveLength(4);
  });
});

describe('each is still a call of its own', () => {
  test('one that times out does not end the request of the other', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 100 }, b: url('/a') });
    const asked = await backend.asked('/a');
    site.clock.advance(100);
    asked.reply(1);
    expect((await visit).locals).toMatchObject({
      a: null,
      b: 1,
      mashup: { a: { error: { code: 'ERR_UPSTREAM_TIMEOUT' } }, b: { source: 'shared' } },
    });
  });

  test('when both have timed out the request is aborted, and nothing else', async () => {
    const entry = { url: url('/a'), timeout: 100 };
    const visit = site.visit({ a: entry, b: entry, c: url('/c') });
    const asked = await backend.asked('/a');
    site.clock.advance(100);
    await asked.closed;
    (await backend.asked('/c')).reply(3);
    expect((await visit).locals).toMatchObject({ a: null, b: null, c: 3 });
  });

  test('one that fails by its own schema does not fail the other', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as const;
    backend.answer('/a', 1);
    const { mashup } = (await site.visit({ a: { url: url('/a'), schema }, b: url('/a') })).locals;
    expect(mashup).toMatchObject({ a: { error: { code: 'ERR_UPSTREAM_SCHEMA' } }, b: { status: 'success' } });
  });

  test('a required one that fails ends the run', async () => {
    const visit = site.visit({ a: url('/a'), b: { url: url('/a'), required: true } });
    (await backend.asked('/a')).reply('no', { status: 500 });
    const { error, response } = await visit;
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstream: 'b' });
    expect(response.status).toBe(502);
  });

  test('but they hold one slot and one place at the origin', async () => {
    const visit = site.visit({ a: url('/a'), b: url('/a'), c: url('/a'), d: url('/d') }, { concurrency: 2 });
    const asked = [await backend.asked('/a'), await backend.asked('/d')];
    expect(site.mashup.stats().origins[backend.origin]?.inFlight).toBe(2);
    for (const one of asked) one.reply(1);
    expect((await visit).locals).toMatchObject({ a: 1, b: 1, c: 1, d: 1 });
  });
});
