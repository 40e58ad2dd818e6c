import { Failure, type UpstreamError } from '../errors.js';
import type { Outcome, OutcomeStatus } from '../outcome.js';
import type { CallPlan, UpstreamRequest } from '../plan/plan.js';
import { Answer } from '../transport/answer.js';
import type { DataAnswer } from '../transport/axios-attempt.js';
import type { Context } from '../types.js';
import { type DirectTask, sendDirectly } from './attempt.js';
import { CallContext } from './context.js';
import { blockerOf } from './dependency.js';
import { callError } from './error.js';
import { fanOut, firstStart, readList } from './fan-out.js';
import { guarded, isThenable } from './hook.js';
import type { Abortable, CallHost, SendResult } from './host.js';
import { copyPlain } from './plain.js';
import { readAnswer } from './read.js';
import { soon } from './soon.js';

/**
 * One upstream in one run, or one item of a fan-out: from the moment it could start to its outcome. However it ends, it
 * ends once, and nothing of it throws.
 */
export class Call implements DirectTask {
  readonly plan: CallPlan;
  readonly host: CallHost;
  /** The outcome, once it has ended. */
  outcome: Outcome | null = null;
  attempts = 0;
  /** By the clock, when the first attempt was sent. */
  started: number | null = null;
  /** What is under way now, and ends when the call is ended from outside. */
  underway: Abortable | null = null;
  readonly #ready: number;
  readonly #item: unknown;
  #context: CallContext | null = null;
  #timer: unknown = null;
  #request: UpstreamRequest | null = null;
  #answer: Answer | DataAnswer | null = null;
  /** Why it has failed, while its fallback is still being made. */
  #failed: UpstreamError | null = null;
  /** What became of its items, in that time. */
  #items: Outcome[] | undefined;
  /** Whether the run is over for it. */
  #late = false;

  constructor(plan: CallPlan, host: CallHost, item: unknown) {
    this.plan = plan;
    this.host = host;
    this.#item = item;
    this.#ready = host.clock.now();
  }

  get context(): CallContext {
    this.#context ??= new CallContext(this.plan, this.host, this.#item);
    return this.#context;
  }

  /** Nothing is begun any more: it has ended, or has failed and its fallback is being made. */
  get over(): boolean {
    return this.outcome !== null || this.#failed !== null;
  }

  get endsAt(): number {
    const { timeout } = this.plan.config;
    return timeout === null ? this.host.endsAt : Math.min(this.host.endsAt, this.#ready + timeout);
  }

  attemptStarts(): void {
    this.attempts++;
    this.started ??= this.host.clock.now();
  }

  start(): void {
    const { timeout } = this.plan.config;
    if (timeout !== null) this.#timer = this.host.clock.set(timedOut, timeout, this);
    const { plain, direct } = this.plan;
    this.#request = plain;
    if (plain !== null && direct) sendDirectly(this, plain);
    else void this.#perform();
  }

  /** What was sent directly has come to its end. */
  attemptEnded(result: SendResult): void {
    // Later, for undici's parser may be at work below.
    soon(() => this.host.scope.runInAsyncScope(this.#receive, this, result));
  }

  /** Ends it now, from outside. `late`: nobody waits for it any longer, not even for a fallback that takes time. */
  abort(failure: Failure, late = true): void {
    if (this.outcome !== null) return;
    this.#late = late;
    // The items of a fan-out end at once, and with the last of them the whole has.
    this.underway?.abort(failure);
    if (this.#failed === null) this.#fail(failure);
    else if (late) this.#finish('error', null, this.#failed, this.#items);
  }

  /** The items of a fan-out have ended: so has this. */
  endItems(items: Outcome[]): void {
    this.attempts = items.reduce((sum, item) => sum + item.attempts, 0);
    const failed = items.find((item) => item.status === 'error');
    const data = items.map((item) => item.data);
    if (failed === undefined) return this.#finish('success', data, null, items);
    if (items.some((item) => item.status === 'success')) return this.#finish('partial', data, failed.error, items);
    const { code, upstreamStatus } = failed.error as UpstreamError;
    this.#fail(new Failure(code, 'every item failed', failed.error, upstreamStatus), items);
  }

  async #perform(): Promise<void> {
    try {
      const request = this.plan.plain ?? (await this.#prepare());
      if (request === null || this.over) return;
      this.#request = request;
      this.#receive(await this.plan.send(this, request));
    } catch (cause) {
      this.#threw(cause);
    }
  }

  #threw(cause: unknown): void {
    // It has ended, so this came out of the page's handler, from outside of any express that would have caught it.
    if (this.outcome !== null) throw cause;
    // Such as a getter of `res.locals` that throws while a template reads it.
    this.#fail(new Failure('ERR_UPSTREAM_HOOK', 'what it reads threw', cause));
  }

  /** The request, or null where it ends without one: skipped, failed, or made into one for each item of a list. */
  async #prepare(): Promise<UpstreamRequest | null> {
    const { plan } = this;
    const blocker = blockerOf(plan, this.host);
    if (blocker !== null) return blocker === 'skipped' ? this.#skip() : this.#fail(blocker);
    if (plan.config.when !== null) {
      const verdict = await guarded('when', plan.config.when, this.context);
      if (this.over) return null;
      if (verdict instanceof Failure) return this.#fail(verdict);
      if (!verdict) return this.#skip();
    }
    if (plan.list !== null) return this.#spread(await readList(this));
    const request = plan.request.fixed ?? (await plan.request.build(this.context));
    return request instanceof Failure ? this.#fail(request) : request;
  }

  #spread(items: readonly unknown[] | Failure): null {
    if (this.over) return null;
    if (items instanceof Failure) return this.#fail(items);
    fanOut(this, items, makeCall);
    return null;
  }

  /** Ends it with what came; where decoding or checking takes time, when that is done. */
  #receive(answer: SendResult): void {
    if (this.over) return;
    try {
      if (!(answer instanceof Failure)) this.#answer = answer;
      const data = answer instanceof Failure ? answer : readAnswer(answer, this.plan.config, this);
      if (isThenable(data)) void this.#receiveLater(data);
      else this.#end(data);
    } catch (cause) {
      this.#threw(cause);
    }
  }

