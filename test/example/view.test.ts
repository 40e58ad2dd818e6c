import type { Sky } from '../../example-app/services/sun.js';
import { airBand, clock, daysUntil, degrees, isDark, longDay } from '../../example-app/view/format.js';
import { whereFrom, why } from '../../example-app/view/outcomes.js';
import { moonPath, sunOnArc } from '../../example-app/view/shapes.js';
import { switches } from '../../example-app/view/switches.js';
import { whereTimeWent } from '../../example-app/view/waterfall.js';
import { UpstreamError, type UpstreamErrorCode } from '../../src/errors.js';
import { noteGraph } from '../../src/notes.js';
import type { Outcome } from '../../src/outcome.js';

const outcome = (name: string, ready: number, ended: number, more: Partial<Outcome> = {}): Outcome => ({
  name,
  status: 'success',
  data: {},
  error: null,
  cache: null,
  source: 'network',
  response: null,
  attempts: 1,
  timings: { ready, started: ready, firstByte: ended, ended },
  ...more,
});

/** Notes the page that these outcomes are of, as the middleware does. */
function noted(outcomes: Record<string, Outcome>): Record<string, Outcome> {
  const node = { waitsFor: [], reads: [], weight: 0, required: false, deferred: false, fragment: false, cached: false };
  const more = { cacheable: true, hedgeable: true, hedged: false, timeout: null };
  const upstreams = Object.keys(outcomes).map((name) => ({ ...node, ...more, name }));
  noteGraph(outcomes, { upstreams, concurrency: 10, crowded: false, deadline: 1500 });
  return outcomes;
}

describe('whereTimeWent', () => {
  const limits = { deadline: 240, timeouts: { b: 50 }, late: ['c'] };

  it('compares what the page waited with the sum, on one scale, and counts a fan-out by its items', () => {
    const items = [outcome('b', 100, 150), outcome('b', 100, 200)];
    const outcomes = { a: outcome('a', 0, 100), b: outcome('b', 100, 200, { attempts: 2, items }) };
    const time = whereTimeWent(noted(outcomes), limits);
    expect(time).toMatchObject({
      together: 200,
      oneByOne: 250,
      requests: 3,
      arrived: 2,
      sent: 80,
      serial: 100,
      deadline: 96,
    });
    expect(time.rows[1]).toMatchObject({ requests: 2, start: 100, took: 100, timeout: 60, late: false });
    expect(time.rows[1]?.bars).toEqual([
      { from: 40, sent: 40, to: 60, status: 'success' },
      { from: 40, sent: 40, to: 80, status: 'success' },
    ]);
    expect(time.ticks.map(({ ms }) => ms)).toEqual([0, 50, 100, 150, 200, 250]);
  });

  it('tells what was filled in later from what the page waited for', () => {
    const time = whereTimeWent(noted({ a: outcome('a', 0, 100), c: outcome('c', 0, 400) }), limits);
    expect(time).toMatchObject({ together: 100, whole: 400, oneByOne: 500, sent: 20 });
    expect(time.rows.map(({ late }) => late)).toEqual([false, true]);
  });

  it('copes with calls that never started, had no items, or have not ended', () => {
    const never = { ready: 40, started: null, firstByte: null, ended: null };
    const time = whereTimeWent(
      noted({
        a: outcome('a', 0, 100),
        b: outcome('b', 100, 100, { attempts: 0, items: [] }),
        c: outcome('c', 0, 0, { status: 'pending', attempts: 0, timings: never }),
      }),
      limits,
    );
    expect(time).toMatchObject({ together: 100, oneByOne: 100, requests: 1 });
    expect(time.rows.map(({ took }) => took)).toEqual([100, 0, 0]);
  });
});

describe('switches', () => {
  const of = (query: Record<string, unknown>) => Object.fromEntries(switches(query).map((one) => [one.label, one]));

  it('combine, go off again, keep their place, and know which are on', () => {
    const {
      'slow weather': weather,
      'failing news': news,
      'slow news': slowNews,
      'all well': well,
    } = of({ slow: 'weather:3000', fail: ['air:reset'] });
    expect(weather).toEqual({ label: 'slow weather', on: true, href: '?fail=air%3Areset#time' });
    expect(news).toEqual({
      label: 'failing news',
      on: false,
      href: '?slow=weather%3A3000&fail=air%3Areset%2Cnews#time',
    });
    expect(slowNews?.href).toBe('?slow=weather%3A3000%2Cnews%3A3000&fail=air%3Areset#time');
    expect(well).toMatchObject({ on: false, href: '?#time' });
    expect(of({})['all well']?.on).toBe(true);
  });
});

