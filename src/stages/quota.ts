import type { Result } from '../answer/answer.js';
import type { SharedQuota } from '../cache/shared-quota.js';
import type { QuotaConfig } from '../checked.js';
import { Failure } from '../errors.js';
import type { Reservation } from '../origin/budget.js';
import { Fork, type Job, type Stage } from './stage.js';

/**
 * Refuses an attempt that would be one too many in a time. It stands between those that send several and the one that waits
 * for a place: each attempt is asked for by itself, and what is refused has no place, no slot and no connection.
 */
export const quotaStage: Stage<QuotaConfig> = {
  name: 'quota',
  options: ({ quota }) => quota,
  wrap: (quota, next) =>
    function withinQuota(job, request) {
      const { clock, quotas } = job.scope.instance;
      const now = clock.now();
      const { origin } = request;
      const known = quota.name === null ? quotas.ofOrigin(origin, quota, now) : quotas.named(quota.name);
      const room = known.reserve(quota, now);
      if (typeof room === 'number') return job.settle(refusal(quota, origin, room));
      const counted = new CountedAttempt(job, room);
      job.hold(counted);
      const { sharedQuota } = job.scope.instance.cache;
      if (sharedQuota === null) next(counted, request);
      else void counted.askFor(sharedQuota, quota, () => next(counted, request), origin);
    },
};

function refusal({ requests, per, name }: QuotaConfig, origin: string, retryIn: number): Failure {
  const whose = name === null ? `of ${origin}` : `'${name}'`;
  const state = Number.isFinite(retryIn)
    ? `used up, and the next may be sent in ${Math.ceil(retryIn)} ms`
    : 'kept by others that wait to be sent';
  return new Failure('ERR_UPSTREAM_QUOTA', `the quota ${whose} (${requests} requests in ${per} ms) is ${state}`);
}

/** Counts from when it is sent; one that never is, for it was given up in a line say, counts for nothing. */
class CountedAttempt extends Fork {
  readonly #room: Reservation;
  #isSent = false;
  /** Takes back what was counted for all machines. */
  #giveBack: (() => void) | null = null;

  constructor(parent: Job, room: Reservation) {
    super(parent);
    this.#room = room;
  }

  /** Asks whether all machines together have room for it. Where the store fails, this machine counts alone. */
  async askFor(shared: SharedQuota, quota: QuotaConfig, send: () => void, origin: string): Promise<void> {
    const { async } = this.scope;
    let wait = 0;
    try {
      const taken = await shared.take(quota, origin);
      wait = taken.wait;
      if (wait === 0) this.#giveBack = taken.giveBack;
    } catch {
      // It has been reported.
    }
    // It was given up meanwhile.
    if (this.over) return this.#takeBack();
    if (wait > 0) async.runInAsyncScope(this.finish, this, refusal(quota, origin, wait));
    else async.runInAsyncScope(send);
  }

  #takeBack(): void {
    if (!this.#isSent) this.#giveBack?.();
    this.#giveBack = null;
  }

  override attemptStarts(now: number): void {
    this.#isSent = true;
    this.#room.sent(now);
    super.attemptStarts(now);
  }

  settle(result: Result): void {
    this.finish(result);
  }

  protected override finish(result: Result): void {
    this.#room.drop();
    this.#takeBack();
    super.finish(result);
  }
}
