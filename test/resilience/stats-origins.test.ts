import { AsyncResource } from 'node:async_hooks';
import type { Failure } from '../../src/errors.js';
import { Origins } from '../../src/origin/origins.js';
import type { Connections, WireHandler } from '../../src/transport/wire.js';
import { ManualClock } from '../support/clock.js';
import { closeAll } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { openPage } from '../support/site.js';

const limits = { perOrigin: 1, queue: 10 };
const name = (at: number) => `https://host${at}.example.com`;

function filled(count: number): Origins {
  const origins = new Origins(limits, { clock: new ManualClock() });
  for (let at = 0; at < count; at++) origins.of(name(at));
  return origins;
}

const known = (origins: Origins) => Object.keys(origins.stats());

afterEach(closeAll);

describe('what an instance knows of origins', () => {
  test('is kept for a thousand', () => {
    const origins = filled(1000);
    expect(known(origins)).toHaveLength(1000);
    expect(origins.of(name(0))).toBe(origins.of(name(0)));
    expect(known(origins)).toHaveLength(1000);
  });

  test('is bounded: one more, and the tenth that was seen last is forgotten, for pages name theirs first', () => {
    const origins = filled(1001);
    const names = known(origins);
    expect(names).toHaveLength(901);
    expect(names[0]).toBe(name(0));
    expect(names).not.toContain(name(999));
    expect(names.at(-1)).toBe(name(1000));
  });

  test('is bounded however many there are', () => {
    const origins = new Origins(limits, { clock: new ManualClock() });
    let most = 0;
    for (let at = 0; at < 20_000; at++) {
      origins.of(name(at));
      if (at % 50 === 0) most = Math.max(most, known(origins).length);
    }
    expect(most).toBeLessThanOrEqual(1000);
  });

  test('of one that is in use is never forgotten: in flight, or with somebody in line', async () => {
    // Among those that came last, which are the first to go.
    const origins = filled(990);
    const busy = origins.of('https://busy.example.com');
    busy.tryEnter();
    const crowded = origins.of('https://crowded.example.com');
    crowded.tryEnter();
    const scope = { async: new AsyncResource('test') };
    const turn = new Promise<Failure | null>((take) =>
      crowded.enter({ scope, granted: () => take(null), refuse: take }),
    );
    for (let at = 1000; at < 6000; at++) origins.of(name(at));
    expect(origins.of('https://busy.example.com')).toBe(busy);
    expect(origins.of('https://crowded.example.com')).toBe(crowded);
    expect(origins.stats()['https://crowded.example.com']).toMatchObject({ inFlight: 1, queued: 1 });
    crowded.answered(1);
    expect(await turn).toBeNull();
    expect(crowded.isIdle).toBe(false);
    crowded.answered(1);
    busy.answered(1);
    expect([crowded.isIdle, busy.isIdle]).toEqual([true, true]);
  });

  test('of one whose breaker is open is kept before that of others, but not without bounds', () => {
    const origins = filled(990);
    const fail = (origin: string) => {
      const breaker = origins.of(origin).breaker({ threshold: 1, minimum: 1, window: 1000, halfOpenAfter: 1000 });
      const entry = breaker.enter(5000);
      if ('ticket' in entry) breaker.leave(entry.ticket, 'failure', 5000);
    };
    fail('https://sick.example.com');
    for (let at = 1000; at < 6000; at++) origins.of(name(at));
    expect(origins.stats()['https://sick.example.com']?.breaker).toBe('open');
    for (let at = 6000; at < 9000; at++) fail(name(at));
    expect(known(origins).length).toBeLessThanOrEqual(1000);
  });

  test('grows past a thousand where all are in use, and shrinks when they are not', () => {
    const origins = new Origins(limits, { clock: new ManualClock() });
    const all = Array.from({ length: 1500 }, (_, at) => origins.of(name(at)));
    expect(known(origins).length).toBeLessThanOrEqual(1000);
    const busy = new Origins(limits, { clock: new ManualClock() });
    for (let at = 0; at < 1500; at++) busy.of(name(at)).tryEnter();
    expect(known(busy)).toHaveLength(1500);
    for (let at = 0; at < 1500; at++) busy.of(name(at)).leave();
    for (let at = 1500; at < 3000; at++) busy.of(name(at));
    expect(known(busy).length).toBeLessThanOrEqual(1500);
    expect(all).toHaveLength(1500);
  });
});

test('a page whose URLs name any number of hosts keeps to that', async () => {
  // Connections that answer at once, for hosts that there are not.
  const connections: Connections = {
    take: () => ({
      reused: false,
      broken: null,
      looksAgain: () => false,
      release() {},
      destroy() {},
      send(_request, handler: WireHandler) {
        handler.onConnect(() => {});
        handler.onResponseStarted();
        handler.onHeaders(200, [], () => {});
        handler.onComplete();
      },
    }),
    close: () => Promise.resolve(),
  };
  const mashup = mashupWith({ clock: new ManualClock(), connections });
  const upstream = {
    url: ({ item }: { item: unknown }) => `${name(Number(item))}/`,
    origins: 'public' as const,
    each: () => Array.from({ length: 2500 }, (_, at) => at),
    maxItems: 2500,
  };
  const { outcomes } = await (await openPage({ all: upstream }, { mashup }))();
  expect(outcomes['all']).toMatchObject({ status: 'success', attempts: 2500 });
  expect(Object.keys(mashup.stats().origins).length).toBeLessThanOrEqual(1000);
});
