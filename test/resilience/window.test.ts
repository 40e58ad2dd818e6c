import { LatencyWindow, SlidingCount } from '../../src/origin/window.js';

describe('a sliding count', () => {
  test('counts what happens, by its own clock and from whenever on', () => {
    const count = new SlidingCount(1000);
    expect(count.total(123_456)).toBe(0);
    for (const now of [123_456, 123_456, 123_500.5, 124_000]) count.add(now);
    expect(count.total(124_000)).toBe(4);
  });

  test('forgets in ten steps what is older than its window', () => {
    const count = new SlidingCount(1000);
    for (let step = 0; step < 10; step++) count.add(step * 100);
    expect(count.total(999)).toBe(10);
    expect(count.total(1000)).toBe(9);
    expect(count.total(1099)).toBe(9);
    expect(count.total(1500)).toBe(4);
    expect(count.total(1900)).toBe(0);
  });

  test('remembers nine tenths of its window at the least, and the whole at the most', () => {
    for (let at = 0; at < 100; at += 7) {
      const count = new SlidingCount(1000);
      count.add(at);
      expect(count.total(at + 900)).toBe(1);
      expect(count.total(at + 1000)).toBe(0);
    }
  });

  test.each([1000, 1900, 12_345, 1e9, 2 ** 40])(
    'a jump of %i ms leaves nothing behind, and it goes on counting',
    (jump) => {
      const count = new SlidingCount(1000);
      for (let now = 0; now < 1000; now += 50) count.add(now);
      expect(count.total(999 + jump)).toBe(0);
      count.add(999 + jump);
      expect(count.total(999 + jump)).toBe(1);
      expect(count.total(999 + jump + 900)).toBe(1);
      expect(count.total(999 + jump + 1000)).toBe(0);
    },
  );

  test('a jump of a part of the window forgets that part, wherever in the ring it stands', () => {
    for (let start = 0; start < 30; start++) {
      const count = new SlidingCount(1000);
      for (let step = 0; step < 10; step++) count.add((start + step) * 100);
      expect(count.total((start + 9 + 7) * 100)).toBe(3);
    }
  });

  test('of a clock that seems to stand still or to go back a little counts on', () => {
    const count = new SlidingCount(1000);
    count.add(5000);
    count.add(4950);
    expect(count.total(4990)).toBe(2);
    expect(count.total(5000)).toBe(2);
  });

  test('of a window shorter than its ten steps of a millisecond', () => {
    const count = new SlidingCount(1);
    count.add(50);
    expect(count.total(50.5)).toBe(1);
    expect(count.total(51)).toBe(0);
  });

  test('cleared, it begins anew', () => {
    const count = new SlidingCount(1000);
    count.add(100);
    count.add(300);
    count.clear();
    expect(count.total(300)).toBe(0);
    count.add(350);
    expect(count.total(400)).toBe(1);
  });

  test('agrees with a list of the steps in which things happened', () => {
    const count = new SlidingCount(1000);
    const steps: number[] = [];
    let now = 0;
    // A fixed sequence that looks random.
    let seed = 7;
    for (let turn = 0; turn < 2000; turn++) {
      seed = (seed * 16_807) % 2_147_483_647;
      now += seed % 10 === 0 ? seed % 3000 : seed % 60;
      if (seed % 3 > 0) {
        count.add(now);
        steps.push(Math.floor(now / 100));
      }
      const step = Math.floor(now / 100);
      expect(count.total(now)).toBe(steps.filter((each) => each > step - 10).length);
    }
  });
});

describe('a window of latencies', () => {
  const windowOf = (...samples: number[]) => {
    const latencies = new LatencyWindow();
    for (const ms of samples) latencies.add(ms);
    return latencies;
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

  test('tells nothing from fewer than 20', () => {
    expect(windowOf().quantile(0.5)).toBeNull();
    const latencies = windowOf(...upTo(19));
    expect(latencies.quantile(0.5)).toBeNull();
    expect(latencies.quantile(0.95)).toBeNull();
    latencies.add(20);
    expect(latencies.quantile(0.5)).toBe(11);
    expect(latencies.quantile(0.95)).toBe(20);
  });

  test.each([
    [0, 1],
    [0.01, 2],
    [0.5, 51],
    [0.95, 96],
    [0.99, 100],
    [1, 100],
  ])('of 1 to 100, the quantile %d is %d', (share, expected) => {
    expect(windowOf(...upTo(100)).quantile(share)).toBe(expected);
    expect(windowOf(...upTo(100).reverse()).quantile(share)).toBe(expected);
  });

  test('sorts as numbers, fractions and zeros included', () => {
    const latencies = windowOf(
      ...Array<number>(10).fill(0),
      ...Array<number>(5).fill(10),
      ...Array<number>(5).fill(9.5),
    );
    expect(latencies.quantile(0)).toBe(0);
    expect(latencies.quantile(0.5)).toBe(9.5);
    expect(latencies.quantile(0.75)).toBe(10);
  });

  test('holds the last 512 and none before', () => {
    const latencies = windowOf(...Array<number>(1000).fill(9999), ...upTo(511));
    expect(latencies.quantile(1)).toBe(9999);
    const later = windowOf(...Array<number>(1000).fill(9999), ...upTo(512));
    expect(later.quantile(1)).toBe(512);
    expect(later.quantile(0)).toBe(1);
  });

  test('follows an upstream that changes: what it says is at most a sixteenth of the window old', () => {
    const latencies = windowOf(...Array<number>(512).fill(10));
    expect(latencies.quantile(0.95)).toBe(10);
    for (let more = 0; more < 512 * 0.0625 + 26; more++) latencies.add(500);
    expect(latencies.quantile(0.95)).toBe(500);
    expect(latencies.quantile(0.5)).toBe(10);
  });

  test('two quantiles between samples are of the same samples', () => {
    const latencies = windowOf(...upTo(20));
    expect(latencies.quantile(0.5)).toBe(11);
    latencies.add(21);
    // Not worked out anew for one more sample of so few.
    expect([latencies.quantile(0.5), latencies.quantile(0.95)]).toEqual([11, 20]);
    latencies.add(22);
    expect([latencies.quantile(0.5), latencies.quantile(0.95)]).toEqual([12, 21]);
  });
});
