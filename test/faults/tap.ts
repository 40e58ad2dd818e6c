// What passes between the stages: who asks a breaker, who is in line for an attempt, and how it ends. It stands beside the
// stages and changes nothing.
import type { Result } from '../../src/answer/answer.js';
import { breakerStage } from '../../src/stages/breaker.js';
import { limitStage } from '../../src/stages/limit.js';
import { quotaStage } from '../../src/stages/quota.js';
import type { Instance, Job, Scope, Send, Stage } from '../../src/stages/stage.js';

/** What a breaker was asked, once. */
export interface Question {
  readonly origin: string;
  /** What it should say: a ticket, or null for a refusal. */
  readonly ticket: number | null;
  isLetIn: boolean;
}

/** Somebody who wants to send an attempt, from when he comes into the line. */
export interface Turn {
  readonly origin: string;
  readonly path: string;
  /** The run's; the instance's where the request is shared by runs. */
  readonly scope: Scope;
  /** The call on behalf of which it is sent, or the request that calls share. */
  readonly root: Job;
  readonly question: Question | null;
  /** By the clock; null while he waits. */
  sentAt: number | null;
  /** How it ended; null while it has not. */
  result: Result | null;
}

/** Who wants to know. He is told of everything before anything follows from it. */
export interface TapListener {
  /** A breaker is asked: returns the ticket that it should give, null if it should refuse. */
  asks(origin: string): number | null;
  answered(question: Question): void;
  /** Somebody whom it let in is done. */
  leaves(question: Question, result: Result): void;
  /** An attempt for this call is brought before its quota: returns whether it should be let pass. */
  hasRoom(origin: string, root: Job): boolean;
  quotaAnswered(origin: string, isLetPass: boolean, hasRoom: boolean): void;
  enters(turn: Turn): void;
  sends(turn: Turn, job: Job): void;
  ends(turn: Turn): void;
}

const listeners = new WeakMap<Instance, TapListener>();

/** Has the listener told of all that an instance sends. */
export function tap(instance: Instance, listener: TapListener): void {
  listeners.set(instance, listener);
}

const listenerOf = (job: Job) => listeners.get(job.scope.instance) as TapListener;
const questions = new WeakMap<Job, Question>();
const turns = new WeakMap<Job, Turn>();
let asking: Question | null = null;

splice(
  breakerStage,
  (send) => (job, request) => {
    const listener = listenerOf(job);
    const question = { origin: request.origin, ticket: listener.asks(request.origin), isLetIn: false };
    const before = asking;
    asking = question;
    onSettled(job, (result) => {
      if (question.isLetIn) listener.leaves(question, result);
    });
    send(job, request);
    asking = before;
    listener.answered(question);
  },
  (next) => (job, request) => {
    const question = asking as Question;
    question.isLetIn = true;
    questions.set(job, question);
    next(job, request);
  },
);

/** Whether the attempt that was last brought before its quota was let pass. */
let passing = { isLetPass: false };

splice(
  quotaStage,
  (send) => (job, request) => {
    const listener = listenerOf(job);
    const hasRoom = listener.hasRoom(request.origin, above(job).at(-1) as Job);
    const mine = { isLetPass: false };
    const before = passing;
    passing = mine;
    send(job, request);
    passing = before;
    listener.quotaAnswered(request.origin, mine.isLetPass, hasRoom);
  },
  (next) => (job, request) => {
    passing.isLetPass = true;
    next(job, request);
  },
);

splice(
  limitStage,
  (send) => (job, request) => {
    const listener = listenerOf(job);
    const { origin, path } = request;
    const question = above(job).flatMap((one) => questions.get(one) ?? [])[0] ?? null;
    const root = above(job).at(-1) as Job;
    const turn: Turn = { origin, path, scope: job.scope, root, question, sentAt: null, result: null };
    turns.set(job, turn);
    listener.enters(turn);
    onSettled(job, (result) => {
      turn.result = result;
      listener.ends(turn);
    });
    send(job, request);
  },
  (next) => (job, request) => {
    const turn = turns.get(above(job)[1] as Job) as Turn;
    turn.sentAt = job.scope.instance.clock.now();
    listenerOf(job).sends(turn, job);
    next(job, request);
  },
);

/** Puts something before a stage, and something between it and what is within it. */
function splice<O>(stage: Stage<O>, outer: (send: Send) => Send, inner: (next: Send) => Send): void {
  const { wrap } = stage;
  Object.assign(stage, {
    wrap: (options: O, next: Send) => outer(wrap(options, inner(next))),
  });
}

/** A job, the one that it works for, and so on. */
function above(job: Job): Job[] {
  const { parent } = job as unknown as { parent?: Job };
  return parent === undefined ? [job] : [job, ...above(parent)];
}

/** Tells once, of the next result that a job is given. */
function onSettled(job: Job, tell: (result: Result) => void): void {
  const { settle } = job;
  job.settle = (result) => {
    job.settle = settle;
    tell(result);
    settle.call(job, result);
  };
}
