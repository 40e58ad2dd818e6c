import { RetryBudget } from '../../src/origin/budget.js';

const take = (budget: RetryBudget, now: number, most = 10_000) => {
  let taken = 0;
  for (let extra = budget.reserve(now); extra !== null; extra = budget.reserve(now)) {
    extra.sent(now);
    if (++taken === most) break;
  }
  return taken;
};
const calls = (budget: RetryBudget, count: number, now: number) => {
  for (let at = 0; at < count; at++) budget.call(now);
};

describe('a budget of extra attempts', () => {
  test.each([
    [0, 10],
    [1, 10],
    [99, 10],
    [100, 10],
    [101, 10],
    [109, 10],
    [110, 11],
    [119, 11],
    [1000, 100],
    [12_345, 1234],
  ])('after %i calls allows %i', (count, allowed) => {
    const budget = new RetryBudget();
    calls(budget, count, 5000);
    expect(budget.left(5000)).toBe(allowed);
    expect(take(budget, 5000)).toBe(allowed);
    expect(budget.left(5000)).toBe(0);
    expect(budget.reserve(5000)).toBeNull();
  });

  test('that is spent refuses, and refusals cost nothing', () => {
    const budget = new RetryBudget();
    take(budget, 0);
    for (let at = 0; at < 100; at++) budget.reserve(0);
    expect(budget.left(10_000)).toBe(10);
  });

  test('keeps what is reserved for others, and gets back what is not sent', () => {
    const budget = new RetryBudget();
    const kept = Array.from({ length: 10 }, () => budget.reserve(0));
    expect(budget.left(0)).toBe(0);
    for (const extra of kept) extra?.drop();
    expect(budget.left(0)).toBe(10);
    // Once it is settled what became of it, nothing changes that.
    kept[0]?.sent(0);
    const [sent] = [budget.reserve(0)];
    sent?.sent(0);
    sent?.drop();
    sent?.sent(0);
    expect(budget.left(0)).toBe(9);
  });

  test('comes back as the window slides over what was taken', () => {
    const budget = new RetryBudget();
    expect(take(budget, 0, 4)).toBe(4);
    expect(take(budget, 5000)).toBe(6);
    expect(budget.left(9999)).toBe(0);
    expect(budget.left(10_000)).toBe(4);
    expect(take(budget, 10_000)).toBe(4);
    expect(budget.left(14_999)).toBe(0);
    expect(budget.left(15_000)).toBe(6);
  });

  test('shrinks to its floor as the window slides over the calls, and is never less than nothing', () => {
    const budget = new RetryBudget();
    calls(budget, 1000, 0);
    expect(take(budget, 8000)).toBe(100);
    expect(budget.left(10_000)).toBe(0);
    expect(budget.left(17_999)).toBe(0);
    expect(budget.left(18_000)).toBe(10);
  });

  test('grows with each tenth call', () => {
    const budget = new RetryBudget();
    calls(budget, 200, 0);
    expect(take(budget, 0)).toBe(20);
    calls(budget, 9, 1);
    expect(budget.reserve(1)).toBeNull();
    calls(budget, 1, 1);
    expect(budget.reserve(1)).not.toBeNull();
    expect(budget.reserve(1)).toBeNull();
  });

  test('is whole again after any jump of the clock', () => {
    const budget = new RetryBudget();
    calls(budget, 500, 0);
    take(budget, 0);
    expect(budget.left(1e12)).toBe(10);
  });

  test('under steady load stays at a tenth in all, whenever they are asked for', () => {
    const budget = new RetryBudget();
    let extras = 0;
    let asked = 0;
    // Ten minutes of 100 calls a second, of which each wants two more.
    for (let now = 0; now < 600_000; now += 10) {
      budget.call(now);
      asked++;
      extras += take(budget, now, 2);
    }
    expect(extras).toBeGreaterThan(asked * 0.095);
    expect(extras).toBeLessThanOrEqual(asked * 0.1 * 1.12 + 10);
  });
});
