import type { Request } from 'express';
import type { Failure } from '../errors.js';
import type { Outcome } from '../outcome.js';
import type { CallPlan, UpstreamRequest } from '../plan/plan.js';
import type { Answer } from '../transport/answer.js';
import type { AttemptHost } from '../transport/attempt.js';
import type { DataAnswer } from '../transport/axios-attempt.js';
import type { Call } from './call.js';
import type { Flights } from './coalesce.js';
import type { Origin, Origins } from './origins.js';

/** What the calls of one run share. */
export interface CallHost extends AttemptHost {
  /** By the clock, when the run began, and when its deadline is. */
  readonly began: number;
  readonly endsAt: number;
  /** Whether the client has asked for a shorter deadline than the page's. */
  readonly isHurried: boolean;
  /** What the instance knows of the origins: limits, budgets, breakers. */
  readonly origins: Origins;
  /** The requests under way that other calls of this run may share. */
  readonly flights: Flights;
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

/** What the stages work for: a call, or a part of one that can end before it. */
export interface Task {
  readonly plan: CallPlan;
  readonly host: CallHost;
  /** Whether it has ended, so that nothing should be begun for it. */
  readonly over: boolean;
  /** By the clock, when it will be ended if it has not by itself. */
  readonly endsAt: number;
  /** How many attempts were begun. */
  readonly attempts: number;
  /** What is under way now, and ends when the task is ended from outside. */
  underway: Abortable | null;
  /** An attempt begins. */
  attemptStarts(): void;
}

/** How a request ended. */
export type SendResult = Answer | DataAnswer | Failure;

/** Gets the answer to a request, somehow. It never rejects. */
export type Send = (task: Task, request: UpstreamRequest) => Promise<SendResult>;

/** One way of sending on top of another. Those that a page configures are put together when it is mounted. */
export type Stage = (next: Send) => Send;

export interface AttemptSlots {
  /** Waits for a slot of the run and a place at the origin. The heaviest call is the next to get them. */
  enter(task: Task, origin: Origin, take: TakeTurn): void;
}

/** Told once: with what gives the slot back, with null where there is none to give, or why it waits in vain. It does not throw. */
export type TakeTurn = (turn: Release | null | Failure) => void;

export type Release = () => void;
