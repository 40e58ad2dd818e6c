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
 * @param lasted milliseconds since his first attempt was sent; null if he sent none
 * @param patience milliseconds that an attempt has where nothing else took any of them
 */
export function verdictOf(result: Result, lasted: number | null, patience: number): Verdict {
  if (lasted === null) return 'nothing';
  if (!(result instanceof Failure)) return result.status >= 500 ? 'failure' : 'success';
  const isOutOfTime = result.code === 'ERR_UPSTREAM_DEADLINE' || result.code === 'ERR_UPSTREAM_TIMEOUT';
  if (isOutOfTime) return result.byClient || lasted < patience / 2 ? 'nothing' : 'failure';
  return passing.includes(result.code) ? 'failure' : 'nothing';
}

const MOST_PROBES = 5;

export class ReferenceBreaker {
  #state: 'closed' | 'open' | 'half-open' = 'closed';
  /** Counts the changes of state: a ticket is the number of the one in which it was given. */
  #turns = 0;
  #opensAt = 0;
  #probes = 0;
  #failed = 0;
  #ends: { readonly at: number; readonly verdict: Verdict }[] = [];
  readonly #options: Required<BreakerOptions>;

  constructor(options: Required<BreakerOptions>) {
    this.#options = options;
  }

  stateAt(now: number): 'closed' | 'open' | 'half-open' {
    if (this.#state !== 'open' || now < this.#opensAt) return this.#state;
    return now < this.#opensAt + this.#options.window ? 'half-open' : 'closed';
  }

  /** A ticket, or null for a refusal. */
  enter(now: number): number | null {
    const state = this.stateAt(now);
    if (state === 'open' || (this.#state === 'half-open' && this.#probes + this.#failed === MOST_PROBES)) return null;
    if (state !== this.#state) this.#become(state);
    if (state === 'half-open') this.#probes++;
    return this.#turns;
  }

  leave(ticket: number, verdict: Verdict, now: number): void {
    if (ticket !== this.#turns) return;
    if (this.#state === 'half-open') {
      this.#probes--;
      if (verdict === 'failure') this.#failed++;
      if (verdict === 'success') this.#become('closed');
      else if (this.#probes === 0) {
        this.#opensAt = this.#failed > 0 ? now + this.#options.halfOpenAfter : now;
        this.#become('open');
      }
    } else if (verdict !== 'nothing') {
      this.#ends.push({ at: now, verdict });
      if (verdict === 'failure' && this.#isFailing(now)) {
        this.#opensAt = now + this.#options.halfOpenAfter;
        this.#become('open');
      }
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

  #become(state: 'closed' | 'open' | 'half-open'): void {
    this.#state = state;
    this.#turns++;
    this.#probes = 0;
    this.#failed = 0;
    if (state === 'closed') this.#ends = [];
  }
}
