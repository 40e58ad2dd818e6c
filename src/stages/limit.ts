import type { Result } from '../answer/answer.js';
import { Failure } from '../errors.js';
import type { Origin, PlaceWaiter } from '../origin/origin.js';
import { afterwards } from '../soon.js';
import { instanceClosed, wasClosed } from '../transport/closed.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { Fork, type Job, type Send, type Stage, type Turn } from './stage.js';

/** Waits until the run has a slot and the origin has a place, then sends. */
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
    // Before it waits in a line, where it would take the place of an attempt that may be sent.
    if (wasClosed(this.scope)) return this.finish(instanceClosed);
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

  /** The origin has a place for it, for which it has waited. */
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
    try {
      // Before the place is given on: the next in line may be a hedge that this result makes unnecessary.
      this.finish(result);
    } finally {
      // Even if what follows from the result throws, such as a `next` that is not Express's.
      this.#giveBack(result);
    }
  }

  #giveBack(result: Result): void {
    const lasted = this.scope.instance.clock.now() - (this.#sentAt as number);
    if (result instanceof Failure) this.origin.failed(result.code, lasted);
    else this.origin.answered(lasted);
    // Later: if this result ends the run (a required upstream failed), nobody must get the slot.
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
