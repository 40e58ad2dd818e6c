import { jest } from '@jest/globals';
import type { Mashup } from '../../src/page-types.js';
import type { UpstreamOptions } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { HastyClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { openPage } from '../support/site.js';
import { isSoak } from '../support/soak.js';

// So many runs are real requests for a page, and some machines are slow.
jest.setTimeout(30_000);

let backend: Backend;
let clock: HastyClock;
let mashup: Mashup;

beforeEach(async () => {
  backend = await startBackend();
  clock = new HastyClock();
  mashup = mashupWith({ clock });
  closeLater(() => mashup.close());
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

// Where nobody listens, nor can any other test meanwhile.
const nobody = 'http://127.0.0.1:1';
const url = (path: string) => `${backend.origin}${path}`;
const down = { status: 503 };
const many = { attempts: 50, backoff: 1 };
const runs = isSoak ? 1000 : 200;

/** So many runs of a page of one upstream, some at a time. Resolves to how many attempts they made. */
async function run(count: number, entry: UpstreamOptions): Promise<number> {
  const ask = await openPage({ a: entry }, { mashup });
  let left = count;
  const before = attempts();
  const client = async () => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: 20 }, client));
  return attempts() - before;
}

/** How many attempts the instance has made, by what became of them. */
function attempts(): number {
  const outcomes = Object.values(mashup.stats().origins).flatMap((origin) => Object.values(origin.outcomes));
  return outcomes.reduce((sum, more) => sum + more, 0);
}

describe(`in a total outage ${runs} runs make at most 1.1 times as many requests`, () => {
  const most = Math.round(1.1 * runs);

  test('with a retry each', async () => {
    backend.answer('/a', 'no', down);
    expect(await run(runs, { url: url('/a'), retry: true })).toBe(most);
    expect(backend.seen).toHaveLength(most);
    expect(mashup.stats().origins[backend.origin]?.budget).toBe(0);
  });

  test('with ten each', async () => {
    backend.answer('/a', 'no', down);
    await run(runs, { url: url('/a'), retry: { attempts: 10, backoff: 1 } });
    expect(backend.seen).toHaveLength(most);
  });

  test('where nobody listens', async () => {
    const origin = nobody;
    expect(await run(runs, { url: `${origin}/a`, retry: 2 })).toBe(most);
    expect(mashup.stats().origins[origin]?.outcomes).toEqual({ ERR_UPSTREAM_CONNECT: most });
  });

  test('with retries and hedges together', async () => {
    backend.answer('/a', 'no', down);
    await run(runs, { url: url('/a'), retry: 2, hedge: 1 });
    expect(backend.seen.length).toBeGreaterThan(1.05 * runs);
    expect(backend.seen.length).toBeLessThanOrEqual(most);
  });

  test('with hedges alone', async () => {
    backend.answer('/a', 'no', down);
    await run(runs, { url: url('/a'), hedge: 1 });
    expect(backend.seen.length).toBeGreaterThan(1.05 * runs);
    expect(backend.seen.length).toBeLessThanOrEqual(most);
  });
});

test('few runs have the floor: ten extra attempts in ten seconds', async () => {
  backend.answer('/a', 'no', down);
  expect(await run(8, { url: url('/a'), retry: 5 })).toBe(18);
  expect(await run(8, { url: url('/a'), retry: 5 })).toBe(8);
  clock.advance(9000);
  expect(await run(8, { url: url('/a'), retry: 5 })).toBe(8);
  clock.advance(1000);
  expect(mashup.stats().origins[backend.origin]?.budget).toBe(10);
  expect(await run(8, { url: url('/a'), retry: 5 })).toBe(18);
});

test('what hedges have spent, retries have not', async () => {
  backend.answer('/slow', 1);
  expect(await run(50, { url: url('/slow'), hedge: 1 })).toBe(60);
  backend.answer('/a', 'no', down);
  expect(await run(1, { url: url('/a'), retry: 5 })).toBe(1);
});

test('what retries have spent, hedges have not', async () => {
  backend.answer('/a', 'no', down);
  expect(await run(1, { url: url('/a'), retry: many })).toBe(11);
  backend.answer('/slow', 1);
  expect(await run(50, { url: url('/slow'), hedge: 1 })).toBe(50);
});

test('each origin has its own', async () => {
  const other = await startBackend();
  backend.answer('/a', 'no', down);
  other.answer('/a', 'no', down);
  expect(await run(1, { url: url('/a'), retry: many })).toBe(11);
  expect(await run(1, { url: `${other.origin}/a`, retry: many })).toBe(11);
  expect(mashup.stats().origins).toMatchObject({ [backend.origin]: { budget: 0 }, [other.origin]: { budget: 0 } });
});

test('the other pages of an instance share it, and another instance does not', async () => {
  backend.answer('/a', 'no', down);
  backend.answer('/b', 'no', down);
  expect(await run(1, { url: url('/a'), retry: many })).toBe(11);
  expect(await run(1, { url: url('/b'), retry: { ...many, backoff: 2 } })).toBe(1);
  mashup = mashupWith({ clock });
  closeLater(() => mashup.close());
  expect(await run(1, { url: url('/b'), retry: many })).toBe(11);
});

test('retries that are not needed cost nothing', async () => {
  backend.answer('/a', 1);
  expect(await run(30, { url: url('/a'), retry: 5 })).toBe(30);
  expect(mashup.stats().origins[backend.origin]?.budget).toBe(10);
});
