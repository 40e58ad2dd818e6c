import request from 'supertest';
import type { Dispatcher } from 'undici';
import { DispatcherConnections } from '../../src/transport/dispatcher.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

function numbered(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`u${at}`, url(`/${at}`)]));
}

test.each([
  [8, { concurrency: 4 }, 4],
  [3, { concurrency: 1 }, 1],
  [5, { concurrency: 9 }, 5],
  [12, {}, 10],
])('of %i upstreams with %o, %i are in flight at once, never more, and all are done', async (count, options, most) => {
  const visit = site.visit(numbered(count), options);
  const asked = await Promise.all(Array.from({ length: most }, (_, at) => backend.asked(`/${at}`)));
  for (let at = 0; at < count; at++) {
    expect(backend.inFlight).toBe(Math.min(most, count - at));
    asked[at]?.reply(at);
    if (at + most < count) asked.push(await backend.asked(`/${at + most}`));
  }
  const { locals } = await visit;
  expect(backend.most).toBe(most);
  for (let at = 0; at < count; at++) expect(locals[`u${at}`]).toBe(at);
});

test('calls of equal weight start in the order written', async () => {
  const names = ['/c', '/a', '/d', '/b'];
  for (const name of names) backend.answer(name, name);
  await site.visit(Object.fromEntries(names.map((name) => [name.slice(1), url(name)])), { concurrency: 1 });
  expect(backend.seen).toEqual(names);
});

test('of equal weight, one that came into the queue later goes first if it was written first', async () => {
  const pass = deferred<boolean>();
  for (const name of ['/b', '/c']) backend.answer(name, name);
  const upstreams = { a: url('/a'), b: { url: url('/b'), when: () => pass.promise }, c: url('/c') };
  const visit = site.visit(upstreams, { concurrency: 1 });
  const a = await backend.asked('/a');
  pass.resolve(true);
  await settled();
  a.reply('/a');
  await visit;
  expect(backend.seen).toEqual(['/a', '/b', '/c']);
});

test('each run has slots of its own', async () => {
  const page = { a: url('/a'), b: url('/b') };
  const visits = [site.visit(page, { concurrency: 1 }), site.visit(page, { concurrency: 1 })];
  const asked = [await backend.asked('/a'), await backend.asked('/a')];
  expect(backend.inFlight).toBe(2);
  backend.answer('/b', 1);
  for (const each of asked) each.reply(1);
  await Promise.all(visits);
});

test.each([
  ['fails', { status: 500 }],
  ['is refused for its size', { headers: { 'content-length': '99999999' } }],
])('a call that %s gives its slot to the next', async (_how, reply) => {
  backend.answer('/b', 1);
  const visit = site.visit({ a: url('/a'), b: url('/b') }, { concurrency: 1 });
  (await backend.asked('/a')).reply('no', reply);
  const { mashup } = (await visit).locals;
  expect(mashup).toMatchObject({ a: { status: 'error' }, b: { status: 'success' } });
});

test('a call that times out gives its slot to the next', async () => {
  const visit = site.visit({ a: { url: url('/a'), timeout: 100 }, b: url('/b') }, { concurrency: 1 });
  await backend.asked('/a');
  site.clock.advance(100);
  (await backend.asked('/b')).reply(1);
  expect((await visit).locals['b']).toBe(1);
});

test('a call that times out in the queue is never sent, and the one behind it is', async () => {
  const visit = site.visit(
    { a: url('/a'), b: { url: url('/b'), timeout: 100 }, c: url('/c') },
    { concurrency: 1, deadline: 500 },
  );
  const a = await backend.asked('/a');
  site.clock.advance(100);
  a.reply(1);
  (await backend.asked('/c')).reply(3);
  const { mashup } = (await visit).locals;
  expect(mashup['b']).toMatchObject({
    error: { code: 'ERR_UPSTREAM_TIMEOUT' },
    attempts: 0,
    timings: { ready: 0, started: null, firstByte: null, ended: 100 },
  });
  expect(backend.seen).toEqual(['/a', '/c']);
});

test('a call whose callback is at work holds no slot', async () => {
  const pass = deferred<boolean>();
  const when = () => pass.promise;
  const visit = site.visit({ a: { url: url('/a'), when }, b: url('/b') }, { concurrency: 1 });
  (await backend.asked('/b')).reply(2);
  pass.resolve(true);
  (await backend.asked('/a')).reply(1);
  expect((await visit).locals).toMatchObject({ a: 1, b: 2 });
});

test('a call whose fallback is being made holds no slot', async () => {
  const made = deferred<string>();
  const fallback = () => made.promise;
  backend.answer('/a', 'no', { status: 500 });
  const visit = site.visit({ a: { url: url('/a'), fallback }, b: url('/b') }, { concurrency: 1 });
  const b = await backend.asked('/b');
  made.resolve('instead');
  b.reply(2);
  expect((await visit).locals).toMatchObject({ a: 'instead', b: 2 });
});

test('a call that is skipped holds no slot', async () => {
  backend.answer('/b', 2);
  const { locals } = await site.visit({ a: { url: url('/a'), when: () => false }, b: url('/b') }, { concurrency: 1 });
  expect(locals).toMatchObject({ a: null, b: 2 });
});

test('at the deadline nothing that is in the queue is sent any more', async () => {
  const visit = site.visit(numbered(5), { concurrency: 2, deadline: 500 });
  const asked = await Promise.all([backend.asked('/0'), backend.asked('/1')]);
  site.clock.advance(500);
  const { mashup } = (await visit).locals;
  await Promise.all(asked.map(({ closed }) => closed));
  expect(backend.seen).toHaveLength(2);
  expect(Object.values(mashup).map(({ attempts }) => attempts)).toEqual([1, 1, 0, 0, 0]);
  expect(Object.values(mashup).every(({ error }) => error?.code === 'ERR_UPSTREAM_DEADLINE')).toBe(true);
});

test('a dispatcher that throws fails its own call, which gives its slot to the next', async () => {
  const dispatcher = {
    dispatch: () => {
      throw new Error('out of order');
    },
  };
  const connections = new DispatcherConnections(dispatcher as unknown as Dispatcher);
  const page = mashupWith({ clock: site.clock, connections })({ a: url('/a'), b: url('/b') }, { concurrency: 1 });
  site.app.get('/', page, (_req, res) => {
    res.json(res.locals.mashup);
  });
  const { body } = await request(site.origin).get('/');
  expect(body).toMatchObject({
    // What a dispatcher says may hold the whole URL: it is in the cause, and not in the message.
    a: { error: { code: 'ERR_UPSTREAM_CONNECT', message: expect.not.stringContaining('out of order') } },
    b: { error: { code: 'ERR_UPSTREAM_CONNECT' } },
  });
});
