import { SlidingCount } from './window.js';

const WINDOW_MS = 10_000;
const SHARE = 0.1;
const FLOOR = 10;

/**
 * What an origin can be asked beyond one attempt a call: retries and hedges together are at most a tenth of the calls of
 * the last 10 s, and never fewer than 10 in 10 s. So an outage is not made worse by those who try again. (The idea is
 * Finagle's RetryBudget.)
 */
export class RetryBudget {
  readonly #calls = new SlidingCount(WINDOW_MS);
  readonly #extras = new SlidingCount(WINDOW_MS);

  /** A call that may want an extra attempt. */
  call(now: number): void {
    this.#calls.add(now);
  }

  /** How many extra attempts are left. */
  left(now: number): number {
    return Math.max(0, Math.floor(Math.max(FLOOR, SHARE * this.#calls.total(now)) - this.#extras.total(now)));
  }

  /** Takes an extra attempt, if one is left. */
  take(now: number): boolean {
    if (this.left(now) < 1) return false;
    this.#extras.add(now);
    return true;
  }
}
