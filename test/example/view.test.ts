import type { Sky } from '../../example-app/services/sun.js';
import { airBand, clock, daysUntil, degrees, isDark, longDay } from '../../example-app/view/format.js';
import { whereFrom, why } from '../../example-app/view/outcomes.js';
import { moonPath, sunOnArc } from '../../example-app/view/shapes.js';
import { whereTimeWent } from '../../example-app/view/waterfall.js';
import { UpstreamError, type UpstreamErrorCode } from '../../src/errors.js';
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

describe('whereTimeWent', () => {
  it('compares what the page waited with the sum, and counts a fan-out by its items', () => {
    const items = [outcome('b', 100, 150), outcome('b', 100, 200)];
    const time = whereTimeWent({ a: outcome('a', 0, 100), b: outcome('b', 100, 200, { attempts: 2, items }) });
    expect(time).toMatchObject({ together: 200, oneByOne: 250, requests: 3 });
    expect(time.rows[1]).toMatchObject({ requests: 2, start: 100, took: 100 });
    expect(time.rows[1]?.bars).toEqual([
      { from: 50, sent: 50, to: 75, status: 'success' },
      { from: 50, sent: 50, to: 100, status: 'success' },
    ]);
  });

  it('copes with calls that never started, had no items, or have not ended', () => {
    const never = { ready: 40, started: null, firstByte: null, ended: null };
    const time = whereTimeWent({
      a: outcome('a', 0, 100),
      b: outcome('b', 100, 100, { attempts: 0, items: [] }),
      c: outcome('c', 0, 0, { status: 'pending', attempts: 0, timings: never }),
    });
    expect(time).toMatchObject({ together: 100, oneByOne: 100, requests: 1 });
    expect(time.rows.map(({ took }) => took)).toEqual([100, 0, 0]);
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
