import type { Result } from '../answer/answer.js';
import { Failure } from '../errors.js';
import type { Origin, PlaceWaiter } from '../origin/origin.js';
import { afterwards } from '../soon.js';
import { instanceClosed, wasClosed } from '../transport/closed.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { Fork, type Job, type Send, type Stage, type Turn } from './stage.js';

/** Sends when the run has a slot for it and its origin a place. */
export const limitStage: Stage<true> = {
  name: 'limit',
  options: () => true,
  wrap: (_options, next) =>
    function limited(job, request) {
      const turn = new LimitedAttempt(job, request, next);
      job.hold(turn);
      turn.start();
    },
};

class LimitedAttempt extends Fork implements Turn, PlaceWaiter {
  readonly origin: Origin;
  readonly #request: UpstreamRequest;
  readonly #next: Send;
  /** By the clock, when it was sent; null while it waits. */
  #sentAt: number | null = null;
  #release: (() => void) | null = null;

  constructor(parent: Job, request: UpstreamRequest, next: Send) {
    super(parent);
    this.origin = parent.scope.instance.origins.of(request.origin);
    this.#request = request;
    this.#next = next;
  }

  start(): void {
    const { slots } = this.scope;
    if (slots !== null) slots.enter(this);
    else if (this.origin.tryEnter()) this.begin(null);
    else this.origin.enter(this);
  }

  begin(release: (() => void) | null): void {
    this.#release = release;
    const { scope } = this;
    if (wasClosed(scope)) return this.#notSent();
    this.#sentAt = scope.instance.clock.now();
    this.attemptStarts(this.#sentAt);
    this.#next(this, this.#request);
  }

  /** It has waited at its origin, and has a place there. */
  granted(): void {
    this.begin(null);
  }

  refuse(failure: Failure): void {
    this.finish(failure);
  }

  /** The instance was closed while this waited, or was about to be tried again. */
  #notSent(): void {
    this.finish(instanceClosed);
    this.origin.leave();
    if (this.#release !== null) afterwards(this.#release);
  }

  settle(result: Result): void {
    // First, for whoever is let in next may be a hedge that this makes needless.
    this.finish(result);
    const lasted = this.scope.instance.clock.now() - (this.#sentAt as number);
    if (result instanceof Failure) this.origin.failed(result.code, lasted);
    else this.origin.answered(lasted);
    // After a required upstream's failure nobody is to get the slot.
    if (this.#release !== null) afterwards(this.#release);
  }

  override abort(failure: Failure): void {
    if (this.#sentAt === null) {
      if (this.scope.slots === null) this.origin.forget(this);
      else this.scope.slots.forget(this);
    }
    super.abort(failure);
  }
}
