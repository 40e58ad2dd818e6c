import fc from 'fast-check';
import { Reservation } from '../../src/origin/budget.js';
import { Quota, Quotas, type Rate, RequestWindow } from '../../src/origin/quota.js';

const rate: Rate = { requests: 3, per: 1000 };

/** Sends so many, and returns how many were let pass. */
function send(quota: Quota, count: number, now: number, of = rate): number {
  let sent = 0;
  for (let at = 0; at < count; at++) {
    const room = quota.reserve(of, now);
    if (typeof room === 'number') continue;
    room.sent(now);
    sent++;
  }
  return sent;
}

type Step = { wait: number } | { ask: number } | { send: number } | { drop: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ wait: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.double({ min: 0, max: 30, noNaN: true })) }),
    fc.record({ ask: fc.nat(2) }),
    fc.record({ ask: fc.nat(2) }),
    fc.record({ send: fc.nat(20) }),
    fc.record({ drop: fc.nat(20) }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 150 },
);

describe('a quota', () => {
  test('lets pass what a list of all that was sent, and of all that waits to be sent, would let pass', () => {
    const rates = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 3 });
    const property = fc.property(rates, fc.integer({ min: 1, max: 40 }), steps, (requests, per, played) => {
      const quota = new Quota();
      const sent: number[] = [];
      const waiting: Reservation[] = [];
      let now = 5000;
      for (const step of played) {
        if ('wait' in step) now += step.wait;
        else if ('ask' in step) {
          const most = requests[step.ask % requests.length] as number;
          const room = quota.reserve({ requests: most, per }, now);
          const counted = sent.filter((at) => now - at < per).length + waiting.length;
          expect(room instanceof Reservation).toBe(counted < most);
          if (typeof room !== 'number') waiting.push(room);
          else if (waiting.length >= most) expect(room).toBe(Infinity);
          else {
            // It says when the one that is in the way is over: of those sent, the last but so many.
            const inTheWay = sent.at(waiting.length - most) as number;
            expect(room).toBeCloseTo(inTheWay + per - now, 6);
          }
        } else {
          const [room] = waiting.splice(('send' in step ? step.send : step.drop) % Math.max(1, waiting.length), 1);
          if (room === undefined) continue;
          if ('drop' in step) room.drop();
          else {
            room.sent(now);
            sent.push(now);
          }
        }
      }
      expect(quota.isOverAt(now)).toBe(waiting.length === 0 && sent.every((at) => now - at >= per));
    });
    fc.assert(property, { numRuns: 2000 });
  });

  test('of more requests than it has slots never lets one too many pass, and hardly one too few', () => {
    const waits = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 100, maxLength: 400 });
    const property = fc.property(fc.integer({ min: 11, max: 90 }), waits, (requests, played) => {
      const window = new RequestWindow({ requests, per: 100 }, 10);
      const each = Math.ceil(requests / 10);
      const sent: number[] = [];
      let now = 0;
      for (const wait of played) {
        now += wait;
        const counted = sent.filter((at) => now - at < 100).length;
        const isLetPass = window.wait(1, now) === 0;
        if (isLetPass) {
          expect(counted).toBeLessThan(requests);
          sent.push(now);
          window.add(now);
        } else expect(counted).toBeGreaterThan(requests - 3 * each);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  test.each([10_000, 10_001, 250_000])(
    'of %i requests lets nearly all of them pass, and all again after its time',
    (requests) => {
      const quota = new Quota();
      const of = { requests, per: 60_000 };
      for (const now of [0, 60_000]) {
        const sent = send(quota, requests + 1, now, of);
        expect(sent).toBeLessThanOrEqual(requests);
        expect(sent).toBeGreaterThanOrEqual(requests * 0.9998);
        expect(send(quota, 1, now + 59_999.5, of)).toBe(0);
      }
    },
  );

  test('counts a request from when it is sent, not from when it came into a line', () => {
    const quota = new Quota();
    const room = quota.reserve({ requests: 1, per: 1000 }, 0) as Reservation;
    expect(quota.reserve({ requests: 1, per: 1000 }, 5000)).toBe(Infinity);
    room.sent(6000);
    room.drop();
    expect(quota.reserve({ requests: 1, per: 1000 }, 6400)).toBe(600);
    expect(quota.reserve({ requests: 1, per: 1000 }, 7000)).toBeInstanceOf(Reservation);
  });

  test('is asked by upstreams with other numbers, each of which is held to its own, from the first request on', () => {
    const quota = new Quota();
    expect(send(quota, 9, 0)).toBe(3);
    expect(send(quota, 9, 0, { requests: 5, per: 1000 })).toBe(2);
    expect(send(quota, 9, 999)).toBe(0);
    expect(send(quota, 9, 1000)).toBe(3);
    expect(send(quota, 9, 1000, { requests: 5, per: 1000 })).toBe(2);
    // Of pages that are made again and again none is forgotten that matters.
    for (let per = 1; per < 100; per++) send(quota, 1, 1000, { requests: 1, per: 2000 + per });
    expect(send(quota, 9, 1000)).toBe(0);
  });
});

describe('the quotas of an instance', () => {
  test('are one for a name, and one for an origin and equal numbers', () => {
    const quotas = new Quotas();
    const other = { ...rate, per: 999 };
    expect(quotas.named('a')).toBe(quotas.named('a'));
    expect(quotas.named('a')).not.toBe(quotas.named('b'));
    expect(quotas.ofOrigin('http://a', rate, 0)).toBe(quotas.ofOrigin('http://a', { ...rate }, 0));
    expect(quotas.ofOrigin('http://a', rate, 0)).not.toBe(quotas.ofOrigin('http://b', rate, 0));
    expect(quotas.ofOrigin('http://a', rate, 0)).not.toBe(quotas.ofOrigin('http://a', other, 0));
  });

  test('are a thousand: origins beyond share one, and no origin is sent too much whatever is forgotten', () => {
    const quotas = new Quotas();
    const made = new Set<Quota>();
    const sent = new Map<string, number[]>();
    const ask = (origin: string, now: number) => {
      const quota = quotas.ofOrigin(origin, rate, now);
      made.add(quota);
      const times = sent.get(origin) ?? [];
      sent.set(origin, times);
      const count = send(quota, 9, now);
      for (let at = 0; at < count; at++) times.push(now);
      expect(times.filter((time) => now - time < rate.per).length).toBeLessThanOrEqual(rate.requests);
      return count;
    };
    for (let at = 0; at < 1000; at++) expect(ask(`http://${at}`, 0)).toBe(3);
    expect(ask('http://x', 500)).toBe(3);
    for (let at = 2000; at < 3000; at++) expect(ask(`http://${at}`, 500)).toBe(0);
    expect(made.size).toBe(1001);
    // There is room again, but what the crowd was sent still counts.
    expect(ask('http://x', 1200)).toBe(0);
    expect(ask('http://1', 1200)).toBe(0);
    expect(ask('http://x', 1500)).toBe(3);
    expect(ask('http://y', 1500)).toBe(3);
  });
});

describe('a window that was sent more than it allows', () => {
  test('allows none too many, whether it counted itself, in slots of several, or learned from another', () => {
    const sizes = fc.integer({ min: 1, max: 60 });
    const slots = fc.integer({ min: 1, max: 9 });
    const gaps = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 80 });
    const property = fc.property(sizes, sizes, slots, gaps, fc.nat(1000), (one, other, most, times, later) => {
      const [many, few] = [Math.max(one, other), Math.min(one, other)];
      const known = new RequestWindow({ requests: many, per: 1000 }, most);
      const learned = new RequestWindow({ requests: few, per: 1000 }, most);
      const coarse = new RequestWindow({ requests: few, per: 1000 }, most);
      const exact = new RequestWindow({ requests: few, per: 1000 }, 60);
      let now = 0;
      for (const gap of times) {
        now += gap;
        for (const window of [known, coarse, exact]) window.add(now);
      }
      learned.learn(known);
      // Of all windows, the one that remembers most is learned from.
      fc.pre(known.capacity >= few);
      const least = exact.wait(1, now + later);
      for (const window of [coarse, learned]) expect(window.wait(1, now + later)).toBeGreaterThanOrEqual(least);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('does so at once, whatever the rates: one at a time this would take weeks', () => {
    const quota = new Quota();
    expect(send(quota, 3, 0, { requests: Number.MAX_SAFE_INTEGER, per: 1000 })).toBe(3);
    expect(send(quota, 1, 0, { requests: Number.MAX_SAFE_INTEGER - 1, per: 1000 })).toBe(1);
    expect(send(quota, 9, 0)).toBe(0);
    expect(send(quota, 9, 1000)).toBe(3);
  });
});
