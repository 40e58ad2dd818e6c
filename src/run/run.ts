import { AsyncResource } from 'node:async_hooks';
import type { Request } from 'express';
import { Call } from '../call/call.js';
import type { CallPlan } from '../call/plan.js';
import type { CallOwner, CallRun, Visitor } from '../call/run.js';
import { Failure, type UpstreamError } from '../errors.js';
import type { Outcome } from '../outcome.js';
import { readConnectionOptions } from '../request/headers.js';
import { Flights } from '../stages/coalesce.js';
import type { AttemptSlots, Instance } from '../stages/stage.js';
import type { PagePlan } from './plan.js';
import { Slots } from './slots.js';

/** Who started a run. */
export interface RunOwner {
  /** Called once, with the error of a required upstream or with null; not for a run that was canceled. */
  runEnded(run: Run, error: UpstreamError | null): void;
}

/** One visitor's request going through a page. Starts the calls as they become ready, and ends by the deadline. */
export class Run implements CallRun, CallOwner<Call> {
  readonly plan: PagePlan;
  readonly instance: Instance;
  readonly req: Request | null;
  readonly visitor: Visitor;
  readonly locals: Readonly<Record<string, unknown>>;
  readonly async = new AsyncResource('EXPRESS_MASHUP_RUN');
  readonly generation: number;
  readonly began: number;
  readonly endsAt: number;
  readonly slots: AttemptSlots | null;
  readonly #calls: (Call | undefined)[];
  readonly #owner: RunOwner;
  #flights: Flights | null = null;
  #query: Request['query'] | null = null;
  #connectionOptions: ReadonlySet<string> | null = null;
  /** Milliseconds: the page's deadline, or the client's if that is shorter. */
  readonly #deadline: number;
  #timer: unknown = null;
  #left: number;
  #over = false;

  constructor(
    plan: PagePlan,
    instance: Instance,
    req: Request | null,
    visitor: Visitor,
    locals: Readonly<Record<string, unknown>>,
    owner: RunOwner,
  ) {
    this.plan = plan;
    this.instance = instance;
    this.req = req;
    this.visitor = visitor;
    this.locals = locals;
    this.generation = instance.generation;
    this.began = instance.clock.now();
    this.#deadline = deadlineOf(plan, visitor);
    this.endsAt = this.began + this.#deadline;
    this.slots = plan.crowded ? new Slots(plan.options.concurrency, this) : null;
    this.#calls = new Array(plan.calls.length);
    this.#left = plan.calls.length;
    this.#owner = owner;
  }

  start(): void {
    this.#timer = this.instance.clock.set(deadlinePassed, this.#deadline, this);
    for (const plan of this.plan.roots) if (!this.#over) this.#startCall(plan);
  }

  /** Aborts every call. The owner is not told. */
  cancel(why = 'the client has left'): void {
    if (!this.#over) this.#abort(new Failure('ERR_UPSTREAM_CANCELED', why));
  }

  /** The outcomes, in the order written. Complete once the run has ended. */
  get outcomes(): Outcome[] {
    return this.#calls.map((call) => call?.outcome as Outcome);
  }

  get flights(): Flights {
    this.#flights ??= new Flights(this);
    return this.#flights;
  }

  /** Express 5 parses the query anew at each look, and a fan-out has a hundred items that look. */
  get query(): Request['query'] {
    this.#query ??= this.visitor.query;
    return this.#query as Request['query'];
  }

  /** Worked out once, however many upstreams pass headers on. */
  get connectionOptions(): ReadonlySet<string> {
    this.#connectionOptions ??= readConnectionOptions(this.visitor.headers['connection']);
    return this.#connectionOptions;
  }

  /** Whether the client waits less than the page would. */
  get isHurried(): boolean {
    return this.#deadline < this.plan.options.deadline;
  }

  outcomeOf(plan: CallPlan): Outcome | null {
    return this.#calls[plan.index]?.outcome ?? null;
  }

  callEnded(call: Call): void {
    this.#left--;
    if (this.#over) return;
    if (call.plan.config.required && call.outcome?.status === 'error') {
      this.#abort(new Failure('ERR_UPSTREAM_CANCELED', `given up, for '${call.plan.name}' failed, which is required`));
      return this.#owner.runEnded(this, call.outcome.error);
    }
    for (const plan of call.plan.unblocks) {
      if (!this.#over && this.#isReady(plan)) this.#startCall(plan);
    }
    if (this.#left > 0 || this.#over) return;
    this.#end();
    this.#owner.runEnded(this, null);
  }

  deadlinePassed(): void {
    if (this.#over) return;
    const { calls } = this.plan;
    const message = `not here by the deadline of ${Math.round(this.#deadline)} ms`;
    this.#abort(new Failure('ERR_UPSTREAM_DEADLINE', message, undefined, null, this.isHurried));
    const lacking = calls.find((plan) => plan.config.required && this.outcomeOf(plan)?.status === 'error');
    this.#owner.runEnded(this, lacking === undefined ? null : (this.outcomeOf(lacking)?.error ?? null));
  }

  #isReady(plan: CallPlan): boolean {
    return this.#calls[plan.index] === undefined && plan.waitsFor.every((other) => this.outcomeOf(other) !== null);
  }

  #startCall(plan: CallPlan): void {
    const call = new Call(plan, this, this, null);
    this.#calls[plan.index] = call;
    call.start();
  }

  /** Ends the run and every call that has not ended. Calls that have not started get an outcome too. */
  #abort(failure: Failure): void {
    this.#end();
    for (const plan of this.plan.calls) {
      this.#calls[plan.index] ??= new Call(plan, this, this, null);
      this.#calls[plan.index]?.abort(failure);
    }
  }

  #end(): void {
    this.#over = true;
    this.instance.clock.clear(this.#timer);
  }
}

function deadlinePassed(run: Run): void {
  run.deadlinePassed();
}

/** The page's deadline in milliseconds, or the one in the client's `deadlineFrom` header if that is shorter. */
function deadlineOf({ options }: PagePlan, { headers }: Visitor): number {
  const header = options.deadlineFrom === null ? undefined : headers[options.deadlineFrom];
  if (typeof header !== 'string' || !/^\s*\d+(\.\d+)?\s*$/.test(header)) return options.deadline;
  return Math.min(options.deadline, Math.max(1, Number(header)));
}
