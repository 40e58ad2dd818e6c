import type { Result } from '../answer/answer.js';
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
  options: ({ coalesce }, coincides) => (coalesce ? 'instance' : coincides ? 'run' : null),
  wrap: (reach, next) =>
    function coalesced(job, request) {
      // What is shared belongs to no run, and is not told that this one began before the instance was closed.
      if (wasClosed(job.scope)) return job.settle(instanceClosed);
      const scope = reach === 'run' ? job.scope : job.scope.instance.shared;
      scope.flights.join(job, request, next);
    },
};

/** The requests of a scope that are under way, by all that makes them equal. */
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
    // Equal requests whose answers are judged or read by other rules do not give the same result.
    const key = `${job.policy.key} ${request.identity}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.join(job);
    const flight = new Flight(job, this.#scope, () => this.#byKey.delete(key));
    this.#byKey.set(key, flight);
    flight.join(job);
    this.#scope.async.runInAsyncScope(send, null, flight, request);
  }
}

/** A request under way for one or more jobs. It goes on while anybody waits for it. */
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

  /** There is time as long as there is for any of them. */
  get endsAt(): number {
    let latest = 0;
    for (const { job } of this.#passengers) latest = Math.max(latest, job.endsAt);
    return latest;
  }

  // The attempts and their timings are those of whoever asked first.
  attemptStarts(now: number): void {
    this.#leader.attemptStarts(now);
  }

  headCame(at: number | null): void {
    this.#leader.headCame(at);
  }

  join(job: Job): void {
    const passenger = new Passenger(this, job);
    this.#passengers.add(passenger);
    job.hold(passenger);
  }

  /** Somebody waits no longer. With the last of them the request is given up, and for the same reason. */
  leave(passenger: Passenger, failure: Failure): void {
    if (!this.#passengers.delete(passenger)) return;
    // First, for a job that ends may end its run, of which nothing is to be left then.
    if (this.#passengers.size === 0) this.abort(failure);
    passenger.job.settle(failure);
  }

  /** Ends it for all who wait. */
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
      // Each in its own context, and by itself: what one page's handler throws is not for the others.
      soon(() => passenger.arrive(own));
    }
  }

  #end(): void {
    this.over = true;
    this.#onEnd();
  }
}

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
