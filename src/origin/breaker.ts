import type { BreakerOptions } from '../types.js';
import { SlidingCount } from './window.js';

/** What a result says of the origin's health. */
export type Verdict = 'success' | 'failure' | 'nothing';

/** The state in which a call was let in, by which its end is known to be of that state. */
export type Ticket = State;

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number }
  | { readonly kind: 'half-open' };

/** A circuit breaker: it stops asking an origin that fails, and lets one call at a time find out whether it is well again. */
export class Breaker {
  readonly #options: Required<BreakerOptions>;
  readonly #successes: SlidingCount;
  readonly #failures: SlidingCount;
  #state: State = { kind: 'closed' };

  constructor(options: Required<BreakerOptions>) {
    this.#options = options;
    this.#successes = new SlidingCount(options.window);
    this.#failures = new SlidingCount(options.window);
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** Lets a call in, with a ticket for `leave`, which has to be told how it ended; or says in how many ms one may try. */
  enter(now: number): { readonly ticket: Ticket } | { readonly retryIn: number } {
    const state = this.#state;
    if (state.kind === 'closed') return { ticket: state };
    // While one is trying, nobody knows how long that takes.
    if (state.kind === 'half-open') return { retryIn: 0 };
    if (now < state.until) return { retryIn: state.until - now };
    this.#state = { kind: 'half-open' };
    return { ticket: this.#state };
  }

  /** How a call ended that had been let in with this ticket. One from an earlier state has nothing to say. */
  leave(ticket: Ticket, verdict: Verdict, now: number): void {
    const state = this.#state;
    if (ticket !== state) return;
    if (state.kind === 'half-open') this.#probed(verdict, now);
    else this.#count(verdict, now);
  }

  #probed(verdict: Verdict, now: number): void {
    if (verdict === 'success') {
      this.#successes.clear();
      this.#failures.clear();
      this.#state = { kind: 'closed' };
    } else {
      // One that was given up has not found out: the next may try at once.
      this.#state = { kind: 'open', until: verdict === 'failure' ? now + this.#options.halfOpenAfter : now };
    }
  }

  #count(verdict: Verdict, now: number): void {
    if (verdict === 'nothing') return;
    (verdict === 'success' ? this.#successes : this.#failures).add(now);
    if (verdict === 'success') return;
    const failures = this.#failures.total(now);
    const all = failures + this.#successes.total(now);
    const { minimum, threshold, halfOpenAfter } = this.#options;
    if (all >= minimum && failures >= threshold * all) this.#state = { kind: 'open', until: now + halfOpenAfter };
  }
}
