import { Failure } from '../errors.js';
import { Attempt, type AttemptResult } from '../transport/attempt.js';
import type { WireRequest } from '../transport/connections.js';
import type { Call } from './call.js';
import type { AttemptSlots } from './host.js';

/** Sends a request once, when the run has a slot for it. */
export function sendAttempt(call: Call, request: WireRequest): Promise<AttemptResult> {
  const { slots } = call.host;
  return slots === null ? send(call, request) : sendInSlot(call, request, slots);
}

async function sendInSlot(call: Call, request: WireRequest, slots: AttemptSlots): Promise<AttemptResult> {
  const release = await slots.acquire(call);
  if (release instanceof Failure) return release;
  // It may have ended between being given the slot and this line.
  const result = call.over ? new Failure('ERR_UPSTREAM_CANCELED', 'it had ended') : await send(call, request);
  release();
  return result;
}

function send(call: Call, request: WireRequest): Promise<AttemptResult> {
  const { connections, clock } = call.host;
  const attempt = new Attempt(connections, request, call.plan.rules, clock);
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
