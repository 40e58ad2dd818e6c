import { mashup as defaultMashup } from '../../src/default.js';
import { createMashup } from '../../src/index.js';
import type { Mashup } from '../../src/page-types.js';
import { type Asked, type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { openPage } from '../support/site.js';

let backend: Backend;
let clock: ManualClock;

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
});
afterEach(closeAll);

// Where nobody listens, nor can any other test meanwhile.
const nobody = 'http://127.0.0.1:1';
const url = (path: string) => `${backend.origin}${path}`;
const idle = { inFlight: 0, queued: 0, breaker: null, budget: 10, p50: null, p95: null };

function instance(limits = { perOrigin: 128, queue: 1024 }): Mashup {
  const mashup = mashupWith({ clock, limits });
  closeLater(() => mashup.close());
  return mashup;
}

test('there are none before anything was asked, and what they give is the caller’s own', async () => {
  const mashup = instance();
  expect(mashup.stats().origins).toEqual({});
  backend.answer('/a', 1);
  await (await openPage({ a: url('/a') }, { mashup }))();
  const stats = mashup.stats().origins;
  expect(stats).toEqual({ [backend.origin]: { ...idle, outcomes: { answered: 1 } } });
  Object.assign(stats[backend.origin] as object, { inFlight: 9 });
  (stats[backend.origin] as { outcomes: Record<string, number> }).outcomes['answered'] = 9;
  expect(mashup.stats().origins).toEqual({ [backend.origin]: { ...idle, outcomes: { answered: 1 } } });
  expect(JSON.parse(JSON.stringify(mashup.stats().origins))).toEqual(mashup.stats().origins);
});

test('every instance has its own, the default one too', async () => {
  const made = createMashup();
  closeLater(() => made.close());
  expect(made.stats().origins).toEqual({});
  expect(defaultMashup.stats().origins).toEqual({});
  expect(Object.keys((await asked(instance())).stats().origins)).toEqual([backend.origin]);
  expect(made.stats().origins).toEqual({});
});

async function asked(mashup: Mashup): Promise<Mashup> {
  backend.answer('/a', 1);
  await (await openPage({ a: url('/a') }, { mashup }))();
  return mashup;
}

