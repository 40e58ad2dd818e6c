import type { BreakerOptions } from '../types.js';
import { SlidingCount } from './window.js';

/** What a result says of the origin's health. */
export type Verdict = 'success' | 'failure' | 'nothing';

/** The state in which a call was let in, by which its end is known to be of that state. */
export type Ticket = State;

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number }
  | { readonly kind: 'half-open'; probes: number; failed: number };

// More than one call may try, so that one client who asks for what is slow does not keep it open for all others. Those that
// have failed count as well: where there are always others, an origin that is down would be asked without end.
const MOST_PROBES = 5;

/** A circuit breaker: it stops asking an origin that fails, and lets a few calls find out whether it is well again. */
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

  /** What a call would find. One that nobody has asked for as long as its window has forgotten why it opened. */
  stateAt(now: number): State['kind'] {
    const state = this.#state;
    if (state.kind !== 'open' || now < state.until) return state.kind;
    return now < state.until + this.#options.window ? 'half-open' : 'closed';
  }

  /** Lets a call in, with a ticket for `leave`, which has to be told how it ended; or says in how many ms one may try. */
  enter(now: number): { readonly ticket: Ticket } | { readonly retryIn: number } {
    const state = this.#state;
    if (state.kind === 'closed') return { ticket: state };
    if (state.kind === 'open') {
      if (now < state.until) return { retryIn: state.until - now };
      if (this.stateAt(now) === 'closed') return { ticket: this.#close() };
      this.#state = { kind: 'half-open', probes: 1, failed: 0 };
      return { ticket: this.#state };
    }
    // While so many are trying, nobody knows how long that takes.
    if (state.probes + state.failed === MOST_PROBES) return { retryIn: 0 };
    state.probes++;
    return { ticket: state };
  }

  /** How a call ended that had been let in with this ticket. One from an earlier state has nothing to say. */
  leave(ticket: Ticket, verdict: Verdict, now: number): void {
    const state = this.#state;
    if (ticket !== state) return;
    if (state.kind === 'closed') this.#count(verdict, now);
    else if (state.kind === 'half-open') {
      state.probes--;
      if (verdict === 'failure') state.failed++;
      if (verdict === 'success') this.#close();
      else if (state.probes === 0) {
        // Where all were given up, none has found out: the next may try at once.
        this.#state = { kind: 'open', until: state.failed > 0 ? now + this.#options.halfOpenAfter : now };
      }
    }
  }

  #close(): Ticket {
    this.#successes.clear();
    this.#failures.clear();
    this.#state = { kind: 'closed' };
    return this.#state;
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
