import type { Result } from '../answer/answer.js';
import type { AttemptKind } from '../channels.js';
import { Failure } from '../errors.js';
import type { Reservation } from '../origin/budget.js';
import type { Origin } from '../origin/origin.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { Fork, type Job, type Send, type Stage } from './stage.js';

interface Options {
  /** Milliseconds, or the 95th percentile of the origin's latencies. */
  readonly after: number | 'p95';
  /** Whether the retry stage already counts the call in the budget that retries and hedges share. */
  readonly isCounted: boolean;
}

/** Sends a second attempt when the first is slow; the first success wins, and the other is aborted. */
export const hedgeStage: Stage<Options> = {
  name: 'hedge',
  options: ({ hedge, retry }) => (hedge === null ? null : { after: hedge, isCounted: retry !== null }),
  wrap: ({ after, isCounted }, next) =>
    function withHedge(job, request) {
      const { clock, origins } = job.scope.instance;
      const origin = origins.of(request.origin);
      const known = after === 'p95' ? origin.latencies.quantile(0.95) : after;
      // No hedge while there are too few latencies for a percentile, nor where it would come after the job's end.
      const delay = known === null || clock.now() + known >= job.endsAt ? null : known;
      const race = new Race(job, request, next, delay, origin, isCounted);
      job.hold(race);
      race.run(null);
    },
};

const slower = new Failure('ERR_UPSTREAM_CANCELED', 'the other attempt was faster');

class Race extends Fork {
  readonly #request: UpstreamRequest;
  readonly #next: Send;
  readonly #delay: number | null;
  readonly #origin: Origin;
  readonly #runners: Runner[] = [];
  #isCounted: boolean;
  #timer: unknown = null;
  #running = 0;
  #isDecided = false;
  /** The attempt whose result the race ends with: the one that won, or the best so far. */
  #kept: Runner | null = null;

  /** @param delay milliseconds after which the second attempt is sent; null where there is none */
  constructor(
    parent: Job,
    request: UpstreamRequest,
    next: Send,
    delay: number | null,
    origin: Origin,
    isCounted: boolean,
  ) {
    super(parent);
    this.#request = request;
    this.#next = next;
    this.#delay = delay;
    this.#origin = origin;
    this.#isCounted = isCounted;
  }

  run(extra: Reservation | null): void {
    const runner = new Runner(this, extra);
    this.#runners.push(runner);
    this.#running++;
    this.#next(runner, this.#request);
  }

  /** An attempt is sent. The delay runs from here, because time spent in a queue does not make the upstream slow. */
  override attemptStarts(now: number): void {
    super.attemptStarts(now);
    if (!this.#isCounted) this.#origin.budget.call(now);
    this.#isCounted = true;
    if (this.#runners.length > 1 || this.#delay === null) return;
    this.#timer = this.scope.instance.clock.set(hedge, this.#delay, this);
  }

  override headCame(at: number | null): void {
    // The first head counts until it is known whose answer is kept: see settle().
    if (this.#runners.every(({ firstByte }) => firstByte === null)) super.headCame(at);
  }

  hedge(): void {
    const extra = this.#origin.budget.reserve(this.scope.instance.clock.now());
    if (extra !== null) this.run(extra);
  }

  ended(runner: Runner, result: Result): void {
    if (this.#isDecided) return;
    this.#running--;
    const isSuccess = !(result instanceof Failure) && result.accepted(this.policy) === true;
    if (isSuccess || this.#kept === null || runner.saysMoreThan(this.#kept)) this.#kept = runner;
    // A failure ends the race only when nothing else is under way. It starts no hedge either: a hedge is for slow attempts.
    if (isSuccess || this.#running === 0) this.settle((this.#kept as Runner).result as Result);
  }

  settle(result: Result): void {
    if (this.#kept !== null) super.headCame(this.#kept.firstByte);
    this.#end(result, slower);
  }

  override abort(failure: Failure): void {
    if (!this.#isDecided) this.#end(failure, failure);
  }

  #end(result: Result, others: Failure): void {
    this.#isDecided = true;
    this.scope.instance.clock.clear(this.#timer);
    // Before finish(): that may end the run, and by then nothing of it may be under way.
    for (const runner of this.#runners) runner.abort(others);
    this.finish(result);
  }
}

function hedge(race: Race): void {
  race.hedge();
}

/** One of the attempts of a race. */
class Runner extends Fork {
  readonly #race: Race;
  /** What the hedge costs of the origin's budget; null for the first attempt. */
  readonly #extra: Reservation | null;
  #isSent = false;
  firstByte: number | null = null;
  result: Result | null = null;

  constructor(race: Race, extra: Reservation | null) {
    super(race);
    this.#race = race;
    this.#extra = extra;
  }

  /** An attempt says more than one that was refused, and an answer, if only of failure, more than none. */
  saysMoreThan(other: Runner): boolean {
    if (this.#isSent !== other.#isSent) return this.#isSent;
    return other.result instanceof Failure && !(this.result instanceof Failure);
  }

  override attemptKind(): AttemptKind {
    return this.#extra === null ? super.attemptKind() : 'hedge';
  }

  override attemptStarts(now: number): void {
    this.#isSent = true;
    this.#extra?.sent(now);
    super.attemptStarts(now);
  }

  override headCame(at: number | null): void {
    super.headCame(at);
    this.firstByte = at;
  }

  settle(result: Result): void {
    this.#extra?.drop();
    this.result ??= result;
    this.#race.ended(this, result);
  }

  override abort(failure: Failure): void {
    if (this.result === null) this.drop(failure);
  }
}
