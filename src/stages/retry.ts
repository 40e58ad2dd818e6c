import type { Result } from '../answer/answer.js';
import type { AttemptKind } from '../channels.js';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Reservation, RetryBudget } from '../origin/budget.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import type { RetryOptions } from '../types.js';
import { type Abortable, Fork, type Job, type Send, type Stage } from './stage.js';

const LONGEST_BACKOFF = 30_000;

/** Sends again after a failure that may be temporary, while there is time and the origin's budget allows it. */
export const retryStage: Stage<Required<RetryOptions>> = {
  name: 'retry',
  options: ({ retry }) => retry,
  wrap: (options, next) =>
    function withRetries(job, request) {
      const tries = new Tries(job, request, options, next);
      job.hold(tries);
      tries.start();
    },
};

class Tries extends Fork {
  readonly #request: UpstreamRequest;
  readonly #options: Required<RetryOptions>;
  readonly #next: Send;
  readonly #budget: RetryBudget;
  #tried = 0;
  #isCounted = false;
  #extra: Reservation | null = null;
  #isGivenUp = false;
  /** What the try before this one ended with. */
  #last: Result | null = null;

  constructor(parent: Job, request: UpstreamRequest, options: Required<RetryOptions>, next: Send) {
    super(parent);
    this.#request = request;
    this.#options = options;
    this.#next = next;
    this.#budget = this.scope.instance.origins.of(request.origin).budget;
  }

  start(): void {
    this.#next(this, this.#request);
  }

  /** Counted here and not in start(): a request that is refused a place, or by a breaker, is not part of the budget. */
  override attemptStarts(now: number): void {
    if (!this.#isCounted) this.#budget.call(now);
    this.#isCounted = true;
    this.#extra?.sent(now);
    super.attemptStarts(now);
  }

  override attemptKind(): AttemptKind {
    return this.#tried > 0 ? 'retry' : super.attemptKind();
  }

  override abort(failure: Failure): void {
    this.#isGivenUp = true;
    super.abort(failure);
  }

  settle(result: Result): void {
    // A try that is over the quota is not made: why there was to be one says more.
    if (this.#last !== null && result instanceof Failure && result.code === 'ERR_UPSTREAM_QUOTA')
      return this.finish(this.#last);
    const { clock } = this.scope.instance;
    const { attempts, backoff } = this.#options;
    if (this.#isGivenUp || this.over || this.#tried === attempts || !this.#isPassing(result))
      return this.finish(result);
    const delay = retryDelay(result, this.#tried, backoff, Math.random(), Date.now());
    if (clock.now() + delay >= this.endsAt || !this.#budget.allows(clock.now())) return this.finish(result);
    // The head that came does not belong to the answer of the next attempt.
    this.headCame(null);
    this.#last = result;
    this.hold(new Pause(clock, delay, () => this.#tryAgain(result)));
  }

  /** @param last the result of the attempt before */
  #tryAgain(last: Result): void {
    // Checked again, because the timer may be late and others may have used up the budget.
    const now = this.scope.instance.clock.now();
    const isTooLate = this.over || now >= this.endsAt;
    this.#extra = isTooLate ? null : this.#budget.reserve(now);
    if (this.#extra === null) return this.finish(last);
    this.#tried++;
    this.#next(this, this.#request);
  }

  protected override finish(result: Result): void {
    this.#extra?.drop();
    super.finish(result);
  }

  #isPassing(result: Result): boolean {
    if (!(result instanceof Failure)) {
      // A status that the page accepts is a success, and is not retried.
      return this.#options.statuses.includes(result.status) && result.accepted(this.policy) !== true;
    }
    return (
      result.code === 'ERR_UPSTREAM_CONNECT' ||
      result.code === 'ERR_UPSTREAM_NETWORK' ||
      // The attempt's timeout: at the call's own timeout the call is over, and does not come here.
      result.code === 'ERR_UPSTREAM_TIMEOUT'
    );
  }
}

/**
 * Milliseconds to wait: what Retry-After says (RFC 9110, section 10.2.3), or else full jitter over an exponential back-off.
 *
 * @param tried how many attempts there were before this one
 * @param random from 0 to 1
 * @param date milliseconds of the wall clock, for a Retry-After that is a date
 */
export function retryDelay(result: Result, tried: number, backoff: number, random: number, date: number): number {
  const asked = result instanceof Failure ? null : retryAfter(result.single('retry-after') ?? null, date);
  return asked ?? random * Math.min(LONGEST_BACKOFF, backoff * 2 ** tried);
}

/** An HTTP date begins with the day of the week, in each of its three forms (RFC 9110, section 5.6.7). */
const httpDate = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

function retryAfter(header: string | null, date: number): number | null {
  if (header === null) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // Date.parse accepts nearly every text with a digit in it.
  if (!httpDate.test(header)) return null;
  const at = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, at - date);
}

/** A back-off under way. */
class Pause implements Abortable {
  readonly #clock: Clock;
  readonly #timer: unknown;

  constructor(clock: Clock, ms: number, then: () => void) {
    this.#clock = clock;
    this.#timer = clock.set(then, ms, undefined);
  }

  abort(): void {
    this.#clock.clear(this.#timer);
  }
}
