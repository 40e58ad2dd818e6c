import { get } from 'node:http';
import { jest } from '@jest/globals';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const down = { status: 503 };
const retry = { attempts: 5, backoff: 100 };

/** Fails the next request for a path, and resolves to how long the back-off is that follows. */
async function fail(path: string, headers = {}): Promise<number> {
  const asked = await backend.asked(path);
  const backOff = site.clock.nextTimer();
  asked.reply('no', { ...down, headers });
  return await backOff;
}

describe('the wait', () => {
  test('is jittered: anything up to the back-off, which doubles', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry } });
    for (const [random, ms] of [
      [0.25, 25],
      [0.75, 150],
      [0, 0],
      [0.125, 100],
    ] as const) {
      jest.mocked(Math.random).mockReturnValue(random);
      expect(await fail('/a')).toBe(ms);
      site.clock.advance(ms);
    }
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test.each([
    ['seconds', '1', 1000],
    ['0 seconds', '0', 0],
    ['a date', 'Sun, 01 Mar 2026 12:00:01 GMT', 1000],
    ['a date that has passed', 'Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['garbage', 'when we are back', 50],
    ['garbage with a number', '1.5 or so', 50],
  ])('is what Retry-After says: %s', async (_, header, ms) => {
    jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 2, 1, 12, 0, 0));
    const visit = site.visit({ a: { url: url('/a'), retry } });
    expect(await fail('/a', { 'retry-after': header })).toBe(ms);
    expect(backend.seen).toHaveLength(1);
    site.clock.advance(ms);
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test.each(['2', '1000000000', '9'.repeat(400), 'Fri, 31 Dec 2100 23:59:59 GMT'])(
    'that Retry-After asks for is too long (%s): the page goes on at once',
    async (header) => {
      backend.answer('/a', 'no', { ...down, headers: { 'retry-after': header } });
      const { mashup } = (await site.visit({ a: { url: url('/a'), retry } })).locals;
      expect(mashup['a']).toMatchObject({
        attempts: 1,
        error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 503 },
        timings: { ended: 0 },
      });
    },
  );
});

describe('room before the deadline', () => {
  test.each([
    ['the deadline', { url: '' }, { deadline: 500 }],
    ['its timeout', { url: '', timeout: 500 }, {}],
  ])('%s: no attempt whose wait would end at it or after it', async (_, entry, options) => {
    const visit = site.visit({ a: { ...entry, url: url('/a'), retry } }, options);
    const asked = await backend.asked('/a');
    site.clock.advance(450);
    asked.reply('no', down);
    expect((await visit).locals.mashup['a']).toMatchObject({
      attempts: 1,
      error: { code: 'ERR_UPSTREAM_STATUS' },
      timings: { ended: 450 },
    });
  });

  test('one whose wait ends just before it', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry } }, { deadline: 500 });
    const asked = await backend.asked('/a');
    site.clock.advance(449);
    const backOff = site.clock.nextTimer();
    asked.reply('no', down);
    site.clock.advance(await backOff);
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals).toMatchObject({ a: 1, mashup: { a: { attempts: 2, timings: { ended: 499 } } } });
  });

  test('none that would come after it, though the timers of both are late', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry } }, { deadline: 500 });
    await fail('/a');
    site.clock.lag(10_000);
    const { mashup } = (await visit).locals;
    expect(mashup['a']).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_STATUS' } });
    await settled();
    expect(site.begun).toBe(1);
    expect(site.clock.pending).toBe(0);
  });
});

describe('a wait', () => {
  test('holds no slot, and the attempt after it waits for one', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry }, b: url('/b') }, { concurrency: 1 });
    await fail('/a');
    const b = await backend.asked('/b');
    site.clock.advance(50);
    await settled();
    expect(backend.seen).toEqual(['/a', '/b']);
    b.reply(2);
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals).toMatchObject({ a: 1, b: 2 });
    expect(backend.most).toBe(1);
  });

  test('holds no place at the origin', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry } });
    await fail('/a');
    expect(site.mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 0, queued: 0 });
    site.clock.advance(50);
    (await backend.asked('/a')).reply(1);
    await visit;
  });

  test('ends at once when a required upstream fails', async () => {
    const visit = site.visit({ a: { url: url('/a'), retry }, b: { url: url('/b'), required: true } });
    await fail('/a');
    (await backend.asked('/b')).reply('no', { status: 500 });
    const { error, locals } = await visit;
    expect(error).toMatchObject({ upstream: 'b' });
    expect(locals.mashup['a']).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_CANCELED' } });
    expect(site.clock.pending).toBe(0);
    expect(backend.seen).toHaveLength(2);
  });

  test('ends at once when the client leaves', async () => {
    const ends = new Ends();
    site.app.get('/', site.mashup({ a: { url: url('/a'), retry, when: ends.watch } }));
    const client = get(site.origin).on('error', () => {});
    await fail('/a');
    client.destroy();
    await ends.reach(1);
    expect(site.clock.pending).toBe(0);
    site.clock.advance(2000);
    await settled();
    expect(site.begun).toBe(1);
  });

  test('of an item of a fan-out ends at once with the run', async () => {
    const list = { url: url('/{item}'), each: () => [1], retry };
    const visit = site.visit({ a: list, b: { url: url('/b'), required: true } });
    await fail('/1');
    (await backend.asked('/b')).reply('no', { status: 500 });
    const { locals } = await visit;
    expect(locals.mashup['a']).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_CANCELED' } });
    expect(site.clock.pending).toBe(0);
    expect(site.begun).toBe(2);
  });
});
