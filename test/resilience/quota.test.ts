import { get } from 'node:http';
import { jest } from '@jest/globals';
import axios from 'axios';
import type { Outcome, UpstreamMap, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { HastyClock, ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { expresses, openPage, type Site, startSite, type Visit } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/up', 'well');
  backend.answer('/busy', 'no', { status: 503 });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const quota = { requests: 2, per: 1000 };
const used = 'ERR_UPSTREAM_QUOTA';
const outcomeOf = ({ locals }: Visit) => locals.mashup['a'] as Outcome;

/** Asks for a page so many times, one after the other; resolves to the codes of what came of it. */
async function codes(count: number, options: Partial<UpstreamOptions> = {}): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  for (let at = 0; at < count; at++) {
    all.push(outcomeOf(await site.visit({ a: { url: url('/up'), quota, ...options } })).error?.code);
  }
  return all;
}

test.each(expresses)(
  '%s: what is over the quota is not sent; the page is a 503 that says when it may be',
  async (_, express) => {
    const own = await startSite(express);
    for (let at = 0; at < 2; at++) await own.visit({ a: { url: url('/up'), quota } });
    own.clock.advance(400);
    const visit = await own.visit({ a: { url: url('/up?key=secret'), quota, required: true } });
    expect(visit.response.status).toBe(503);
    expect(visit.error).toMatchObject({ code: used, status: 503, upstream: 'a', attempts: 0, upstreamStatus: null });
    expect((visit.error as Error).message).toBe(
      `upstream 'a': the quota of ${backend.origin} (2 requests in 1000 ms) is used up, and the next may be sent in 600 ms (GET ${url('/up?key=…')})`,
    );
    expect(outcomeOf(visit)).toMatchObject({ attempts: 0, source: null, timings: { started: null, ended: 0 } });
    expect(backend.seen).toHaveLength(2);
    own.clock.advance(600);
    expect((await own.visit({ a: { url: url('/up'), quota } })).locals['a']).toBe('well');
  },
);

test('it slides: each request makes room when its own time is over', async () => {
  expect(await codes(1)).toEqual([undefined]);
  site.clock.advance(999);
  expect(await codes(2)).toEqual([undefined, used]);
  site.clock.advance(1);
  expect(await codes(2)).toEqual([undefined, used]);
  site.clock.advance(998);
  expect(await codes(1)).toEqual([used]);
  site.clock.advance(1);
  expect(await codes(2)).toEqual([undefined, used]);
});

describe('a fallback', () => {
  test('stands in for what is not asked', async () => {
    await codes(2);
    const { locals } = await site.visit({ a: { url: url('/up'), quota, fallback: { temp: null } } });
    expect(locals).toMatchObject({ a: { temp: null }, mashup: { a: { status: 'fallback', error: { code: used } } } });
  });
});

describe('shared or not', () => {
  test('pages with equal numbers at one origin share one; those with others, and other origins, do not', async () => {
    const other = await startBackend();
    other.answer('/up', 1);
    expect(await codes(3)).toEqual([undefined, undefined, used]);
    expect(await codes(1, { quota: { per: 1000, requests: 2 } })).toEqual([used]);
    expect(await codes(1, { quota: { requests: 3, per: 1000 } })).toEqual([undefined]);
    expect(await codes(1, { url: `${other.origin}/up` })).toEqual([undefined]);
    expect((await site.visit({ a: url('/up') })).locals['a']).toBe('well');
  });

  test('what names one is counted together, over origins, each against its own numbers', async () => {
    const other = await startBackend();
    other.answer('/up', 1);
    const named = { ...quota, name: 'maps' };
    expect(await codes(1, { quota: named })).toEqual([undefined]);
    expect(await codes(2, { quota: named, url: `${other.origin}/up` })).toEqual([undefined, used]);
    expect(await codes(2, { quota: { ...named, requests: 3 } })).toEqual([undefined, used]);
    expect(await codes(1, { quota: { ...named, name: 'others' } })).toEqual([undefined]);
    const { error } = outcomeOf(await site.visit({ a: { url: url('/up'), quota: named } }));
    expect(error?.message).toContain("the quota 'maps' (2 requests in 1000 ms) is used up");
  });

  test('another instance has its own', async () => {
    await codes(2);
    const elsewhere = await startSite();
    expect((await elsewhere.visit({ a: { url: url('/up'), quota } })).locals['a']).toBe('well');
  });
});

describe('what is counted', () => {
  test('redirects are not', async () => {
    backend.answer('/from', 1, { status: 302, headers: { location: '/up' } });
    expect(await codes(3, { url: url('/from') })).toEqual([undefined, undefined, used]);
    expect(backend.seen).toHaveLength(4);
  });

  test('each item of a list is', async () => {
    for (const item of [1, 2, 3]) backend.answer(`/${item}`, item);
    const { locals } = await site.visit({ a: { url: url('/{item}'), each: () => [1, 2, 3], quota } });
    expect(locals.mashup['a']?.items?.map(({ error }) => error?.code)).toEqual([undefined, undefined, used]);
    expect(locals.mashup['a']).toMatchObject({ status: 'partial', attempts: 2 });
  });

  test('where every item is refused, the page is a 503', async () => {
    await codes(2);
    const { response } = await site.visit({ a: { url: url('/up'), each: () => [1, 2], quota, required: true } });
    expect(response.status).toBe(503);
  });

  test('a request that runs share is once', async () => {
    const visits = [1, 2, 3, 4].map(() => site.visit({ a: { url: url('/a'), quota, coalesce: true } }));
    const asked = await backend.asked('/a');
    while (site.clock.pending < 4) await settled();
    for (let turns = 0; turns < 5; turns++) await settled();
    asked.reply('well');
    expect((await Promise.all(visits)).map(({ locals }) => locals['a'])).toEqual(Array(4).fill('well'));
    expect(await codes(2)).toEqual([undefined, used]);
  });

  test('and refusing is shared too', async () => {
    await codes(2);
    const same = { url: url('/up'), quota };
    const { locals } = await site.visit({ a: same, b: same });
    expect([locals.mashup['a']?.error?.code, locals.mashup['b']?.error?.code]).toEqual([used, used]);
  });
});

describe('what waits in line', () => {
  /** A page of three upstreams that wait for one place, which another one holds. */
  function line(options: Partial<UpstreamOptions> = {}) {
    const clock = new ManualClock();
    const mashup = mashupWith({ clock, limits: { perOrigin: 1, queue: 10 } });
    closeLater(() => mashup.close());
    const upstreams: UpstreamMap = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, { url: url(`/${name}`), quota, ...options }]),
    );
    site.app.get(
      '/line',
      mashup({ first: url('/first'), ...upstreams }, { deadline: 5000 }),
      (_req, res) => void res.json(res.locals),
    );
    return { clock, mashup };
  }

  const ask = () => fetch(`${site.origin}/line`, { headers: { connection: 'close' } }).then((answer) => answer.json());

  test('has room kept for it, and counts from when it is sent', async () => {
    const { clock } = line();
    const page = ask();
    const first = await backend.asked('/first');
    clock.advance(3000);
    first.reply(0);
    (await backend.asked('/a')).reply(1);
    (await backend.asked('/b')).reply(2);
    const { mashup } = (await page) as { mashup: Record<string, Outcome> };
    expect(mashup['c']?.error?.message).toContain('(2 requests in 1000 ms) is kept by others that wait to be sent');
    expect(mashup['c']).toMatchObject({ attempts: 0, error: { code: used } });
    const next = ask();
    (await backend.asked('/first')).reply(0);
    const { mashup: outcomes } = (await next) as { mashup: Record<string, Outcome> };
    expect(outcomes['a']?.error?.message).toContain('the next may be sent in 1000 ms');
  });

  test.each<[string, Partial<UpstreamOptions>, number]>([
    ['at its timeout', { timeout: 100 }, 100],
    ['at the deadline', {}, 5000],
  ])('and is given up %s, gives that room back', async (_when, options, ms) => {
    const { clock, mashup } = line(options);
    const page = ask();
    const first = await backend.asked('/first');
    while (mashup.stats().origins[backend.origin]?.queued !== 2) await settled();
    clock.advance(ms);
    if (ms < 5000) first.reply(0);
    await page;
    await expectRoomForTwo();
    expect(clock.pending).toBe(0);
  });

  test('and whose client leaves gives it back too', async () => {
    const { clock, mashup } = line();
    const client = get(`${site.origin}/line`).on('error', () => {});
    const first = await backend.asked('/first');
    while (mashup.stats().origins[backend.origin]?.queued !== 2) await settled();
    client.destroy();
    await first.closed;
    await expectRoomForTwo();
    expect(clock.pending).toBe(0);
  });

  test('and whose instance is closed gives it back too', async () => {
    const { clock, mashup } = line();
    const page = ask();
    await backend.asked('/first');
    while (mashup.stats().origins[backend.origin]?.queued !== 2) await settled();
    await mashup.close({ timeout: 1 });
    await page;
    await expectRoomForTwo();
    expect(clock.pending).toBe(0);
  });

  async function expectRoomForTwo(): Promise<void> {
    const next = ask();
    for (const path of ['/first', '/a', '/b']) (await backend.asked(path)).reply(path);
    const { a, b, c } = (await next) as Record<string, unknown>;
    expect([a, b, c]).toEqual(['/a', '/b', null]);
  }
});

