import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../plan/plan.js';
import { Attempt, type AttemptReceiver, type AttemptResult } from '../transport/attempt.js';
import { AxiosAttempt } from '../transport/axios-attempt.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { WireRequest } from '../transport/connections.js';
import type { Release, SendResult, Task } from './host.js';
import type { Origin } from './origins.js';
import { soon } from './soon.js';

/** Sends a request once, when the run has a slot for it and the origin a place. */
export function sendAttempt(task: Task, request: UpstreamRequest): Promise<SendResult> {
  const { slots, origins } = task.host;
  const origin = origins.of(request.origin);
  return slots === null && origin.tryEnter() ? send(task, request, origin) : sendInTurn(task, request, origin);
}

/** A task that is told itself how its attempt ended. */
export interface DirectTask extends Task, AttemptReceiver {
  /** Sends its request by `plan.send`, for there is something else to wait for. */
  sendStaged(): void;
}

/** The same with fewer promises, for a task whose `plan.direct` says that there is nothing to do beside. */
export function sendDirectly(task: DirectTask, request: WireRequest): void {
  const { slots } = task.host;
  if (slots === null) {
    if (!begin(task, request, task)) task.sendStaged();
    return;
  }
  slots.enter(task, (slot) => {
    // Whoever ended the wait has ended the task.
    if (slot instanceof Failure) return;
    const attemptEnded = (result: AttemptResult) => {
      task.attemptEnded(result);
      giveBack(slot);
    };
    if (begin(task, request, { attemptEnded })) return;
    slot();
    task.sendStaged();
  });
}

/** Sends it if its origin has a place for it; returns whether it has. */
function begin(task: Task, request: WireRequest, receiver: AttemptReceiver): boolean {
  const { origins, connections, clock } = task.host;
  const origin = origins.of(request.origin);
  if (!origin.tryEnter()) return false;
  task.attemptStarts();
  const attempt = new Attempt(connections, request, task.plan.rules, clock, origin);
  task.underway = attempt;
  attempt.start(receiver);
  return true;
}

async function sendInTurn(task: Task, request: UpstreamRequest, origin: Origin): Promise<SendResult> {
  const { slots } = task.host;
  for (let placed = false; ; ) {
    // Who waits for the one holds none of the other meanwhile: a place that is not used at once goes to the next in line.
    if (placed && slots !== null && !slots.hasFree) {
      origin.leave();
      placed = false;
    }
    const release = slots === null ? null : await new Promise<Release | Failure>((take) => slots.enter(task, take));
    if (release instanceof Failure || task.over) {
      if (placed) origin.leave();
      if (release instanceof Failure) return release;
      release?.();
      return hadEnded;
    }
    if (placed || origin.tryEnter()) {
      const result = await send(task, request, origin);
      if (release !== null) giveBack(release);
      return result;
    }
    release?.();
    const refusal = await origin.enter(task);
    if (refusal !== null) return refusal;
    placed = true;
  }
}

/** When all that follows from a result is done: after a required upstream's failure nobody is to get the slot. */
function giveBack(release: Release): void {
  // From a microtask, for only then does a tick come after all others.
  soon(() => process.nextTick(release));
}

const hadEnded = new Failure('ERR_UPSTREAM_CANCELED', 'it had ended');

function send(task: Task, request: UpstreamRequest, origin: Origin): Promise<SendResult> {
  const { connections, clock } = task.host;
  const { rules, config } = task.plan;
  task.attemptStarts();
  const sent = config.deadlineHeader === null ? request : withTimeLeft(task, request, config.deadlineHeader);
  const attempt =
    sent instanceof AxiosRequest
      ? new AxiosAttempt(connections, sent, rules, clock, origin)
      : new Attempt(connections, sent, rules, clock, origin);
  task.underway = attempt;
  const { attemptTimeout } = config;
  if (attemptTimeout === null) return attempt.send();
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
