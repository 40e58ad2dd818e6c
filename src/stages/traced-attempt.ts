import { AsyncResource } from 'node:async_hooks';
import type { Result } from '../answer/answer.js';
import type { Policy } from '../answer/policy.js';
import { type AttemptMessage, attempts } from '../channels.js';
import { Failure } from '../errors.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import type { AttemptOwner, AttemptScope } from '../transport/wire-attempt.js';
import type { Abortable, Job } from './stage.js';

interface Attempt extends Abortable {
  start(): void;
  /** Whether it used a kept connection; null where that is not known. */
  readonly reused: boolean | null;
}

/** Stands between an attempt and its job where somebody listens, and says what becomes of the attempt. */
export class TracedAttempt implements AttemptOwner {
  readonly #job: Job;
  readonly #request: UpstreamRequest;
  readonly #message: AttemptMessage;
  #attempt: Attempt | null = null;
  /** Where a store is bound to the start: what follows from it is sent in the context in which it began. */
  #scope: AttemptScope | null = null;

  constructor(job: Job, request: UpstreamRequest, method: string) {
    const { instance } = job.scope;
    this.#job = job;
    this.#request = request;
    this.#message = {
      call: job.callMessage(),
      kind: job.attemptKind(),
      shared: job.scope === instance.shared,
      upstream: job.plan.name,
      method,
      url: request.url,
      began: instance.clock.now(),
      headers: {},
      reused: null,
      firstByte: null,
      ended: null,
      status: null,
      error: null,
    };
  }

  get scope(): AttemptScope {
    return this.#scope ?? this.#job.scope;
  }

  get policy(): Policy {
    return this.#job.policy;
  }

  /** Makes the attempt, with what subscribers add to its request, and begins it. */
  start<R extends UpstreamRequest>(make: (owner: AttemptOwner, request: R) => Attempt): void {
    attempts.run(this.#message, () => {
      if (attempts.start.hasSubscribers) this.#scope = scopeHere(this.#job);
      let request = this.#request;
      for (const [name, value] of Object.entries(this.#message.headers)) request = request.withHeader(name, value);
      this.#attempt = make(this, request as R);
      this.#job.hold(this.#attempt);
      this.#attempt.start();
    });
  }

  headCame(at: number | null): void {
    this.#message.firstByte = at;
    this.#job.headCame(at);
  }

  settle(result: Result): void {
    const message = this.#message;
    message.ended = this.#job.scope.instance.clock.now();
    message.reused = this.#attempt?.reused ?? null;
    if (result instanceof Failure) {
      message.status = result.upstreamStatus;
      message.error = { code: result.code, message: result.message };
    } else message.status = result.status;
    attempts.ended(message);
    if (this.#scope === null) this.#job.settle(result);
    else this.#job.scope.async.runInAsyncScope(this.#job.settle, this.#job, result);
  }
}

/** The scope of a job, but for the async context, which is the present one: of redirects and repetitions, too. */
function scopeHere({ scope }: Job): AttemptScope {
  const async = new AsyncResource('EXPRESS_MASHUP_ATTEMPT');
  return {
    instance: scope.instance,
    get generation() {
      return scope.generation;
    },
    async,
  };
}
