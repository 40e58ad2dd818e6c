import type { Request } from 'express';
import type { Clock } from '../clock.js';
import type { Failure } from '../errors.js';
import type { Outcome } from '../outcome.js';
import type { CallPlan } from '../plan/plan.js';
import type { Connections } from '../transport/connections.js';
import type { Call } from './call.js';

/** What the calls of one run share. */
export interface CallHost {
  readonly clock: Clock;
  /** By the clock, when the run began. */
  readonly began: number;
  readonly connections: Connections;
  /** Bounds the attempts in flight; null where there cannot be too many. */
  readonly slots: AttemptSlots | null;
  /** The client's request; null where there is none, as in multiGet. */
  readonly req: Request | null;
  readonly locals: Readonly<Record<string, unknown>>;
  /** How an upstream of this run ended; null while it has not. */
  outcomeOf(plan: CallPlan): Outcome | null;
  /** A call has ended. */
  callEnded(call: Call): void;
}

/** Something under way that can be given up. */
export interface Abortable {
  /** By the clock, when the head of an answer came; null until then. */
  readonly firstByte: number | null;
  abort(failure: Failure): void;
}

export interface AttemptSlots {
  /** Waits for a slot; the heaviest call gets the next one. Resolves to what gives it back, or to why there is none. */
  acquire(call: Call): Promise<Release | Failure>;
}

export type Release = () => void;
