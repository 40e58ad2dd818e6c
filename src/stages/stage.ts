import type { Result } from '../answer/answer.js';
import type { Decoder } from '../answer/decode.js';
import type { Policy } from '../answer/policy.js';
import type { Cache } from '../cache/cache.js';
import type { CacheRecord } from '../cache-types.js';
import type { AttemptKind, CallMessage } from '../channels.js';
import type { UpstreamConfig } from '../checked.js';
import type { Clock } from '../clock.js';
import type { Failure, UpstreamError } from '../errors.js';
import type { Origins } from '../origin/origins.js';
import type { Quotas } from '../origin/quota.js';
import type { Outcome } from '../outcome.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import type { Connections } from '../transport/wire.js';
import type { AttemptOwner, AttemptScope } from '../transport/wire-attempt.js';
import type { FailureListener } from '../types.js';

/**
 * Sends the request of a job, somehow, and settles the job with the result: once, now or later. It never throws.
 *
 * Results are told, not returned as promises: with a promise for each stage and call, a run that waits for five upstreams
 * held 30 % more memory, and a page took 1 % more CPU time.
 */
export type Send = (job: Job, request: UpstreamRequest) => void;

/** A way of sending that wraps another. The pipeline of an upstream is built when its page is mounted. */
export interface Stage<Options> {
  readonly name:
    | 'invalidate'
    | 'cache'
    | 'coalesce'
    | 'fill'
    | 'retry'
    | 'breaker'
    | 'hedge'
    | 'quota'
    | 'limit'
    | 'deadlineHeader'
    | 'attemptTimeout';
  /**
   * The stage's options for an upstream; null if the stage is not part of that upstream's pipeline.
   * @param coincides whether another call of the same run may make an equal request
   */
  options(upstream: UpstreamConfig, coincides: boolean): Options | null;
  wrap(options: Options, next: Send): Send;
}

/** What the pages of one instance share. */
export interface Instance {
  readonly clock: Clock;
  readonly connections: Connections;
  readonly origins: Origins;
  readonly quotas: Quotas;
  readonly cache: Cache;
  /** Hears of failures of pages that have nobody else to. */
  readonly onFailure: FailureListener | false;
  /** How many times it was closed with a timeout. A run of an earlier generation sends nothing more. */
  readonly generation: number;
  /** The scope of requests that runs share, which belong to no run. */
  readonly shared: Scope;
  /** Judges the outcomes of a run: the error that it ends with besides that of a required upstream; null where nobody judges. */
  readonly verdict: Verdict | null;
}

export type Verdict = (outcomes: readonly Outcome[]) => UpstreamError | null;

/** What the jobs of one run share. */
export interface Scope extends AttemptScope {
  readonly instance: Instance;
  /** Bounds the attempts in flight; null where the page cannot have too many. */
  readonly slots: AttemptSlots | null;
  /** The requests under way that other jobs may share. */
  readonly flights: RequestSharing;
}

/** See stages/coalesce.ts. */
export interface RequestSharing {
  join(job: Job, request: UpstreamRequest, send: Send): void;
}

/** See run/slots.ts. */
export interface AttemptSlots {
  /** Puts a turn in line for a slot of the run and a place at its origin. The heaviest call gets them first. */
  enter(turn: Turn): void;
  /** Takes an aborted turn out of the line. */
  forget(turn: Turn): void;
}

/** An attempt that waits for its turn. See stages/limit.ts. */
export interface Turn {
  readonly plan: JobPlan;
  /** The origin of its request, as the instance knows it. */
  readonly origin: ReturnType<Origins['of']>;
  /** Sends it: it has a place at its origin and a slot of the run. `release` gives the slot back. */
  begin(release: () => void): void;
  refuse(failure: Failure): void;
}

/** Something that is under way for a job. */
export interface Abortable {
  /** Ends it, if it has not ended, and settles its job with this failure before it returns. */
  abort(failure: Failure): void;
}

/** What the jobs of an upstream need to know of it. */
export interface JobPlan {
  /** Of the upstream. */
  readonly name: string;
  readonly policy: Policy;
  readonly decoder: Decoder;
  /** Milliseconds that an attempt has at most: the shortest of deadline, timeout and attemptTimeout. */
  readonly patience: number;
  /** Milliseconds that a call has at most: the shorter of deadline and timeout. */
  readonly allowance: number;
  /** How many upstreams wait for it, and its place in the map. The heaviest goes first; of equals, the one written first. */
  readonly weight: number;
  readonly index: number;
}

/** Somebody who wants a request answered: a call, or a stage that sends on behalf of one. */
export abstract class Job implements AttemptOwner, Abortable {
  abstract readonly plan: JobPlan;
  abstract readonly scope: Scope;
  /** By the clock: when it will be aborted if it has not ended. */
  abstract readonly endsAt: number;
  /** Whether it has ended, so that nothing more may be started for it. */
  abstract readonly over: boolean;
  #underway: Abortable | null = null;

  get policy(): Policy {
    return this.plan.policy;
  }

  /** Remembers what is under way for it, to abort that when it is aborted itself. */
  hold(underway: Abortable | null): void {
    this.#underway = underway;
  }

  /** Aborts what is under way for it. */
  protected drop(failure: Failure): void {
    this.#underway?.abort(failure);
  }

  /** What is told of the call that it works for; null where nobody listens, and behind a page. */
  callMessage(): CallMessage | null {
    return null;
  }

  /** Why an attempt is made for it. */
  attemptKind(): AttemptKind {
    return 'first';
  }

  /** An attempt is sent. */
  abstract attemptStarts(now: number): void;
  abstract headCame(at: number | null): void;
  /** What the cache did for it. `staleFor`: why it is settled with a stale copy, where that is for a failure. */
  noteCache(_record: CacheRecord, _staleFor: Failure | null): void {}
  abstract settle(result: Result): void;
  abstract abort(failure: Failure): void;
}

/** A job that a stage makes on behalf of another job. It passes everything on that the stage does not override. */
export abstract class Fork extends Job {
  protected readonly parent: Job;
  /** Whether it has given its result to its parent. */
  #over = false;

  constructor(parent: Job) {
    super();
    this.parent = parent;
  }

  get plan(): JobPlan {
    return this.parent.plan;
  }

  get scope(): Scope {
    return this.parent.scope;
  }

  get endsAt(): number {
    return this.parent.endsAt;
  }

  get over(): boolean {
    return this.#over || this.parent.over;
  }

  override callMessage(): CallMessage | null {
    return this.parent.callMessage();
  }

  override attemptKind(): AttemptKind {
    return this.parent.attemptKind();
  }

  attemptStarts(now: number): void {
    this.parent.attemptStarts(now);
  }

  headCame(at: number | null): void {
    this.parent.headCame(at);
  }

  abort(failure: Failure): void {
    if (this.#over) return;
    this.drop(failure);
    // Has no effect if something was under way: its end has settled this job by now.
    this.finish(failure);
  }

  /** Ends it, and settles its parent with the result. */
  protected finish(result: Result): void {
    if (this.#over) return;
    this.#over = true;
    this.parent.settle(result);
  }
}
