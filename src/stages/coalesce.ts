import type { Failure } from '../errors.js';
import type { CallPlan, UpstreamRequest } from '../plan/plan.js';
import { Answer } from '../transport/answer.js';
import type { AttemptRules } from '../transport/attempt.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { Abortable, CallHost, Send, SendResult, Stage, Task } from './host.js';

/** Whose equal calls share a request. */
type Reach = 'run' | 'instance';

/** Requests that are under way, by all that makes them equal. */
export class Flights {
  readonly #across: Reach;
  readonly #byKey = new Map<string, Flight>();

  constructor(across: Reach) {
    this.#across = across;
  }

  /** Joins the request that is under way for this, or starts it. */
  join(task: Task, request: UpstreamRequest, send: Send): Promise<SendResult> {
    const key = requestKey(request, task.plan.rules);
    // What an axios instance will send is not known before its interceptors have run.
    if (key === null) return send(task, request);
    let flight = this.#byKey.get(key);
    if (flight === undefined) {
      flight = new Flight(task, this.#across, () => this.#byKey.delete(key));
      this.#byKey.set(key, flight);
      const joined = flight.join(task);
      flight.start(request, send);
      return joined;
    }
    return flight.join(task);
  }
}

// They differ for every request, and say nothing of who asks (baggage, which may, is not among them).
const trace = new Set(['traceparent', 'tracestate']);

/**
 * All that decides what an answer may be: method, URL, body, every header sent, and where the request may be redirected to.
 * Null where that is not known.
 */
export function requestKey(request: UpstreamRequest, rules: AttemptRules): string | null {
  if (request instanceof AxiosRequest) return null;
  const { method, origin, path, headers, body } = request;
  const parts: unknown[] = [rules.key, method, origin, path];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    if (!trace.has(name)) parts.push(name, headers[at + 1]);
  }
  parts.push(typeof body === 'string' ? `text ${body}` : body === null ? null : `bytes ${body.toString('latin1')}`);
  return JSON.stringify(parts);
}

/** Shares the request of equal calls: those of the run, or of the whole instance. */
export function coalesceStage(across: Reach): Stage {
  return (next) =>
    function shared(task, request) {
      const flights = across === 'run' ? task.host.flights : task.host.origins.flights;
      return flights.join(task, request, next);
    };
}

/** What many runs share waits in the line of none of them. The origin's limit holds all the same. */
function withoutSlots(host: CallHost): CallHost {
  const { scope, clock, began, endsAt, connections, origins, flights, req, locals } = host;
  const outcomeOf = (plan: CallPlan) => host.outcomeOf(plan);
  const callEnded = () => {};
  const own = { slots: null, isHurried: false, outcomeOf, callEnded };
  return { scope, clock, began, endsAt, connections, origins, flights, req, locals, ...own };
}

/** A request under way for one or more calls. It goes on while anybody waits for it. */
class Flight implements Task {
  readonly plan: CallPlan;
  readonly host: CallHost;
  underway: Abortable | null = null;
  readonly #passengers = new Set<Passenger>();
  readonly #leader: Task;
  readonly #onEnd: () => void;
  #over = false;

  constructor(leader: Task, across: Reach, onEnd: () => void) {
    this.plan = leader.plan;
    this.host = across === 'run' ? leader.host : withoutSlots(leader.host);
    this.#leader = leader;
    this.#onEnd = onEnd;
  }

  get over(): boolean {
    return this.#over;
  }

  /** There is time as long as there is for any of them. */
  get endsAt(): number {
    let latest = 0;
    for (const { endsAt } of this.#passengers) latest = Math.max(latest, endsAt);
    return latest;
  }

  get attempts(): number {
    return this.#leader.attempts;
  }

  attemptStarts(): void {
    this.#leader.attemptStarts();
  }

  start(request: UpstreamRequest, send: Send): void {
    void send(this, request).then((result) => this.#ended(result));
  }

  join(task: Task): Promise<SendResult> {
    return new Promise((resolve) => {
      const passenger = new Passenger(this, task === this.#leader, task.endsAt, resolve);
      this.#passengers.add(passenger);
      task.underway = passenger;
    });
  }

  /** Somebody waits no longer. With the last of them the request is given up, and for the same reason. */
  leave(passenger: Passenger, failure: Failure): void {
    this.#passengers.delete(passenger);
    if (this.#passengers.size > 0 || this.#over) return;
    this.#over = true;
    this.#onEnd();
    this.underway?.abort(failure);
  }

  #ended(result: SendResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd();
    for (const passenger of this.#passengers) passenger.arrive(result);
  }
}

class Passenger implements Abortable {
  readonly #flight: Flight;
  readonly #leads: boolean;
  readonly endsAt: number;
  readonly #resolve: (result: SendResult) => void;

  constructor(flight: Flight, leads: boolean, endsAt: number, resolve: (result: SendResult) => void) {
    this.endsAt = endsAt;
    this.#flight = flight;
    this.#leads = leads;
    this.#resolve = resolve;
  }

  get firstByte(): number | null {
    return this.#leads ? (this.#flight.underway?.firstByte ?? null) : null;
  }

  abort(failure: Failure): void {
    this.#resolve(failure);
    this.#flight.leave(this, failure);
  }

  arrive(result: SendResult): void {
    this.#resolve(result instanceof Answer && !this.#leads ? result.shared() : result);
  }
}
