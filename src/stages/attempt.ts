import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../plan/plan.js';
import { Attempt, type AttemptReceiver, type AttemptResult } from '../transport/attempt.js';
import { AxiosAttempt } from '../transport/axios-attempt.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { WireRequest } from '../transport/connections.js';
import type { Release, SendResult, TakeTurn, Task } from './host.js';
import type { Origin } from './origins.js';
import { afterwards } from './soon.js';

/** Sends a request once, when the run has a slot for it and the origin a place. */
export function sendAttempt(task: Task, request: UpstreamRequest): Promise<SendResult> {
  const { slots, origins } = task.host;
  const origin = origins.of(request.origin);
  if (slots === null && origin.tryEnter()) return send(task, request, origin);
  return new Promise((resolve) => {
    waitForTurn(task, origin, (turn) => {
      if (turn instanceof Failure) return resolve(turn);
      void send(task, request, origin).then((result) => {
        resolve(result);
        giveBack(turn);
      });
    });
  });
}

/** A task that is told itself how its attempt ended. */
export interface DirectTask extends Task, AttemptReceiver {}

/** The same with fewer promises, for a task whose `plan.direct` says that there is nothing to do beside. */
export function sendDirectly(task: DirectTask, request: WireRequest): void {
  const { slots, origins } = task.host;
  const origin = origins.of(request.origin);
  if (slots === null && origin.tryEnter()) return startAttempt(task, request, origin, task);
  waitForTurn(task, origin, (turn) => {
    if (turn instanceof Failure) return task.attemptEnded(turn);
    const attemptEnded = (result: AttemptResult) => {
      task.attemptEnded(result);
      giveBack(turn);
    };
    startAttempt(task, request, origin, { attemptEnded });
  });
}

function waitForTurn(task: Task, origin: Origin, take: TakeTurn): void {
  const { slots } = task.host;
  if (slots === null) origin.enter(task, take);
  else slots.enter(task, origin, take);
}

/** After a required upstream's failure nobody is to get the slot. */
function giveBack(slot: Release | null): void {
  if (slot !== null) afterwards(slot);
}

function startAttempt(task: Task, request: WireRequest, origin: Origin, receiver: AttemptReceiver): void {
  task.attemptStarts();
  const attempt = new Attempt(task.host, request, task.plan.rules, origin);
  task.underway = attempt;
  attempt.start(receiver);
}

function send(task: Task, request: UpstreamRequest, origin: Origin): Promise<SendResult> {
  const { rules, config } = task.plan;
  task.attemptStarts();
  const sent = config.deadlineHeader === null ? request : withTimeLeft(task, request, config.deadlineHeader);
  const attempt =
    sent instanceof AxiosRequest
      ? new AxiosAttempt(task.host, sent, rules, origin)
      : new Attempt(task.host, sent, rules, origin);
  task.underway = attempt;
  const { attemptTimeout } = config;
  if (attemptTimeout === null) return attempt.send();
  const { clock } = task.host;
  const timer = clock.set(
    (late) =>
      late.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer to an attempt within its ${attemptTimeout} ms`)),
    attemptTimeout,
    attempt,
  );
  return attempt.send().finally(() => clock.clear(timer));
}

/** The request with a header that says how many milliseconds are left for its answer. */
function withTimeLeft({ host, endsAt, plan }: Task, request: UpstreamRequest, name: string): UpstreamRequest {
  const left = Math.min(endsAt - host.clock.now(), plan.config.attemptTimeout ?? Infinity);
  const value = String(Math.max(1, Math.floor(left)));
  if (!(request instanceof AxiosRequest)) {
    const others = request.headers.filter(
      (_, at, all) => (all[at - (at % 2)] as string).toLowerCase() !== name.toLowerCase(),
    );
    return { ...request, headers: [...others, name.toLowerCase(), value] };
  }
  const config = { ...request.config, headers: { ...request.config.headers, [name]: value } };
  return new AxiosRequest(request.axios, config as typeof request.config, request);
}