describe('why', () => {
  const failed = (code: UpstreamErrorCode, upstreamStatus: number | null = null) =>
    why(outcome('a', 10, 310, { status: 'error', error: new UpstreamError(code, '', { upstreamStatus }) }));

  it('says why a box is empty', () => {
    expect(failed('ERR_UPSTREAM_TIMEOUT')).toContain('timeout after 300 ms');
    expect(failed('ERR_UPSTREAM_STATUS', 500)).toContain('it answered 500');
    expect(failed('ERR_UPSTREAM_STATUS', 404)).toContain('Nothing is recorded');
    expect(failed('ERR_UPSTREAM_BODY')).toBe('Not available right now.');
    expect(why(outcome('a', 0, 1, { data: null }))).toContain('Nothing is recorded');
  });
});

describe('whereFrom', () => {
  const kept = (status: 'hit' | 'miss' | 'stale', age: number) => ({ status, age, ttl: 1, stored: false, why: null });

  it('says what came from the cache, and how old it is', () => {
    expect(whereFrom(outcome('a', 0, 1))).toBe('');
    expect(whereFrom(outcome('a', 0, 1, { cache: kept('miss', 0) }))).toBe('');
    expect(whereFrom(outcome('a', 0, 1, { source: 'cache', cache: kept('hit', 12_345) }))).toBe(
      'from the cache, 12 s old',
    );
    expect(whereFrom(outcome('a', 0, 1, { source: 'stale', cache: kept('stale', 61_000) }))).toBe(
      'an older copy, 61 s old',
    );
  });

  it('says it of a fan-out where it is so of all of its items', () => {
    const items = [outcome('a', 0, 1, { cache: kept('hit', 1000) }), outcome('a', 0, 1, { cache: kept('hit', 3000) })];
    expect(whereFrom(outcome('a', 0, 1, { source: 'cache', items }))).toBe('from the cache, 3 s old');
    expect(whereFrom(outcome('a', 0, 1, { source: 'cache', items: [...items, outcome('a', 0, 1)] }))).toBe('');
    expect(whereFrom(outcome('a', 0, 1, { items: [] }))).toBe('');
  });
});

describe('format', () => {
  const sky = (sunrise: string | null, sunset: string | null, dayLength: number): Sky => ({
    sun: { up: true, sunrise, sunset, noon: '2026-05-12T11:00:00Z', dayLength },
    moon: { phase: '', illumination: 0.25, waxing: true, rise: null, set: null },
  });
  const usual = sky('2026-05-12T03:00:00Z', '2026-05-12T20:00:00Z', 1020);

  it('shows times by the clocks of the place', () => {
    expect(clock('2026-05-12T22:30:00Z', 'Asia/Tokyo')).toBe('07:30');
    expect(longDay('2026-11-23T02:38')).toBe('Monday 23 November');
    expect(daysUntil('2026-12-25', '2026-12-24T23:59')).toBe('tomorrow');
  });

  it('shows numbers as people read them', () => {
    expect([degrees(-3.2), degrees(-0.2), degrees(21)]).toEqual(['−3°', '0°', '21°']);
    expect([airBand(0), airBand(66), airBand(500)].map(({ name }) => name)).toEqual(['Good', 'Poor', 'Extremely poor']);
  });

  it('knows when it is dark, in polar night and without data, too', () => {
    expect(isDark('2026-05-12T23:00:00Z', usual, 'Europe/Oslo')).toBe(true);
    expect(isDark('2026-05-12T10:00:00Z', usual, 'Europe/Oslo')).toBe(false);
    expect(isDark('2026-12-12T10:00:00Z', sky(null, null, 0), 'Europe/Oslo')).toBe(true);
    expect(isDark('2026-06-12T23:00:00Z', sky(null, null, 1440), 'Europe/Oslo')).toBe(false);
    expect(isDark('2026-06-12T23:00:00Z', null, 'Europe/Oslo')).toBe(false);
  });

  it('draws sun and moon', () => {
    expect(sunOnArc(usual, new Date('2026-05-12T11:30:00Z'))).toEqual({ x: 100, y: 10 });
    expect(sunOnArc(sky(null, null, 1440), new Date())).toBeNull();
    expect(moonPath(usual, 60)).toBe('M0-20A20 20 0 0 1 0 20A10 20 0 0 0 0-20Z');
  });
});
