import { jest } from '@jest/globals';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { type Site, startSite, type Visit } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/down', 'no', { status: 500 });
  backend.answer('/up', 'well');
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const breaker = { minimum: 4, halfOpenAfter: 5000 };
const stateOf = (origin = backend.origin) => site.mashup.stats().origins[origin]?.breaker;

async function visits(count: number, path: string, options: object | boolean = breaker): Promise<Visit[]> {
  const all: Visit[] = [];
  for (let at = 0; at < count; at++) all.push(await site.visit({ a: { url: url(path), breaker: options } }));
  return all;
}

const codeOf = ({ locals }: Visit) => locals.mashup['a']?.error?.code;
const open = 'ERR_UPSTREAM_CIRCUIT_OPEN';

test('opens at its threshold; then nothing is sent, and the error says when it will be', async () => {
  const failed = await visits(4, '/down');
  expect(failed.map(codeOf)).toEqual(Array(4).fill('ERR_UPSTREAM_STATUS'));
  site.clock.advance(1000);
  const visit = await site.visit({ a: { url: url('/down?key=secret'), breaker, required: true } });
  expect(visit.response.status).toBe(503);
  expect(visit.error).toMatchObject({ code: open, status: 503, upstream: 'a', attempts: 0, upstreamStatus: null });
  expect((visit.error as Error).message).toBe(
    `upstream 'a': ${backend.origin} has been failing, and will be tried again in 4000 ms (GET ${url('/down?key=…')})`,
  );
  expect(visit.locals.mashup['a']).toMatchObject({ attempts: 0, source: null, timings: { started: null, ended: 0 } });
  expect(backend.seen).toHaveLength(4);
});

test('by default opens after twenty answers in ten seconds, half of them failures, for five seconds', async () => {
  await visits(10, '/up', true);
  await visits(9, '/down', true);
  expect(stateOf()).toBe('closed');
  await visits(1, '/down', true);
  expect(stateOf()).toBe('open');
  site.clock.advance(4999);
  expect((await visits(1, '/up', true)).map(codeOf)).toEqual([open]);
  site.clock.advance(1);
  expect((await visits(1, '/up', true)).map(codeOf)).toEqual([undefined]);
  expect(stateOf()).toBe('closed');
});

test('forgets failures that its window has passed over', async () => {
  await visits(3, '/down');
  site.clock.advance(10_000);
  await visits(3, '/down');
  expect(stateOf()).toBe('closed');
  await visits(1, '/down');
  expect(stateOf()).toBe('open');
});

describe('half open', () => {
  beforeEach(async () => {
    await visits(4, '/down');
    site.clock.advance(5000);
  });

  /** Asks 50 times at once, and resolves when all but five have ended. */
  async function crowd(): Promise<{ all: Promise<Visit[]>; refused: Visit[] }> {
    const refused: Visit[] = [];
    const alone = deferred();
    const all = Array.from({ length: 50 }, async () => {
      const visit = await site.visit({ a: { url: url('/a'), breaker } });
      if (refused.push(visit) === 45) alone.resolve();
      return visit;
    });
    await alone.promise;
    return { all: Promise.all(all), refused };
  }

  test('lets five of 50 calls through; their success closes it', async () => {
    const { all, refused } = await crowd();
    expect(refused.map(codeOf)).toEqual(Array(45).fill(open));
    expect(refused[0]?.locals.mashup['a']?.error?.message).toContain(
      `${backend.origin} has been failing, and is being tried by other calls`,
    );
    expect(backend.seen.filter((path) => path === '/a')).toHaveLength(5);
    expect(stateOf()).toBe('half-open');
    for (let at = 0; at < 5; at++) (await backend.asked('/a')).reply('well');
    const codes = (await all).map(codeOf);
    expect(codes.filter((code) => code === undefined)).toHaveLength(5);
    expect(stateOf()).toBe('closed');
    expect((await visits(3, '/up')).map(codeOf)).toEqual([undefined, undefined, undefined]);
  });

  test('opens again when those fail', async () => {
    const { all } = await crowd();
    site.clock.advance(100);
    for (let at = 0; at < 5; at++) (await backend.asked('/a')).reply('no', { status: 500 });
    await all;
    expect(stateOf()).toBe('open');
    site.clock.advance(4999);
    expect((await visits(1, '/up')).map(codeOf)).toEqual([open]);
    site.clock.advance(1);
    expect((await visits(1, '/up')).map(codeOf)).toEqual([undefined]);
  });

  test('opens again when that one hangs until the deadline', async () => {
    const visit = site.visit({ a: { url: url('/a'), breaker } });
    const asked = await backend.asked('/a');
    site.clock.advance(2000);
    await asked.closed;
    await visit;
    expect(stateOf()).toBe('open');
  });

  test('a 404 is a sign of life', async () => {
    backend.answer('/none', 'no', { status: 404 });
    await visits(1, '/none');
    expect(stateOf()).toBe('closed');
  });
});

