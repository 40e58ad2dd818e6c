// What a breaker and a retry budget should do, written as simply as can be.
import type { Result } from '../../src/answer/answer.js';
import { Failure } from '../../src/errors.js';
import type { BreakerOptions } from '../../src/types.js';

/** What the end of an attempt says of its origin. */
export type Verdict = 'success' | 'failure' | 'nothing';

const passing = ['ERR_UPSTREAM_CONNECT', 'ERR_UPSTREAM_NETWORK', 'ERR_UPSTREAM_TIMEOUT'];

/** Whether a retry may follow. */
export function isPassing(result: Result, statuses: readonly number[]): boolean {
  if (result instanceof Failure) return passing.includes(result.code);
  return statuses.includes(result.status) && result.header('retry-after') !== '1';
}

/**
 * What somebody found out of an origin whom its breaker had let in.
 * @param lasted milliseconds since his first attempt was sent; null if none was
 * @param patience milliseconds that he would have waited if nobody else had used up any of them
 */
export function verdictOf(result: Result, lasted: number | null, patience: number): Verdict {
  if (lasted === null) return 'nothing';
  if (!(result instanceof Failure)) return result.status >= 500 ? 'failure' : 'success';
  const isOutOfTime = ['ERR_UPSTREAM_DEADLINE', 'ERR_UPSTREAM_TIMEOUT'].includes(result.code);
  if (isOutOfTime) return result.byClient || lasted < patience / 2 ? 'nothing' : 'failure';
  return passing.includes(result.code) ? 'failure' : 'nothing';
}

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number }
  | { readonly kind: 'half-open'; probes: number; hasFailed: boolean };

const MOST_PROBES = 5;

export class ReferenceBreaker {
  #state: State = { kind: 'closed' };
  /** Counts the states: a ticket is the number of the one in which it was given. */
  #turns = 0;
  #ends: { readonly at: number; readonly verdict: Verdict }[] = [];
  readonly #options: Required<BreakerOptions>;

  constructor(options: Required<BreakerOptions>) {
    this.#options = options;
  }

  stateAt(now: number): State['kind'] {
    const state = this.#state;
    if (state.kind !== 'open' || now < state.until) return state.kind;
    return now < state.until + this.#options.window ? 'half-open' : 'closed';
  }

  /** A ticket, or null for a refusal. */
  enter(now: number): number | null {
    const kind = this.stateAt(now);
    if (kind === 'open') return null;
    if (kind !== this.#state.kind) this.#become(kind === 'closed' ? { kind } : { kind, probes: 0, hasFailed: false });
    if (this.#state.kind === 'half-open' && ++this.#state.probes > MOST_PROBES) {
      this.#state.probes--;
      return null;
    }
    return this.#turns;
  }

  leave(ticket: number, verdict: Verdict, now: number): void {
    const state = this.#state;
    if (ticket !== this.#turns) return;
    if (state.kind === 'half-open') {
      state.probes--;
      state.hasFailed ||= verdict === 'failure';
      if (verdict === 'success') this.#become({ kind: 'closed' });
      // If all were given up, nobody has found out.
      else if (state.probes === 0) this.#open(state.hasFailed ? now + this.#options.halfOpenAfter : now);
    } else if (verdict !== 'nothing') {
      this.#ends.push({ at: now, verdict });
      if (verdict === 'failure' && this.#isFailing(now)) this.#open(now + this.#options.halfOpenAfter);
    }
  }

  #isFailing(now: number): boolean {
    const { window, minimum, threshold } = this.#options;
    // It counts in ten steps.
    const stepOf = (at: number) => Math.floor(at / (window / 10));
    const counted = this.#ends.filter(({ at }) => stepOf(now) - stepOf(at) < 10);
    const failures = counted.filter(({ verdict }) => verdict === 'failure').length;
    return counted.length >= minimum && failures >= threshold * counted.length;
  }

  #open(until: number): void {
    this.#become({ kind: 'open', until });
  }

  #become(state: State): void {
    if (state.kind === 'closed') this.#ends = [];
    this.#state = state;
    this.#turns++;
  }
}
