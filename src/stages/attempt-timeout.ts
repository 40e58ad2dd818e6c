import type { Result } from '../answer/answer.js';
import { Failure } from '../errors.js';
import { Fork, type Job, type Stage } from './stage.js';

/** Gives up an attempt that takes too long; a retry may follow. */
export const attemptTimeoutStage: Stage<number> = {
  name: 'attemptTimeout',
  options: ({ attemptTimeout }) => attemptTimeout,
  wrap: (ms, next) =>
    function withAttemptTimeout(job, request) {
      const timed = new TimedAttempt(job, ms);
      job.hold(timed);
      next(timed, request);
    },
};

class TimedAttempt extends Fork {
  readonly #ms: number;
  readonly #timer: unknown;

  constructor(parent: Job, ms: number) {
    super(parent);
    this.#ms = ms;
    this.#timer = this.scope.instance.clock.set(late, ms, this);
  }

  settle(result: Result): void {
    this.scope.instance.clock.clear(this.#timer);
    this.finish(result);
  }

  late(): void {
    this.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer to an attempt within its ${this.#ms} ms`));
  }
}

function late(attempt: TimedAttempt): void {
  attempt.late();
}