describe('with retry', () => {
  test('each attempt counts, and one over the quota is left out: the call ends with what the last one came to', async () => {
    const clock = new HastyClock();
    const mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const visit = await openPage({ a: { url: url('/busy'), quota, retry: 5 } }, { mashup });
    const first = (await visit()).outcomes['a'];
    expect(first).toMatchObject({ attempts: 2, error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 503 } });
    expect(clock.waits).toHaveLength(2);
    // One that was never sent is not tried again, and costs no budget.
    expect((await visit()).outcomes['a']).toMatchObject({ attempts: 0, error: { code: used } });
    expect(clock.waits).toHaveLength(2);
    expect(mashup.stats().origins[backend.origin]).toMatchObject({ budget: 9, outcomes: { answered: 2 } });
    expect(backend.seen).toHaveLength(2);
  });

  test('what was kept while a retry waits is the others’', async () => {
    const visiting = site.visit({ a: { url: url('/a'), quota, retry: true } });
    (await backend.asked('/a')).reply('no', { status: 503, headers: { 'retry-after': '1' } });
    while (site.mashup.stats().origins[backend.origin]?.inFlight !== 0) await settled();
    site.clock.advance(500);
    expect(await codes(2)).toEqual([undefined, used]);
    site.clock.advance(500);
    (await backend.asked('/a')).reply('well');
    expect((await visiting).locals['a']).toBe('well');
  });
});

