import type { Result } from '../answer/answer.js';
import type { AttemptKind, CallMessage } from '../channels.js';
import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { Job, type JobPlan, type Scope, type Send } from './stage.js';

/** Fetches an answer behind the page: nobody waits for it. It belongs to no run, and has as much time as a call of its upstream. */
export class Refresh extends Job {
  readonly plan: JobPlan;
  readonly scope: Scope;
  readonly endsAt: number;
  over = false;
  readonly #message: CallMessage | null;
  readonly #onEnd: (result: Result) => void;
  readonly #timer: unknown;

  /** @param message of the call for which there was a stale copy */
  constructor(plan: JobPlan, scope: Scope, message: CallMessage | null, onEnd: (result: Result) => void) {
    super();
    const { clock } = scope.instance;
    this.plan = plan;
    this.scope = scope;
    this.#message = message;
    this.#onEnd = onEnd;
    this.endsAt = clock.now() + plan.allowance;
    this.#timer = clock.set(timedOut, plan.allowance, this);
  }

  start(send: Send, request: UpstreamRequest): void {
    this.scope.async.runInAsyncScope(send, null, this, request);
  }

  override callMessage(): CallMessage | null {
    return this.#message;
  }

  override attemptKind(): AttemptKind {
    return 'refresh';
  }

  attemptStarts(): void {}

  headCame(): void {}

  settle(result: Result): void {
    if (this.over) return;
    this.over = true;
    this.scope.instance.clock.clear(this.#timer);
    this.hold(null);
    this.#onEnd(result);
  }

  abort(failure: Failure): void {
    this.drop(failure);
    this.settle(failure);
  }
}

function timedOut(refresh: Refresh): void {
  refresh.abort(new Failure('ERR_UPSTREAM_TIMEOUT', 'not refreshed in time'));
}
