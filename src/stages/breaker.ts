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

/** Tells the breaker how it ended. */
class Guarded extends Fork {
  readonly #breaker: Breaker;
  readonly #ticket: Ticket;
  /** By the clock, when its first attempt was sent; null before that. A hedge that is sent later takes nothing from it. */
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
    // What has not been sent, for want of a slot say, has found out nothing.
    if (this.#sentAt === null) return 'nothing';
    const isOutOfTime = result instanceof Failure && outOfTime.has(result.code);
    // Nor has what had less than half of its time, because the queue, or an upstream before it, had used up the rest.
    if (isOutOfTime && now - this.#sentAt < this.plan.patience / 2) return 'nothing';
    return verdictOf(result);
  }
}

const outOfTime: ReadonlySet<string> = new Set(['ERR_UPSTREAM_TIMEOUT', 'ERR_UPSTREAM_DEADLINE']);

// A client that has left, or an instance that is full, says nothing of the upstream; neither does a request that never was.
const innocent: ReadonlySet<string> = new Set([
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_QUOTA',
  'ERR_UPSTREAM_BLOCKED',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_HOOK',
]);

/** A 4xx is an answer like any other: it is the request's fault. */
export function verdictOf(result: Result): Verdict {
  if (!(result instanceof Failure)) return result.status >= 500 ? 'failure' : 'success';
  return result.byClient || innocent.has(result.code) ? 'nothing' : 'failure';
}
