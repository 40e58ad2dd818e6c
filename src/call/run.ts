import type { Request } from 'express';
import type { RunMessage } from '../channels.js';
import type { Outcome } from '../outcome.js';
import type { Scope } from '../stages/stage.js';
import type { CallPlan } from './plan.js';

/** What a call sees of the run that it is part of. */
export interface CallRun extends Scope {
  /** What is told of it; null where nobody listens. */
  readonly message: RunMessage | null;
  /** By the clock, when it began, and when it ends what has not ended by itself. */
  readonly began: number;
  readonly endsAt: number;
  /** By the clock, when it ends the deferred ones. */
  readonly lateEndsAt: number;
  /** The client's request; null where there is none. */
  readonly req: Request | null;
  readonly visitor: Visitor;
  /** The client's query, parsed once. */
  readonly query: Request['query'];
  readonly locals: Readonly<Record<string, unknown>>;
  /** The headers that the client's Connection header names. */
  readonly connectionOptions: ReadonlySet<string>;
  /** How an upstream of this run ended; null while it has not. */
  outcomeOf(plan: CallPlan): Outcome | null;
}

/** What templates and `forward` read of the client. In Express that is the request itself. */
export interface Visitor {
  readonly params: Request['params'];
  readonly query: Request['query'];
  readonly headers: Request['headers'];
}

/** What a call is a part of: a run, or a fan-out. */
export interface CallOwner<Part> {
  /** By the clock: when it aborts the parts that have not ended. */
  readonly endsAt: number;
  callEnded(part: Part): void;
}
