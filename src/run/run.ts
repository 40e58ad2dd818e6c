import { AsyncResource } from 'node:async_hooks';
import type { Request } from 'express';
import { Call } from '../call/call.js';
import type { CallPlan } from '../call/plan.js';
import type { CallOwner, CallRun, Visitor } from '../call/run.js';
import { type RunMessage, runs } from '../channels.js';
import { Failure, type UpstreamError } from '../errors.js';
import { noteGraph } from '../notes.js';
import type { Outcome } from '../outcome.js';
import { readConnectionOptions } from '../request/headers.js';
import { Flights } from '../stages/coalesce.js';
import type { AttemptSlots, Instance } from '../stages/stage.js';
import { tellFailure } from './failure.js';
import { LateCalls } from './late.js';
import type { PagePlan } from './plan.js';
import { Slots } from './slots.js';

/** Who started a run. */
export interface RunOwner {
  /**
   * Called once, when all that the page waits for has ended, with the error of a required upstream or with null; not for a run
   * that was canceled.
   */
  runEnded(run: Run, error: UpstreamError | null): void;
  /** Called once, when nothing is under way any more: before `runEnded` where nothing is deferred, and for a run that was canceled. */
  allEnded(run: Run): void;
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
  readonly lateEndsAt: number;
  readonly slots: AttemptSlots | null;
  message: RunMessage | null = null;
  readonly #calls: (Call | undefined)[];
  readonly #owner: RunOwner;
  #flights: Flights | null = null;
  #query: Request['query'] | null = null;
  #connectionOptions: ReadonlySet<string> | null = null;
  /** Milliseconds: the page's deadline, or the client's if that is shorter. */
  readonly #deadline: number;
  #timer: unknown = null;
  /** How many of those that the page waits for have not ended. */
  #left: number;
  readonly #late: LateCalls | null;
  /** The owner waits; calls are being ended; the owner has been told, and deferred calls are under way; nothing is. */
  #state: 'open' | 'ending' | 'late' | 'over' = 'open';

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
    this.lateEndsAt = this.began + plan.options.lateDeadline;
    this.#left = plan.calls.length - plan.late.length;
    this.#late = plan.late.length === 0 ? null : new LateCalls(plan.late, this.lateEndsAt, (call) => this.#ended(call));
    this.#owner = owner;
  }

  start(): void {
    if (runs.on) this.#startTold();
    else this.#begin();
  }

  #startTold(): void {
    const { req, began, plan } = this;
    this.message = { req, upstreams: plan.names, began, ended: null, outcomes: null, error: null };
    noteGraph(this.message, plan.graph);
    runs.run(this.message, () => this.#begin());
  }

  /** The owner is told now, or not at all. */
  #tellEnd(message: RunMessage, error: UpstreamError | null): void {
    if (message.ended !== null) return;
    message.ended = this.instance.clock.now();
    message.outcomes = this.outcomes;
    message.error = error;
    runs.ended(message);
  }

  #begin(): void {
    this.#timer = this.instance.clock.set(deadlinePassed, this.#deadline, this);
    for (const plan of this.plan.roots) this.#startIfReady(plan);
    // All of them are deferred.
    if (this.#state === 'open' && this.#left === 0) this.#show();
  }

  /** Aborts every call. The owner is not told that it ended. */
  cancel(why = 'the client has left'): void {
    if (this.#state === 'over') return;
    this.#abort(this.plan.calls, new Failure('ERR_UPSTREAM_CANCELED', why));
    this.#close();
    if (this.message !== null) this.#tellEnd(this.message, null);
  }

  /** The outcomes, in the order written. Those of deferred calls are pending, and are filled in when they end. */
  get outcomes(): Outcome[] {
    return this.plan.calls.map((plan) => this.#late?.outcomeOf(plan) ?? (this.outcomeOf(plan) as Outcome));
  }

  /** The promises of what is deferred, by name. */
  get promised(): ReadonlyMap<string, Promise<unknown>> {
    return this.#late?.promises ?? none;
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
    this.#ended(call);
  }

  /** Starts what has waited for a call, and tells the owner if it was the last that he waits for. */
  #ended(call: Call): void {
    if (call.outcome !== null && call.outcome.error !== null) this.#tellFailure(call.outcome, call.outcome.error);
    if (this.#state === 'ending' || this.#state === 'over') return;
    if (call.plan.config.required && call.outcome?.status === 'error') return this.#giveUp(call);
    for (const plan of call.plan.unblocks) this.#startIfReady(plan);
    if (this.#state === 'open' && this.#left === 0) this.#show();
    else if (this.#state === 'late' && this.#late?.left === 0) this.#close();
  }

  /** What was given up with the run has not failed. */
  #tellFailure(outcome: Outcome, { code }: UpstreamError): void {
    const onFailure = this.plan.options.onFailure ?? this.instance.onFailure;
    if (onFailure === false || (this.#state === 'ending' && code === 'ERR_UPSTREAM_CANCELED')) return;
    tellFailure(onFailure, outcome, this.req);
  }

  /** A required upstream has failed. */
  #giveUp(call: Call): void {
    const why = `given up, for '${call.plan.name}' failed, which is required`;
    this.#abort(this.plan.calls, new Failure('ERR_UPSTREAM_CANCELED', why));
    this.#close();
    this.#tellOwner(call.outcome?.error ?? null);
  }

  deadlinePassed(): void {
    if (this.#state !== 'open') return this.#latePassed();
    const message = `not here by the deadline of ${Math.round(this.#deadline)} ms`;
    const blocking = this.plan.calls.filter(({ config }) => !config.defer);
    this.#abort(blocking, new Failure('ERR_UPSTREAM_DEADLINE', message, undefined, null, this.isHurried));
    const lacking = blocking.find((plan) => plan.config.required && this.outcomeOf(plan)?.status === 'error');
    if (lacking !== undefined) return this.#giveUp(this.#calls[lacking.index] as Call);
    this.#state = 'open';
    // What has waited for a call that was given up.
    for (const plan of this.plan.late) this.#startIfReady(plan);
    if (this.#state === 'open') this.#show();
  }

  #latePassed(): void {
    if (this.#state === 'over') return;
    const message = `not here by the late deadline of ${this.plan.options.lateDeadline} ms`;
    this.#abort(this.plan.late, new Failure('ERR_UPSTREAM_DEADLINE', message));
    this.#close();
  }

  /** Tells the owner that all is there that he waits for, and goes on with what is deferred. */
  #show(): void {
    const { clock } = this.instance;
    if (this.#late === null || this.#late.left === 0) {
      this.#close();
      return this.#tellOwner(null);
    }
    this.#state = 'late';
    clock.clear(this.#timer);
    this.#timer = clock.set(deadlinePassed, this.lateEndsAt - clock.now(), this);
    this.#tellOwner(null);
  }

  #tellOwner(ofRequired: UpstreamError | null): void {
    const { verdict } = this.instance;
    const error = verdict === null ? ofRequired : (verdict(this.outcomes) ?? ofRequired);
    if (this.message !== null) this.#tellEnd(this.message, error);
    this.#owner.runEnded(this, error);
  }

  /** Nothing is under way any more. */
  #close(): void {
    this.#state = 'over';
    this.instance.clock.clear(this.#timer);
    this.#owner.allEnded(this);
  }

  #startIfReady(plan: CallPlan): void {
    const isGoingOn = this.#state === 'open' || this.#state === 'late';
    if (isGoingOn && this.#isReady(plan)) this.#make(plan).start();
  }

  #isReady(plan: CallPlan): boolean {
    return this.#calls[plan.index] === undefined && plan.waitsFor.every((other) => this.outcomeOf(other) !== null);
  }

  #make(plan: CallPlan): Call {
    const call = new Call(plan, this, plan.config.defer ? (this.#late as LateCalls) : this, null);
    this.#calls[plan.index] = call;
    return call;
  }

  /** Ends these calls, if they have not ended. Those that have not started get an outcome too. */
  #abort(plans: readonly CallPlan[], failure: Failure): void {
    this.#state = 'ending';
    for (const plan of plans) (this.#calls[plan.index] ?? this.#make(plan)).abort(failure);
  }
}

const none: ReadonlyMap<string, Promise<unknown>> = new Map();

function deadlinePassed(run: Run): void {
  run.deadlinePassed();
}

/** The page's deadline in milliseconds, or the one in the client's `deadlineFrom` header if that is shorter. */
function deadlineOf({ options }: PagePlan, { headers }: Visitor): number {
  const header = options.deadlineFrom === null ? undefined : headers[options.deadlineFrom];
  if (typeof header !== 'string' || !/^\s*\d+(\.\d+)?\s*$/.test(header)) return options.deadline;
  return Math.min(options.deadline, Math.max(1, Number(header)));
}
