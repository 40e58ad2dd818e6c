import { Failure } from '../errors.js';
import type { CallPlan, UpstreamRequest } from '../plan/plan.js';
import { accepts } from './accepts.js';
import type { Abortable, CallHost, Send, SendResult, Stage, Task } from './host.js';

/** Sends a second attempt when the first is slow; the first success wins, and the other is aborted. */
export function hedgeStage(after: number | 'p95'): Stage {
  return (next) =>
    function withHedge(task, request) {
      const { clock, origins } = task.host;
      const origin = origins.of(request.origin);
      const now = clock.now();
      // With retries beside it, the call has been counted.
      if (task.plan.config.retry === null) origin.budget.call(now);
      const delay = after === 'p95' ? origin.latencies.quantile(0.95) : after;
      // Where too few answers are known there is nothing to be slow against.
      if (delay === null || now + delay >= task.endsAt) return next(task, request);
      return new Promise((settle) => {
        new Race(task, request, next, delay, settle).start();
      });
    };
}

const slower = new Failure('ERR_UPSTREAM_CANCELED', 'the other attempt was faster');

class Race implements Abortable {
  readonly #task: Task;
  readonly #request: UpstreamRequest;
  readonly #send: Send;
  readonly #delay: number;
  readonly #settle: (result: SendResult) => void;
  readonly #runners: Runner[] = [];
  #timer: unknown = null;
  /** What it ends with if neither is a success, and whose result that is. */
  #kept: SendResult | null = null;
  #keptBy: Runner | null = null;
  #running = 0;

  constructor(task: Task, request: UpstreamRequest, send: Send, delay: number, settle: (result: SendResult) => void) {
    this.#task = task;
    this.#request = request;
    this.#send = send;
    this.#delay = delay;
    this.#settle = settle;
  }

  get firstByte(): number | null {
    const runner = this.#keptBy ?? this.#runners.find(({ underway }) => underway?.firstByte != null);
    return runner?.underway?.firstByte ?? null;
  }

  start(): void {
    this.#task.underway = this;
    this.#run();
  }

  /** An attempt is sent. What the first has waited for that is not the upstream's slowness, and calls for no hedge. */
  attemptStarts(): void {
    this.#task.attemptStarts();
    if (this.#runners.length === 1) this.#timer = this.#task.host.clock.set(() => this.#hedge(), this.#delay, null);
  }

  abort(failure: Failure): void {
    this.#task.host.clock.clear(this.#timer);
    for (const runner of this.#runners) runner.end(failure);
    this.#settle(failure);
  }

  #hedge(): void {
    const { clock, origins } = this.#task.host;
    if (origins.of(this.#request.origin).budget.take(clock.now())) this.#run();
  }

  #run(): void {
    const runner = new Runner(this.#task, this);
    this.#runners.push(runner);
    this.#running++;
    void this.#send(runner, this.#request).then((result) => this.#ended(runner, result));
  }

  #ended(runner: Runner, result: SendResult): void {
    if (runner.over) return;
    this.#running--;
    const isSuccess = !(result instanceof Failure) && accepts(this.#task.plan.config, result) === true;
    // An answer, if only of failure, says more than none.
    if (isSuccess || this.#kept === null || (this.#kept instanceof Failure && !(result instanceof Failure))) {
      this.#kept = result;
      this.#keptBy = runner;
    }
    // A failure does not beat what may yet be a success; but it does not call for a hedge either: that is for the slow.
    if (!isSuccess && this.#running > 0) return;
    this.#task.host.clock.clear(this.#timer);
    for (const other of this.#runners) if (other !== runner) other.end(slower);
    this.#settle(this.#kept);
  }
}

/** One of the attempts of a race, which can end before the call does. */
class Runner implements Task {
  underway: Abortable | null = null;
  readonly #task: Task;
  readonly #race: Race;
  #over = false;

  constructor(task: Task, race: Race) {
    this.#task = task;
    this.#race = race;
  }

  get plan(): CallPlan {
    return this.#task.plan;
  }

  get host(): CallHost {
    return this.#task.host;
  }

  get endsAt(): number {
    return this.#task.endsAt;
  }

  get over(): boolean {
    return this.#over || this.#task.over;
  }

  get attempts(): number {
    return this.#task.attempts;
  }

  attemptStarts(): void {
    this.#race.attemptStarts();
  }

  end(failure: Failure): void {
    this.#over = true;
    this.underway?.abort(failure);
  }
}
