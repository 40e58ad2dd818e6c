import { Failure } from '../errors.js';
import type { SendResult, Stage } from './host.js';
import { SlidingCount } from './window.js';

export interface BreakerOptions {
  /** The share of failures, 0 to 1, at which it opens. */
  readonly threshold: number;
  /** How many answers there must be in the window before it can. */
  readonly minimum: number;
  /** Milliseconds over which it counts. */
  readonly window: number;
  /** Milliseconds after which it lets one call try. */
  readonly halfOpenAfter: number;
}

/** What a result says of the origin's health. */
export type Verdict = 'success' | 'failure' | 'nothing';

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number }
  | { readonly kind: 'half-open' };

/** A circuit breaker: it stops asking an origin that fails, and lets one call at a time find out whether it is well again. */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #successes: SlidingCount;
  readonly #failures: SlidingCount;
  #state: State = { kind: 'closed' };

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#successes = new SlidingCount(options.window);
    this.#failures = new SlidingCount(options.window);
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** Lets a call in, with a ticket for `leave`, which has to be told how it ended; or says in how many ms one may try. */
  enter(now: number): { readonly ticket: State } | { readonly retryIn: number } {
    const state = this.#state;
    if (state.kind === 'closed') return { ticket: state };
    // While one is trying, nobody knows how long that takes.
    if (state.kind === 'half-open') return { retryIn: 0 };
    if (now < state.until) return { retryIn: state.until - now };
    this.#state = { kind: 'half-open' };
    return { ticket: this.#state };
  }

  /** How a call ended that had been let in with this ticket. One from an earlier state has nothing to say. */
  leave(ticket: unknown, verdict: Verdict, now: number): void {
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

// A client that has left, or an instance that is full, says nothing of the upstream; neither does a request that never was.
const innocent = new Set([
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_BLOCKED',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_HOOK',
]);

/** A 4xx is an answer like any other: it is the request's fault. */
export function verdictOf(result: SendResult): Verdict {
  if (result instanceof Failure) return innocent.has(result.code) ? 'nothing' : 'failure';
  return result.status >= 500 ? 'failure' : 'success';
}

/** Refuses to send to an origin whose breaker is open. */
export function breakerStage(options: BreakerOptions): Stage {
  return (next) =>
    async function throughBreaker(task, request) {
      const { clock, origins } = task.host;
      const breaker = origins.of(request.origin).breaker(options);
      const entry = breaker.enter(clock.now());
      if ('retryIn' in entry) {
        const when =
          entry.retryIn > 0
            ? `will be tried again in ${Math.ceil(entry.retryIn)} ms`
            : 'is being tried by another call';
        return new Failure('ERR_UPSTREAM_CIRCUIT_OPEN', `${request.origin} has been failing, and ${when}`);
      }
      const { attempts } = task;
      const result = await next(task, request);
      // What has not been sent, for want of a slot say, has found out nothing; nor has a client that would not wait.
      const isClients = task.host.isHurried && result instanceof Failure && result.code === 'ERR_UPSTREAM_DEADLINE';
      const verdict = task.attempts === attempts || isClients ? 'nothing' : verdictOf(result);
      breaker.leave(entry.ticket, verdict, clock.now());
      return result;
    };
}
