import type { Result } from '../answer/answer.js';
import { Failure } from '../errors.js';
import type { Breaker, Ticket, Verdict } from '../origin/breaker.js';
import type { BreakerOptions } from '../types.js';
import { Fork, type Job, type Stage } from './stage.js';

/** Refuses to send to an origin whose breaker is open. */
export const breakerStage: Stage<Required<BreakerOptions>> = {
  name: 'breaker',
  options: ({ breaker }) => breaker,
  wrap: (options, next) =>
    function throughBreaker(job, request) {
      const { clock, origins } = job.scope.instance;
      const breaker = origins.of(request.origin).breaker(options);
      const entry = breaker.enter(clock.now());
      if ('retryIn' in entry) return job.settle(refusal(request.origin, entry.retryIn));
      const guarded = new Guarded(job, breaker, entry.ticket);
      job.hold(guarded);
      next(guarded, request);
    },
};

function refusal(origin: string, retryIn: number): Failure {
  const when = retryIn > 0 ? `will be tried again in ${Math.ceil(retryIn)} ms` : 'is being tried by other calls';
  return new Failure('ERR_UPSTREAM_CIRCUIT_OPEN', `${origin} has been failing, and ${when}`);
}

/** A job behind a breaker. When it ends, the breaker is told what its result says of the origin. */
class Guarded extends Fork {
  readonly #breaker: Breaker;
  readonly #ticket: Ticket;
  /** By the clock, when its first attempt was sent; null before that. A hedge that is sent later does not change it. */
  #sentAt: number | null = null;

  constructor(parent: Job, breaker: Breaker, ticket: Ticket) {
    super(parent);
    this.#breaker = breaker;
    this.#ticket = ticket;
  }

  override attemptStarts(now: number): void {
    this.#sentAt ??= now;
    super.attemptStarts(now);
  }

  settle(result: Result): void {
    const now = this.scope.instance.clock.now();
    this.#breaker.leave(this.#ticket, this.#verdict(result, now), now);
    this.finish(result);
  }

  #verdict(result: Result, now: number): Verdict {
    // Without a request sent (there was no slot, say) nothing is known of the origin.
    if (this.#sentAt === null) return 'nothing';
    const isOutOfTime = result instanceof Failure && outOfTime.has(result.code);
    // Running out of time says nothing either if the queue, or an upstream before it, used up more than half of it.
    if (isOutOfTime && now - this.#sentAt < this.plan.patience / 2) return 'nothing';
    return verdictOf(result);
  }
}

const outOfTime: ReadonlySet<string> = new Set(['ERR_UPSTREAM_TIMEOUT', 'ERR_UPSTREAM_DEADLINE']);

// Failures that say nothing of the origin's health.
const innocent: ReadonlySet<string> = new Set([
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_QUOTA',
  'ERR_UPSTREAM_BLOCKED',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_HOOK',
]);

/** What a result says of the origin's health. A 4xx is a success: the request was wrong, and the origin answered. */
export function verdictOf(result: Result): Verdict {
  if (!(result instanceof Failure)) return result.status >= 500 ? 'failure' : 'success';
  return result.byClient || innocent.has(result.code) ? 'nothing' : 'failure';
}
