import axios from 'axios';
import request, { type Response } from 'supertest';
import { Agent } from 'undici';
import type { Mashup, OriginStats, UpstreamMap } from '../../src/index.js';
import { KeptConnections } from '../../src/transport/connections.js';
import { DispatcherConnections } from '../../src/transport/dispatcher.js';
import type { Connections } from '../../src/transport/wire.js';
import { type Asked, type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let other: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  other = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

function instance(perOrigin: number, connections: Connections = new KeptConnections(), byAxios = false): Mashup {
  const limits = { perOrigin, queue: 100 };
  const mashup = mashupWith({ clock: site.clock, connections, limits, axios: byAxios ? axios.create() : null });
  closeLater(() => mashup.close());
  return mashup;
}

let pages = 0;

async function visit(mashup: Mashup, upstreams: UpstreamMap, concurrency = 10): Promise<Response> {
  const path = `/page${++pages}`;
  site.app.get(path, mashup(upstreams, { concurrency }), (_req, res) => void res.json(res.locals));
  return await request(site.origin).get(path);
}

const statsOf = (mashup: Mashup, origin: string): Partial<OriginStats> => mashup.stats().origins[origin] ?? {};

async function until(mashup: Mashup, origin: string, inFlight: number, queued: number): Promise<void> {
  for (let stats = statsOf(mashup, origin); stats.inFlight !== inFlight || stats.queued !== queued; ) {
    await settled();
    stats = statsOf(mashup, origin);
  }
}

describe('slots of the run and places at the origin', () => {
  test('who waits for an origin holds no slot: another call goes on with concurrency 1', async () => {
    const mashup = instance(1);
    const first = visit(mashup, { a: url('/a') });
    const a = await backend.asked('/a');
    const second = visit(mashup, { b: url('/b'), c: `${other.origin}/c` }, 1);
    (await other.asked('/c')).reply('c');
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 1, queued: 1 });
    a.reply('a');
    (await backend.asked('/b')).reply('b');
    expect((await second).body).toMatchObject({ b: 'b', c: 'c' });
    await first;
  });

  test('who waits for a slot holds no place: another run goes on', async () => {
    const mashup = instance(1);
    const first = visit(mashup, { a: url('/a') });
    const a = await backend.asked('/a');
    // b waits for the origin of a; so c, whose origin hangs, has the only slot when b's turn comes.
    const second = visit(mashup, { b: url('/b'), c: `${other.origin}/c` }, 1);
    const c = await other.asked('/c');
    a.reply('a');
    await first;
    const third = visit(mashup, { d: url('/d') });
    (await backend.asked('/d')).reply('d');
    expect((await third).body.d).toBe('d');
    c.reply('c');
    (await backend.asked('/b')).reply('b');
    expect((await second).body).toMatchObject({ b: 'b', c: 'c' });
    for (const { origin } of [backend, other]) {
      expect(statsOf(mashup, origin)).toMatchObject({ inFlight: 0, queued: 0 });
    }
  });

  test('of a run, as many as it has slots wait at an origin; the others go on to other origins', async () => {
    const mashup = instance(1);
    const first = visit(mashup, { a: url('/a') });
    const a = await backend.asked('/a');
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`u${at}`, url(`/${at}`)]));
    const second = visit(mashup, { ...many, c: `${other.origin}/c` }, 2);
    (await other.asked('/c')).reply('c');
    await until(mashup, other.origin, 0, 0);
    await until(mashup, backend.origin, 1, 2);
    a.reply('a');
    await first;
    for (let at = 0; at < 6; at++) (await backend.asked(`/${at}`)).reply(at);
    expect((await second).body).toMatchObject({ u0: 0, u5: 5, c: 'c' });
    expect(backend.most).toBe(1);
  });

  test('wherever they wait, the deadline ends them all, and nothing more is sent', async () => {
    const mashup = instance(1);
    const upstreams = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`u${at}`, url(`/${at}`)]));
    const page = visit(mashup, upstreams, 2);
    const first = await backend.asked('/0');
    await until(mashup, backend.origin, 1, 2);
    site.clock.advance(2000);
    const codes = Object.keys(upstreams).map(async (name) => (await page).body.mashup[name].error.code);
    expect(await Promise.all(codes)).toEqual(Array(6).fill('ERR_UPSTREAM_DEADLINE'));
    await first.closed;
    expect(backend.seen).toEqual(['/0']);
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, queued: 0 });
  });

  test('an origin that hangs, with all its places taken, does not keep another from answering', async () => {
    const mashup = instance(2);
    const sick = Array.from({ length: 8 }, (_, at) => visit(mashup, { a: url(`/${at}`) }));
    await until(mashup, backend.origin, 2, 6);
    other.answer('/', 'well');
    const { body } = await visit(mashup, { b: `${other.origin}/` });
    expect(body.b).toBe('well');
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 2, queued: 6 });
    site.clock.advance(2000);
    for (const { body } of await Promise.all(sick)) expect(body.mashup.a.error.code).toBe('ERR_UPSTREAM_DEADLINE');
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, queued: 0 });
  });
});

