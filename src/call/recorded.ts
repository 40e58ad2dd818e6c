import type { Answer } from '../answer/answer.js';
import { CachedAnswer } from '../cache/cached-answer.js';
import type { CacheRecord } from '../cache-types.js';
import { type CacheMessage, cacheChannel } from '../channels.js';
import type { Failure, UpstreamError } from '../errors.js';
import type { Outcome, OutcomeStatus } from '../outcome.js';
import { Job } from '../stages/stage.js';
import { noteTags } from '../tags.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import { callError } from './error.js';
import { firstStart } from './fan-out.js';
import type { CallPlan } from './plan.js';
import type { CallRun } from './run.js';

/** A job that records what becomes of it. */
export abstract class RecordedJob extends Job {
  readonly plan: CallPlan;
  readonly scope: CallRun;
  protected request: UpstreamRequest | null = null;
  protected answer: Answer | null = null;
  protected attempts = 0;
  // By the clock: when it could start, when the first attempt was sent, and when the head of its answer came.
  protected readonly ready: number;
  #started: number | null = null;
  #firstByte: number | null = null;
  #cache: CacheRecord | null = null;
  /** Why there is a stale copy instead of a fresh answer. */
  #staleFor: Failure | null = null;

  constructor(plan: CallPlan, run: CallRun) {
    super();
    this.plan = plan;
    this.scope = run;
    this.ready = run.instance.clock.now();
  }

  attemptStarts(now: number): void {
    this.attempts++;
    this.#started ??= now;
  }

  headCame(at: number | null): void {
    this.#firstByte = at;
  }

  override noteCache(record: CacheRecord, staleFor: Failure | null): void {
    this.#cache = record;
    this.#staleFor = staleFor;
  }

  protected errorOf(failure: Failure): UpstreamError {
    return callError(failure, this.plan, this.request, this.answer, this.attempts);
  }

  /** @param items the outcomes of its items, where it is a fan-out */
  protected makeOutcome(
    status: OutcomeStatus,
    data: unknown,
    error: UpstreamError | null,
    items: Outcome[] | undefined,
    now: number,
  ): Outcome {
    const { began } = this.scope;
    const hasData = status === 'success' || status === 'partial';
    const origin = items === undefined ? this.answer : items.find((item) => item.source !== null);
    const outcome: Outcome = {
      name: this.plan.name,
      status,
      data,
      error: error ?? (status === 'success' && this.#staleFor !== null ? this.errorOf(this.#staleFor) : null),
      source: hasData ? (origin?.source ?? null) : null,
      cache: this.#cache,
      response: this.answer?.response() ?? null,
      attempts: this.attempts,
      timings: {
        ready: this.ready - began,
        started: items === undefined ? since(began, this.#started) : firstStart(items),
        firstByte: since(began, this.#firstByte),
        ended: now - began,
      },
    };
    if (items !== undefined) outcome.items = items;
    if (this.#cache !== null && cacheChannel.hasSubscribers) {
      cacheChannel.publish({ upstream: this.plan.name, record: this.#cache } satisfies CacheMessage);
    }
    if (this.answer instanceof CachedAnswer && this.answer.entry.tags.length > 0) {
      noteTags(outcome, this.answer.entry.tags);
    }
    return outcome;
  }
}

function since(began: number, time: number | null): number | null {
  return time === null ? null : time - began;
}
