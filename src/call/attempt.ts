import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../plan/plan.js';
import { Attempt } from '../transport/attempt.js';
import { AxiosAttempt } from '../transport/axios-attempt.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { Release, SendResult, Task } from './host.js';
import type { Origin } from './origins.js';

/** Sends a request once, when the run has a slot for it and the origin a place. */
export function sendAttempt(task: Task, request: UpstreamRequest): Promise<SendResult> {
  const { slots, origins } = task.host;
  const origin = origins.of(request.origin);
  return slots === null && origin.tryEnter() ? send(task, request, origin) : sendInTurn(task, request, origin);
}

async function sendInTurn(task: Task, request: UpstreamRequest, origin: Origin): Promise<SendResult> {
  let release = await acquireSlot(task);
  if (release instanceof Failure) return release;
  if (!origin.tryEnter()) {
    // Who waits for an origin holds no slot meanwhile.
    release?.();
    const refusal = await origin.enter(task);
    if (refusal !== null) return refusal;
    release = await acquireSlot(task);
    if (release instanceof Failure) {
      origin.leave();
      return release;
    }
  }
  if (task.over) {
    // It has ended between being let in and this line.
    origin.leave();
    release?.();
    return new Failure('ERR_UPSTREAM_CANCELED', 'it had ended');
  }
  const result = await send(task, request, origin);
  release?.();
  return result;
}

async function acquireSlot(task: Task): Promise<Release | Failure | null> {
  return task.host.slots === null ? null : task.host.slots.acquire(task);
}

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
  if (!(request instanceof AxiosRequest))
    return { ...request, headers: [...request.headers, name.toLowerCase(), value] };
  const config = { ...request.config, headers: { ...request.config.headers, [name]: value } };
  return new AxiosRequest(request.axios, config as typeof request.config, request);
}
