import type { Result } from '../answer/answer.js';
import type { AttemptKind, CallMessage } from '../channels.js';
import { Failure } from '../errors.js';
import { soon } from '../soon.js';
import { instanceClosed, wasClosed } from '../transport/closed.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { type Abortable, Job, type JobPlan, type RequestSharing, type Scope, type Send, type Stage } from './stage.js';

/** Whose equal calls share a request. */
type Reach = 'run' | 'instance';

/** Shares the request of equal calls: those of the run, or of the whole instance. */
export const coalesceStage: Stage<Reach> = {
  name: 'coalesce',
  // What is cached is fetched once for all.
  options: ({ coalesce, cache }, coincides) => (coalesce || cache !== null ? 'instance' : coincides ? 'run' : null),
  wrap: (reach, next) =>
    function coalesced(job, request) {
      // Checked here, because a shared request has the instance's scope and does not know when this run began.
      if (wasClosed(job.scope)) return job.settle(instanceClosed);
      const scope = reach === 'run' ? job.scope : job.scope.instance.shared;
      scope.flights.join(job, request, next);
    },
};

/** The requests under way in a scope, by a key that is the same for equal requests. */
export class Flights implements RequestSharing {
  readonly #scope: Scope;
  readonly #byKey = new Map<string, Flight>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Gives up all that is under way. */
  giveUp(failure: Failure): void {
    for (const flight of [...this.#byKey.values()]) flight.giveUp(failure);
  }

  /** Joins the request that is under way for this, or starts it. */
  join(job: Job, request: UpstreamRequest, send: Send): void {
    if (request.identity === null) return send(job, request);
    // Equal requests under different policies can have different results.
    const key = `${job.policy.key} ${request.identity}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.join(job);
    const flight = new Flight(job, this.#scope, () => this.#byKey.delete(key));
    this.#byKey.set(key, flight);
    flight.join(job);
    this.#scope.async.runInAsyncScope(send, null, flight, request);
  }
}

/** A request that is shared by one or more jobs. It goes on until its last passenger leaves. */
class Flight extends Job {
  readonly plan: JobPlan;
  readonly scope: Scope;
  over = false;
  readonly #passengers = new Set<Passenger>();
  readonly #leader: Job;
  readonly #onEnd: () => void;

  constructor(leader: Job, scope: Scope, onEnd: () => void) {
    super();
    this.plan = leader.plan;
    this.scope = scope;
    this.#leader = leader;
    this.#onEnd = onEnd;
  }

  /** The latest end of all passengers. */
  get endsAt(): number {
    let latest = 0;
    for (const { job } of this.#passengers) latest = Math.max(latest, job.endsAt);
    return latest;
  }

  // Attempts and timings are recorded for the job that started the request, and not for those that joined it.
  attemptStarts(now: number): void {
    this.#leader.attemptStarts(now);
  }

  headCame(at: number | null): void {
    this.#leader.headCame(at);
  }

  override callMessage(): CallMessage | null {
    return this.#leader.callMessage();
  }

  override attemptKind(): AttemptKind {
    return this.#leader.attemptKind();
  }

  join(job: Job): void {
    const passenger = new Passenger(this, job);
    this.#passengers.add(passenger);
    job.hold(passenger);
  }

  /** A passenger was aborted. When the last one leaves, the request is aborted for the same reason. */
  leave(passenger: Passenger, failure: Failure): void {
    if (!this.#passengers.delete(passenger)) return;
    // Before settle(): that may end the run, and by then nothing of it may be under way.
    if (this.#passengers.size === 0) this.abort(failure);
    passenger.job.settle(failure);
  }

  /** Ends it for all passengers. */
  giveUp(failure: Failure): void {
    this.abort(failure);
    this.#tell(failure);
  }

  abort(failure: Failure): void {
    if (this.over) return;
    this.#end();
    this.drop(failure);
  }

  settle(result: Result): void {
    if (this.over) return;
    this.#end();
    this.#tell(result);
  }

  #tell(result: Result): void {
    for (const passenger of this.#passengers) {
      const isLeader = passenger.job === this.#leader;
      const own = result instanceof Failure || isLeader ? result : result.forFollower();
      // A microtask for each, because an exception of one page's handler must not keep the others from their result.
      soon(() => passenger.arrive(own));
    }
  }

  #end(): void {
    this.over = true;
    this.#onEnd();
  }
}

/** A job that waits for a shared request. */
class Passenger implements Abortable {
  readonly #flight: Flight;
  readonly job: Job;
  #over = false;

  constructor(flight: Flight, job: Job) {
    this.#flight = flight;
    this.job = job;
  }

  abort(failure: Failure): void {
    this.#over = true;
    this.#flight.leave(this, failure);
  }

  arrive(result: Result): void {
    if (this.#over) return;
    this.#over = true;
    this.job.scope.async.runInAsyncScope(this.job.settle, this.job, result);
  }
}