  async #receiveLater(data: PromiseLike<unknown>): Promise<void> {
    try {
      this.#end(await data);
    } catch (cause) {
      this.#threw(cause);
    }
  }

  #end(data: unknown): void {
    if (this.over) return;
    if (data instanceof Failure) this.#fail(data);
    else this.#finish('success', data, null);
  }

  #skip(): null {
    this.#finish('skipped', null, null);
    return null;
  }

  #fail(failure: Failure, items?: Outcome[]): null {
    if (this.over) return null;
    const error = this.#error(failure);
    const { hasFallback, fallback } = this.plan.config;
    // An axios instance may cancel its own request; the run that has ended asks for no fallback.
    const isUnwanted = this.#late && failure.code === 'ERR_UPSTREAM_CANCELED';
    if (!hasFallback || isUnwanted) this.#finish('error', null, error, items);
    // A copy for each run: what one page writes into it, the next does not see.
    else if (typeof fallback !== 'function') this.#finish('fallback', copyPlain(fallback), error, items);
    else this.#fallBack(error, fallback as FallbackFunction, items);
    return null;
  }

  #fallBack(error: UpstreamError, make: FallbackFunction, items?: Outcome[]): void {
    this.#failed = error;
    this.#items = items;
    const broken = (cause: unknown) => {
      const failure = new Failure('ERR_UPSTREAM_HOOK', 'its fallback function threw', cause);
      this.#finish('error', null, this.#error(failure), items);
    };
    try {
      const data = make(error, this.context);
      if (!isThenable(data)) return this.#finish('fallback', data ?? null, error, items);
      data.then((value) => this.#finish('fallback', value ?? null, error, items), broken);
      // Nobody waits any longer.
      if (this.#late) this.#finish('error', null, error, items);
    } catch (cause) {
      broken(cause);
    }
  }

  #error(failure: Failure): UpstreamError {
    return callError(failure, this.plan, this.#request, this.#answer, this.attempts);
  }

  #source(status: OutcomeStatus, items: readonly Outcome[] | undefined): Outcome['source'] {
    if (status !== 'success' && status !== 'partial') return null;
    if (this.#answer instanceof Answer && this.#answer.isShared) return 'shared';
    return items === undefined ? 'network' : (items.find((item) => item.source !== null)?.source ?? null);
  }

  #finish(status: OutcomeStatus, data: unknown, error: UpstreamError | null, items?: Outcome[]): void {
    if (this.outcome !== null) return;
    const { clock, began } = this.host;
    const firstByte = this.underway?.firstByte ?? null;
    const started = this.started ?? (items === undefined ? null : firstStart(items));
    this.outcome = {
      name: this.plan.name,
      status,
      data,
      error,
      source: this.#source(status, items),
      response: this.#answer,
      attempts: this.attempts,
      timings: {
        ready: this.#ready - began,
        started: started === null ? null : started - began,
        firstByte: firstByte === null ? null : firstByte - began,
        ended: clock.now() - began,
      },
    };
    if (items !== undefined) this.outcome.items = items;
    if (this.#timer !== null) clock.clear(this.#timer);
    this.underway = null;
    this.#context?.end(error);
    this.host.callEnded(this);
  }
}

type FallbackFunction = (error: Error, context: Context) => unknown;

function makeCall(plan: CallPlan, host: CallHost, item: unknown): Call {
  return new Call(plan, host, item);
}

function timedOut(call: Call): void {
  call.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer within its ${call.plan.config.timeout} ms`), false);
}