describe('hedges', () => {
  test('take slots of the run', async () => {
    const mashup = instance(100);
    const [a, b] = ['/a', '/b'].map((path) => ({ url: url(path), hedge: 100 }));
    const page = visit(mashup, { a, b } as UpstreamMap, 3);
    const first = [await backend.asked('/a'), await backend.asked('/b')];
    site.clock.advance(100);
    const second = await backend.asked('/a');
    expect(statsOf(mashup, backend.origin).inFlight).toBe(3);
    // b has no slot for a hedge, and its answer comes before it could get one.
    first[1]?.reply(1);
    while (statsOf(mashup, backend.origin).inFlight === 3) await settled();
    first[0]?.reply(1);
    expect((await page).body).toMatchObject({ a: 1, b: 1, mashup: { a: { attempts: 2 }, b: { attempts: 1 } } });
    await second.closed;
    expect(backend.most).toBe(3);
  });

  test('get a slot when there is one', async () => {
    const mashup = instance(100);
    const page = visit(mashup, { a: { url: url('/a'), hedge: 100 }, b: url('/b') }, 2);
    const [a, b] = [await backend.asked('/a'), await backend.asked('/b')];
    site.clock.advance(100);
    await settled();
    expect(statsOf(mashup, backend.origin).inFlight).toBe(2);
    b.reply('b');
    (await backend.asked('/a')).reply('hedge');
    expect((await page).body.a).toBe('hedge');
    await a.closed;
    expect(backend.most).toBe(2);
  });

  test('are not for those whose first attempt waits for a slot: the delay begins when it is sent', async () => {
    const mashup = instance(100);
    const page = visit(mashup, { a: url('/a'), b: { url: url('/b'), hedge: 100 } }, 1);
    const a = await backend.asked('/a');
    site.clock.advance(150);
    expect(statsOf(mashup, backend.origin).budget).toBe(10);
    a.reply('a');
    const b = await backend.asked('/b');
    site.clock.advance(99);
    expect(statsOf(mashup, backend.origin).budget).toBe(10);
    b.reply('b');
    expect((await page).body).toMatchObject({ a: 'a', b: 'b', mashup: { b: { attempts: 1 } } });
  });

  test('take places at the origin', async () => {
    const mashup = instance(1);
    const page = visit(mashup, { a: { url: url('/a'), hedge: 100 } });
    const a = await backend.asked('/a');
    site.clock.advance(100);
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 1, queued: 1 });
    a.reply('a');
    expect((await page).body).toMatchObject({ a: 'a', mashup: { a: { attempts: 1 } } });
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, queued: 0 });
    expect(backend.seen).toHaveLength(1);
  });

  test('that the origin has no room for do not hide how the first attempt fails', async () => {
    const limits = { perOrigin: 1, queue: 0 };
    const mashup = mashupWith({ clock: site.clock, limits });
    closeLater(() => mashup.close());
    const page = visit(mashup, { a: { url: url('/a'), hedge: 100 } });
    const a = await backend.asked('/a');
    site.clock.advance(100);
    await settled();
    a.reply('no', { status: 500 });
    expect((await page).body.mashup.a).toMatchObject({ error: { code: 'ERR_UPSTREAM_STATUS', attempts: 1 } });
  });
});

const agent = (): Connections => {
  const dispatcher = new Agent();
  closeLater(() => dispatcher.destroy());
  return new DispatcherConnections(dispatcher);
};

describe.each([
  ['connections of its own', () => instance(2)],
  ['a dispatcher', () => instance(2, agent())],
  ['an axios instance', () => instance(2, new KeptConnections(), true)],
])('an instance with %s', (_what, start) => {
  test('is bound by the same limits', async () => {
    const mashup = start();
    const page = visit(mashup, { a: url('/a'), b: url('/b'), c: url('/c'), d: url('/d') });
    const asked: Asked[] = [await backend.asked('/a'), await backend.asked('/b')];
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 2, queued: 2 });
    asked[0]?.reply(1);
    asked.push(await backend.asked('/c'));
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 2, queued: 1 });
    for (const one of asked.slice(1)) one.reply(1);
    (await backend.asked('/d')).reply(1);
    expect((await page).body).toMatchObject({ a: 1, b: 1, c: 1, d: 1 });
    expect(backend.most).toBe(2);
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, queued: 0, outcomes: { answered: 4 } });
  });

  test('keeps the place through redirects, and counts them as one attempt', async () => {
    const mashup = start();
    for (const path of ['/a', '/b', '/c']) backend.answer(path, '', { status: 302, headers: { location: `${path}2` } });
    const page = visit(mashup, { a: url('/a'), b: url('/b'), c: url('/c') });
    const [a, b] = [await backend.asked('/a2'), await backend.asked('/b2')];
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 2, queued: 1 });
    for (const one of [a, b]) one.reply(1);
    (await backend.asked('/c2')).reply(1);
    expect((await page).body).toMatchObject({ a: 1, b: 1, c: 1, mashup: { c: { attempts: 1 } } });
    expect(backend.most).toBe(2);
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, outcomes: { answered: 3 } });
  });

  test('has all its places again after aborts', async () => {
    const mashup = start();
    const page = visit(mashup, { a: url('/a'), b: url('/b'), c: url('/c') });
    const asked = [await backend.asked('/a'), await backend.asked('/b')];
    site.clock.advance(2000);
    await page;
    await Promise.all(asked.map(({ closed }) => closed));
    expect(statsOf(mashup, backend.origin)).toMatchObject({ inFlight: 0, queued: 0 });
  });
});