describe('of a flat page', () => {
  test('what is in flight and what is in line, while the upstream holds its answers', async () => {
    const mashup = instance({ perOrigin: 2, queue: 5 });
    const stats = () => mashup.stats().origins[backend.origin];
    const upstreams = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [`u${at}`, url(`/${at}`)]));
    const visiting = (await openPage(upstreams, { mashup }))();
    const held: Asked[] = await Promise.all([backend.asked('/0'), backend.asked('/1')]);
    expect(stats()).toEqual({ ...idle, inFlight: 2, queued: 3, outcomes: {} });
    held[0]?.reply(0);
    held.push(await backend.asked('/2'));
    expect(stats()).toMatchObject({ inFlight: 2, queued: 2, outcomes: { answered: 1 } });
    held[1]?.reply(1);
    held.push(await backend.asked('/3'));
    held[2]?.reply(2);
    const last = await backend.asked('/4');
    expect(stats()).toMatchObject({ inFlight: 2, queued: 0, outcomes: { answered: 3 } });
    held[3]?.reply(3);
    last.reply(4);
    await visiting;
    expect(stats()).toEqual({ ...idle, outcomes: { answered: 5 } });
    expect(backend.most).toBe(2);
  });

  test('what the deadline ends is neither in flight nor in line', async () => {
    const mashup = instance({ perOrigin: 1, queue: 5 });
    const visiting = (await openPage({ a: url('/a'), b: url('/b') }, { mashup }))();
    const a = await backend.asked('/a');
    expect(mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 1, queued: 1 });
    clock.advance(2000);
    await Promise.all([visiting, a.closed]);
    expect(mashup.stats().origins[backend.origin]).toEqual({ ...idle, outcomes: { ERR_UPSTREAM_DEADLINE: 1 } });
  });

  test('what a required failure ends never gets in line, though its slot has just come free', async () => {
    const mashup = instance({ perOrigin: 1, queue: 5 });
    const other = await startBackend();
    const holding = (await openPage({ x: `${other.origin}/x` }, { mashup }))();
    const x = await other.asked('/x');
    const page = { a: { url: url('/a'), required: true }, b: `${other.origin}/b` };
    const visiting = (await openPage(page, { mashup, options: { concurrency: 1 } }))();
    (await backend.asked('/a')).reply('no', { status: 500 });
    expect((await visiting).error).toMatchObject({ upstream: 'a' });
    await settled();
    expect(mashup.stats().origins[other.origin]).toMatchObject({ inFlight: 1, queued: 0 });
    x.reply(1);
    await holding;
    expect(other.seen).toEqual(['/x']);
  });

  test('what becomes of attempts: an answer is one, whatever its status', async () => {
    const mashup = instance();
    const dead = nobody;
    const broken = await startRawBackend((socket) => socket.once('data', () => socket.resetAndDestroy()));
    backend.answer('/200', 1);
    backend.answer('/404', 1, { status: 404 });
    backend.answer('/500', 1, { status: 500 });
    backend.answer('/large', 'x'.repeat(100));
    const upstreams = {
      a: url('/200'),
      b: url('/404'),
      c: url('/500'),
      d: { url: url('/large'), maxContentLength: 10 },
      e: `${dead}/`,
      f: `${broken}/`,
      g: { url: () => url('/never'), origins: 'public' },
    } as const;
    await (await openPage(upstreams, { mashup }))();
    const outcomes = Object.fromEntries(
      Object.entries(mashup.stats().origins).map(([origin, stats]) => [origin, stats.outcomes]),
    );
    expect(outcomes).toEqual({
      [backend.origin]: { answered: 3, ERR_UPSTREAM_TOO_LARGE: 1, ERR_UPSTREAM_BLOCKED: 1 },
      [dead]: { ERR_UPSTREAM_CONNECT: 1 },
      [broken]: { ERR_UPSTREAM_NETWORK: 1 },
    });
  });
});

describe('quantiles of latencies', () => {
  test('are null until there are 20 answers; failures are none', async () => {
    const mashup = instance();
    const stats = () => mashup.stats().origins[backend.origin];
    const ask = await openPage({ a: { url: url('/a'), timeout: 1000 } }, { mashup });
    for (let ms = 1; ms <= 19; ms++) await take(ask, ms);
    expect(stats()).toMatchObject({ p50: null, p95: null });
    const late = ask();
    await backend.asked('/a');
    clock.advance(1000);
    await late;
    expect(stats()).toMatchObject({ p50: null, p95: null, outcomes: { answered: 19, ERR_UPSTREAM_TIMEOUT: 1 } });
    await take(ask, 20);
    expect(stats()).toMatchObject({ p50: 11, p95: 20 });
  });

  async function take(ask: () => Promise<unknown>, ms: number): Promise<void> {
    const visiting = ask();
    const one = await backend.asked('/a');
    clock.advance(ms);
    one.reply(1);
    await visiting;
  }
});

test('the breaker is the one that is not closed, if there are several', async () => {
  const mashup = instance();
  const state = () => mashup.stats().origins[backend.origin]?.breaker;
  backend.answer('/up', 1);
  backend.answer('/down', 1, { status: 500 });
  const visit = async (path: string, breaker: object) =>
    (await openPage({ a: { url: url(path), breaker } }, { mashup }))();
  await visit('/up', { minimum: 7 });
  expect(state()).toBe('closed');
  await visit('/down', { minimum: 1 });
  expect(state()).toBe('open');
  await visit('/up', { minimum: 8 });
  expect(state()).toBe('open');
  clock.advance(5000);
  const probing = visit('/a', { minimum: 1 });
  const probe = await backend.asked('/a');
  expect(state()).toBe('half-open');
  probe.reply(1);
  await probing;
  expect(state()).toBe('closed');
});