describe('with hedge', () => {
  test.each<[string, number, string | undefined]>([
    ['an answer', 200, undefined],
    ['a failure', 500, 'ERR_UPSTREAM_STATUS'],
  ])('one over the quota is left out, and the first attempt goes on to %s', async (_what, status, code) => {
    const visiting = site.visit({ a: { url: url('/a'), quota: { requests: 1, per: 1000 }, hedge: 100 } });
    const a = await backend.asked('/a');
    site.clock.advance(100);
    expect(site.begun).toBe(1);
    a.reply('well', { status });
    const outcome = outcomeOf(await visiting);
    expect([outcome.attempts, outcome.error?.code]).toEqual([1, code]);
    expect(site.mashup.stats().origins[backend.origin]).toMatchObject({ budget: 10 });
  });

  test('a failure without any answer is told too', async () => {
    const options = { quota: { requests: 1, per: 1000 }, hedge: 100, attemptTimeout: 300 };
    const visiting = site.visit({ a: { url: url('/a'), ...options } });
    await backend.asked('/a');
    site.clock.advance(300);
    expect(outcomeOf(await visiting).error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
  });

  test('it counts', async () => {
    const visiting = site.visit({ a: { url: url('/a'), quota, hedge: 100 } });
    await backend.asked('/a');
    site.clock.advance(100);
    (await backend.asked('/a')).reply('well');
    await visiting;
    expect(await codes(1)).toEqual([used]);
  });
});

test('with a breaker: a refusal is neither a failure nor a success, and a probe that is refused is not kept', async () => {
  const options = { breaker: { minimum: 2, halfOpenAfter: 100 } };
  await codes(2, { ...options, url: url('/busy') });
  expect(site.mashup.stats().origins[backend.origin]).toMatchObject({ breaker: 'open' });
  site.clock.advance(100);
  expect(await codes(7, options)).toEqual(Array(7).fill(used));
  expect(site.mashup.stats().origins[backend.origin]).toMatchObject({
    breaker: 'half-open',
    p50: null,
    outcomes: { answered: 2 },
  });
  site.clock.advance(900);
  expect(await codes(1, options)).toEqual([undefined]);
  expect(site.mashup.stats().origins[backend.origin]?.breaker).toBe('closed');
});

test('with an axios instance: its requests count, and what is over the quota does not reach it', async () => {
  const instance = axios.create({ baseURL: backend.origin });
  let intercepted = 0;
  instance.interceptors.request.use((config) => {
    intercepted++;
    return config;
  });
  const mashup = mashupWith({ clock: new ManualClock(), axios: instance });
  closeLater(() => mashup.close());
  const visit = await openPage({ a: { url: '/up', quota } }, { mashup });
  const ends: (string | undefined)[] = [];
  for (let at = 0; at < 3; at++) ends.push((await visit()).outcomes['a']?.error?.code);
  expect(ends).toEqual([undefined, undefined, used]);
  expect(intercepted).toBe(2);
});
