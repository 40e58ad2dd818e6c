import { type BudgetMessage, budgetChannel } from '../channels.js';
import { SlidingCount } from './window.js';

const WINDOW_MS = 10_000;
const SHARE = 0.1;
const FLOOR = 10;

/**
 * Bounds the extra attempts at an origin: retries and hedges together may be a tenth of the calls of the last 10 s, and at
 * least 10 in 10 s. So retries do not make an outage worse. (The idea is Finagle's RetryBudget.)
 */
export class RetryBudget {
  readonly #calls = new SlidingCount(WINDOW_MS);
  readonly #extras = new SlidingCount(WINDOW_MS);
  readonly #origin: string;
  #reserved = 0;

  /** @param origin its name, for those who listen to refusals */
  constructor(origin = '') {
    this.#origin = origin;
  }

  /** Counts a call that may want an extra attempt. */
  call(now: number): void {
    this.#calls.add(now);
  }

  /** How many extra attempts are left. */
  left(now: number): number {
    const most = Math.max(FLOOR, SHARE * this.#calls.total(now));
    return Math.max(0, Math.floor(most - this.#extras.total(now) - this.#reserved));
  }

  /** Whether an extra attempt is left; says so where none is. */
  allows(now: number): boolean {
    if (this.left(now) >= 1) return true;
    if (budgetChannel.hasSubscribers) budgetChannel.publish({ origin: this.#origin } satisfies BudgetMessage);
    return false;
  }

  /** Sets an extra attempt aside, if one is left. It counts once it is sent, and costs nothing if it is dropped. */
  reserve(now: number): Reservation | null {
    if (!this.allows(now)) return null;
    this.#reserved++;
    return new Reservation((sentAt) => {
      this.#reserved--;
      if (sentAt !== null) this.#extras.add(sentAt);
    });
  }
}

/** An extra attempt that was set aside. */
export class Reservation {
  #end: ((sentAt: number | null) => void) | null;

  constructor(end: (sentAt: number | null) => void) {
    this.#end = end;
  }

  sent(now: number): void {
    this.#end?.(now);
    this.#end = null;
  }

  /** Gives it back, unless it was sent. */
  drop(): void {
    this.#end?.(null);
    this.#end = null;
  }
}
