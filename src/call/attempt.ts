import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../plan/plan.js';
import type { Answer } from '../transport/answer.js';
import { Attempt } from '../transport/attempt.js';
import { AxiosAttempt, type DataAnswer } from '../transport/axios-attempt.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { Call } from './call.js';
import type { AttemptSlots } from './host.js';

/** How an attempt ended. */
export type SendResult = Answer | DataAnswer | Failure;

/** Sends a request once, when the run has a slot for it. */
export function sendAttempt(call: Call, request: UpstreamRequest): Promise<SendResult> {
  const { slots } = call.host;
  return slots === null ? send(call, request) : sendInSlot(call, request, slots);
}

async function sendInSlot(call: Call, request: UpstreamRequest, slots: AttemptSlots): Promise<SendResult> {
  const release = await slots.acquire(call);
  if (release instanceof Failure) return release;
  // It may have ended between being given the slot and this line.
  const result = call.over ? new Failure('ERR_UPSTREAM_CANCELED', 'it had ended') : await send(call, request);
  release();
  return result;
}

function send(call: Call, request: UpstreamRequest): Promise<SendResult> {
  const { connections, clock } = call.host;
  const { rules } = call.plan;
  const attempt =
    request instanceof AxiosRequest
      ? new AxiosAttempt(connections, request, rules, clock)
      : new Attempt(connections, request, rules, clock);
  call.attempts++;
  call.started ??= clock.now();
  call.underway = attempt;
  const { attemptTimeout } = call.plan.config;
  if (attemptTimeout === null) return attempt.send();
  const timer = clock.set(
    (late) =>
      late.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer to an attempt within its ${attemptTimeout} ms`)),
    attemptTimeout,
    attempt,
  );
  return attempt.send().finally(() => clock.clear(timer));
}