describe('shared or not', () => {
  test('the failures of one origin never open the breaker of another', async () => {
    const other = await startBackend();
    other.answer('/up', 1);
    await visits(10, '/down');
    const { locals } = await site.visit({
      a: { url: url('/up'), breaker },
      b: { url: `${other.origin}/up`, breaker },
    });
    expect(locals).toMatchObject({ a: null, b: 1 });
    expect([stateOf(), stateOf(other.origin)]).toEqual(['open', 'closed']);
  });

  test('pages with equal options share one, written out or not', async () => {
    await visits(4, '/down', { minimum: 4 });
    const written = { halfOpenAfter: 5000, window: 10_000, minimum: 4, threshold: 0.5 };
    expect((await visits(1, '/up', written)).map(codeOf)).toEqual([open]);
  });

  test.each([
    { minimum: 5 },
    { minimum: 4, threshold: 0.6 },
    { minimum: 4, window: 9000 },
    { minimum: 4, halfOpenAfter: 1 },
  ])('pages with other options do not: %o', async (options) => {
    await visits(4, '/down', { minimum: 4 });
    expect((await visits(1, '/up', options)).map(codeOf)).toEqual([undefined]);
    expect(stateOf()).toBe('open');
  });

  test('upstreams without one are asked, whatever the others have found out', async () => {
    await visits(4, '/down');
    expect((await site.visit({ a: url('/up') })).locals['a']).toBe('well');
  });

  test('another instance has its own', async () => {
    await visits(4, '/down');
    const elsewhere = await startSite();
    expect((await elsewhere.visit({ a: { url: url('/up'), breaker } })).locals['a']).toBe('well');
  });
});

describe('with a fallback', () => {
  test('data stands in for what is not asked', async () => {
    await visits(4, '/down');
    const { locals } = await site.visit({ a: { url: url('/up'), breaker, fallback: { temp: null } } });
    expect(locals).toMatchObject({ a: { temp: null }, mashup: { a: { status: 'fallback', error: { code: open } } } });
  });

  test('a function is told why', async () => {
    await visits(4, '/down');
    const fallback = (error: Error) => (error as Error & { code: string }).code;
    expect((await site.visit({ a: { url: url('/up'), breaker, fallback } })).locals['a']).toBe(open);
  });
});

describe('with retry', () => {
  test('an open one is not asked again, and costs no budget', async () => {
    await visits(4, '/down');
    const visit = await site.visit({ a: { url: url('/up'), breaker, retry: 5 } });
    expect(visit.locals.mashup['a']).toMatchObject({ attempts: 0, error: { code: open } });
    expect(site.mashup.stats().origins[backend.origin]?.budget).toBe(10);
    expect(backend.seen).toHaveLength(4);
  });

  test('each attempt counts, and one that opens it is the last', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    backend.answer('/busy', 'no', { status: 503 });
    const waits: number[] = [];
    const { set } = site.clock;
    jest.spyOn(site.clock, 'set').mockImplementation((callback, ms, argument) => {
      if (ms >= 1000) return set.call(site.clock, callback as never, ms, argument);
      waits.push(ms);
      return setImmediate(callback, argument);
    });
    const visit = await site.visit({ a: { url: url('/busy'), breaker: { minimum: 3 }, retry: 9 } });
    expect(visit.locals.mashup['a']).toMatchObject({ attempts: 3, error: { code: open } });
    expect(backend.seen).toHaveLength(3);
    expect(waits).toHaveLength(3);
  });
});
