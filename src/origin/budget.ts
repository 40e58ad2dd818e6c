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
  #reserved = 0;

  /** A call that may want an extra attempt is sent. */
  call(now: number): void {
    this.#calls.add(now);
  }

  /** How many extra attempts are left. */
  left(now: number): number {
    const most = Math.max(FLOOR, SHARE * this.#calls.total(now));
    return Math.max(0, Math.floor(most - this.#extras.total(now) - this.#reserved));
  }

  /** Keeps an extra attempt, if one is left, until it is known whether it is sent: one that is not costs nothing. */
  reserve(now: number): Reservation | null {
    if (this.left(now) < 1) return null;
    this.#reserved++;
    return new Reservation((sentAt) => {
      this.#reserved--;
      if (sentAt !== null) this.#extras.add(sentAt);
    });
  }
}

/** An extra attempt that may be sent. */
export class Reservation {
  #end: ((sentAt: number | null) => void) | null;

  constructor(end: (sentAt: number | null) => void) {
    this.#end = end;
  }

  sent(now: number): void {
    this.#end?.(now);
    this.#end = null;
  }

  /** It is not sent any more, if it has not been. */
  drop(): void {
    this.#end?.(null);
    this.#end = null;
  }
}
