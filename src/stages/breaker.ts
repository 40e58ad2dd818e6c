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
  const when = retryIn > 0 ? `will be tried again in ${Math.ceil(retryIn)} ms` : 'is being tried by another call';
  return new Failure('ERR_UPSTREAM_CIRCUIT_OPEN', `${origin} has been failing, and ${when}`);
}

/** Tells the breaker how it ended. */
class Guarded extends Fork {
  readonly #breaker: Breaker;
  readonly #ticket: Ticket;
  #sent = false;

  constructor(parent: Job, breaker: Breaker, ticket: Ticket) {
    super(parent);
    this.#breaker = breaker;
    this.#ticket = ticket;
  }

  override attemptStarts(): void {
    this.#sent = true;
    super.attemptStarts();
  }

  settle(result: Result): void {
    // What has not been sent, for want of a slot say, has found out nothing.
    const verdict = this.#sent ? verdictOf(result) : 'nothing';
    this.#breaker.leave(this.#ticket, verdict, this.scope.instance.clock.now());
    this.finish(result);
  }
}

// A client that has left, or an instance that is full, says nothing of the upstream; neither does a request that never was.
const innocent: ReadonlySet<string> = new Set([
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_BLOCKED',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_HOOK',
]);

/** A 4xx is an answer like any other: it is the request's fault. */
export function verdictOf(result: Result): Verdict {
  if (!(result instanceof Failure)) return result.status >= 500 ? 'failure' : 'success';
  return result.isClients || innocent.has(result.code) ? 'nothing' : 'failure';
}
