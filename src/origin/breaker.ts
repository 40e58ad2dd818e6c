import { type BreakerMessage, breakerChannel } from '../channels.js';
import type { BreakerOptions } from '../types.js';
import { SlidingCount } from './window.js';

/** What a result says of the origin's health. */
export type Verdict = 'success' | 'failure' | 'nothing';

/** The state in which a call was let in. When the call ends, it counts only if the breaker is still in that state. */
export type Ticket = State;

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number }
  | { readonly kind: 'half-open'; probes: number; failed: number };

// Several calls may probe at once, so that one slow request does not keep the breaker open for all. Probes that have failed
// count as well: otherwise an origin that is down would get probes without end while some are always under way.
const MOST_PROBES = 5;

/** A circuit breaker: stops requests to an origin that fails, then lets a few probes find out whether it has recovered. */
export class Breaker {
  readonly #options: Required<BreakerOptions>;
  readonly #successes: SlidingCount;
  readonly #failures: SlidingCount;
  #state: State = { kind: 'closed' };

  readonly #origin: string;

  /** @param origin its name, for those who listen to its states */
  constructor(options: Required<BreakerOptions>, origin = '') {
    this.#options = options;
    this.#origin = origin;
    this.#successes = new SlidingCount(options.window);
    this.#failures = new SlidingCount(options.window);
  }

  /** The state that a call would meet now. A breaker that stays unused for another window after `until` is closed again. */
  stateAt(now: number): State['kind'] {
    const state = this.#state;
    if (state.kind !== 'open' || now < state.until) return state.kind;
    return now < state.until + this.#options.window ? 'half-open' : 'closed';
  }

  /** Lets a call in with a ticket, which must be given to `leave`; or refuses it and says in how many ms to try again. */
  enter(now: number): { readonly ticket: Ticket } | { readonly retryIn: number } {
    const state = this.#state;
    if (state.kind === 'closed') return { ticket: state };
    if (state.kind === 'open') {
      if (now < state.until) return { retryIn: state.until - now };
      if (this.stateAt(now) === 'closed') return { ticket: this.#close() };
      return { ticket: this.#become({ kind: 'half-open', probes: 1, failed: 0 }) };
    }
    // 0: it is not known when the probes under way will end.
    if (state.probes + state.failed === MOST_PROBES) return { retryIn: 0 };
    state.probes++;
    return { ticket: state };
  }

  /** A call that was let in with this ticket has ended. A ticket of an earlier state has no effect. */
  leave(ticket: Ticket, verdict: Verdict, now: number): void {
    const state = this.#state;
    if (ticket !== state) return;
    if (state.kind === 'closed') this.#count(verdict, now);
    else if (state.kind === 'half-open') {
      state.probes--;
      if (verdict === 'failure') state.failed++;
      if (verdict === 'success') this.#close();
      else if (state.probes === 0) {
        // If no probe has found out anything (all were aborted), the next may try at once.
        this.#become({ kind: 'open', until: state.failed > 0 ? now + this.#options.halfOpenAfter : now });
      }
    }
  }

  #close(): Ticket {
    this.#successes.clear();
    this.#failures.clear();
    return this.#become({ kind: 'closed' });
  }

  #become(state: State): Ticket {
    this.#state = state;
    if (breakerChannel.hasSubscribers) {
      breakerChannel.publish({ origin: this.#origin, state: state.kind } satisfies BreakerMessage);
    }
    return state;
  }

  #count(verdict: Verdict, now: number): void {
    if (verdict === 'nothing') return;
    (verdict === 'success' ? this.#successes : this.#failures).add(now);
    if (verdict === 'success') return;
    const failures = this.#failures.total(now);
    const all = failures + this.#successes.total(now);
    const { minimum, threshold, halfOpenAfter } = this.#options;
    if (all >= minimum && failures >= threshold * all) this.#become({ kind: 'open', until: now + halfOpenAfter });
  }
}
