import { type Answer, type Result, refusalOf } from '../answer/answer.js';
import { PartialData } from '../answer/schema.js';
import { type CallMessage, calls } from '../channels.js';
import type { ListSource } from '../checked.js';
import { Failure, type UpstreamError } from '../errors.js';
import { guarded, hookFailure, isThenable } from '../hook.js';
import type { Outcome, OutcomeStatus } from '../outcome.js';
import { copyPlain } from '../plain.js';
import type { HttpRequest, UpstreamRequest } from '../transport/http-request.js';
import type { Awaitable, Context } from '../types.js';
import { CallContext } from './context.js';
import { blockerOf } from './dependency.js';
import { FanOut, isClientsItem, joinItems, readList } from './fan-out.js';
import type { CallPlan, TagPlan } from './plan.js';
import { RecordedJob } from './recorded.js';
import type { CallOwner, CallRun } from './run.js';

/**
 * One upstream in one run, or one item of a fan-out, from the moment it could start to its outcome. It ends exactly once,
 * and none of its methods throws.
 */
export class Call extends RecordedJob {
  /** The outcome, once it has ended. */
  outcome: Outcome | null = null;
  readonly #owner: CallOwner<Call>;
  #context: CallContext | null;
  #timer: unknown = null;
  /** Its error, once it has failed and its fallback function was called. */
  #failed: UpstreamError | null = null;
  /** The outcomes of its items, kept for the outcome with the fallback. */
  #items: Outcome[] | undefined;
  /** Whether the run no longer waits for it, not even for an async fallback. */
  #late = false;
  /** What is told of it, or of the call whose item it is; null where nobody listens. */
  #message: CallMessage | null = null;
  readonly #isItem: boolean;
  /** Whether nobody wants its result any more, so that no fallback is made. */
  #unwanted = false;

  /** @param context of an item; otherwise it is made when it is needed */
  constructor(plan: CallPlan, run: CallRun, owner: CallOwner<Call>, context: CallContext | null) {
    super(plan, run);
    this.#owner = owner;
    this.#context = context;
    this.#isItem = context !== null;
  }

  get endsAt(): number {
    const { timeout } = this.plan.config;
    const { endsAt } = this.#owner;
    return timeout === null ? endsAt : Math.min(endsAt, this.ready + timeout);
  }

  /** Whether it has ended, or has failed and its fallback is being made. Nothing more is started for it then. */
  get over(): boolean {
    return this.outcome !== null || this.#failed !== null;
  }

  start(): void {
    if (!this.#isItem && calls.on) this.#startTold();
    else this.#begin();
  }

  #startTold(): void {
    const { plan, scope, ready } = this;
    this.#message = { name: plan.name, run: scope.message, began: ready, outcome: null, error: null };
    calls.run(this.#message, () => this.#begin());
  }

  override callMessage(): CallMessage | null {
    return this.#message;
  }

  #begin(): void {
    const { timeout } = this.plan.config;
    if (timeout !== null) this.#timer = this.scope.instance.clock.set(timedOut, timeout, this);
    if (this.plan.plain !== null) this.#send(this.plan.plain);
    else void this.#prepare();
  }

  /** Decodes and checks the answer, and ends the call with the data. */
  settle(result: Result): void {
    if (this.over) return;
    if (result instanceof Failure) return this.#fail(result);
    this.answer = result;
    const data = this.#read(result);
    if (isThenable(data)) void this.#endLater(data);
    else this.#end(data);
  }

  /** Ends it now, from outside. `late`: the run does not even wait for an async fallback. */
  abort(failure: Failure, late = true): void {
    if (this.outcome !== null) return;
    this.#late = late;
    // Decided here and not in #fail(): an axios instance may cancel its own request, which fails with the same code.
    this.#unwanted = failure.code === 'ERR_UPSTREAM_CANCELED';
    // Usually ends the call: an aborted attempt settles it with this failure, and so does the last aborted item.
    this.drop(failure);
    if (this.#failed === null) this.#fail(failure);
    else if (late) this.#finish('error', null, this.#failed, this.#items);
  }

  #send(request: UpstreamRequest): void {
    this.request = request;
    this.plan.send(this, request);
  }

  async #prepare(): Promise<void> {
    let next: UpstreamRequest | Failure | FanOut | 'skipped';
    try {
      next = await this.#whatComesFirst();
    } catch (cause) {
      // For example, a getter in `res.locals` threw while a template read it.
      next = hookFailure('what it reads threw', cause);
    }
    if (this.over) return;
    if (next === 'skipped') this.#finish('skipped', null, null);
    else if (next instanceof Failure) this.#fail(next);
    else if (next instanceof FanOut) next.start();
    else this.#send(next);
  }

  /** Checks what it depends on and its condition, then makes its request, or the calls for its items. */
  async #whatComesFirst(): Promise<UpstreamRequest | Failure | FanOut | 'skipped'> {
    const { plan } = this;
    const { when, maxItems } = plan.config;
    const blocker = blockerOf(plan, this.scope);
    if (blocker !== null) return blocker;
    if (when !== null) {
      const verdict = await guarded('when', when, this.#theContext);
      if (verdict instanceof Failure) return verdict;
      if (!verdict || this.over) return 'skipped';
    }
    if (plan.list === null) return this.#makeRequest();
    const items = await readList(plan.list, maxItems, this.#theContext);
    return items instanceof Failure ? items : this.#fanOut(items, plan.list);
  }

  #makeRequest(): Awaitable<UpstreamRequest | Failure> {
    const { request, tags } = this.plan;
    const made = request.fixed ?? request.build(this.#theContext);
    return tags === null ? made : this.#label(made, tags);
  }

  async #label(made: Awaitable<UpstreamRequest | Failure>, tags: TagPlan): Promise<UpstreamRequest | Failure> {
    const request = await made;
    return request instanceof Failure ? request : (request as HttpRequest).withTags(tags.of(this.#theContext));
  }

  get #theContext(): CallContext {
    this.#context ??= new CallContext(this.plan, this.scope);
    return this.#context;
  }

  #fanOut(items: readonly unknown[], list: ListSource): FanOut {
    const { scope } = this;
    const plan = this.plan.item as CallPlan;
    const makeCall = (item: unknown, owner: CallOwner<Call>) => {
      const clientItem = isClientsItem(list, item, this.#theContext);
      const call = new Call(plan, scope, owner, new CallContext(plan, scope, item, clientItem));
      call.#message = this.#message;
      return call;
    };
    const fanOut = new FanOut(items, this.endsAt, makeCall, (outcomes) => this.#endItems(outcomes));
    this.hold(fanOut);
    return fanOut;
  }

  /** All items of the fan-out have ended. */
  #endItems(items: Outcome[]): void {
    this.attempts = items.reduce((sum, item) => sum + item.attempts, 0);
    const whole = joinItems(items);
    if (whole instanceof Failure) this.#fail(whole, items);
    else this.#finish(whole.status, whole.data, whole.error, items);
  }

  #read(answer: Answer): unknown {
    try {
      return refusalOf(answer, this.plan.policy) ?? answer.read(this.plan.decoder, this);
    } catch (cause) {
      return hookFailure('what decodes or checks its data threw', cause);
    }
  }

  async #endLater(data: PromiseLike<unknown>): Promise<void> {
    let settled: unknown;
    try {
      settled = await data;
    } catch (cause) {
      settled = hookFailure('what decodes or checks its data failed:', cause);
    }
    this.#end(settled);
  }

  #end(data: unknown): void {
    if (this.over) return;
    if (data instanceof Failure) return this.#fail(data);
    const now = this.scope.instance.clock.now();
    // A stale copy is there because the time is up.
    if (now > this.endsAt && this.answer?.source !== 'stale') this.#fail(this.#tooLate());
    else if (data instanceof PartialData) {
      this.#finish('partial', data.data, this.errorOf(data.failure), undefined, now);
    } else this.#finish('success', data, null, undefined, now);
  }

  /** Decoding blocks the event loop, so the time may be up before the timer could fire. */
  #tooLate(): Failure {
    const { timeout } = this.plan.config; // null for an item, whose timeout is that of the whole
    const which = timeout === null ? 'the timeout' : `its ${timeout} ms`;
    return this.endsAt === (this.plan.config.defer ? this.scope.lateEndsAt : this.scope.endsAt)
      ? new Failure('ERR_UPSTREAM_DEADLINE', 'its data was not read by the deadline')
      : new Failure('ERR_UPSTREAM_TIMEOUT', `its data was not read within ${which}`);
  }

  #fail(failure: Failure, items?: Outcome[]): void {
    if (this.over) return;
    const error = this.errorOf(failure);
    const { hasFallback, fallback } = this.plan.config;
    if (!hasFallback || this.#unwanted) this.#finish('error', null, error, items);
    // A copy for each run, because a page may write into it.
    else if (typeof fallback !== 'function') this.#finish('fallback', copyPlain(fallback), error, items);
    else this.#fallBack(error, fallback as FallbackFunction, items);
  }

  #fallBack(error: UpstreamError, make: FallbackFunction, items?: Outcome[]): void {
    this.#failed = error;
    this.#context?.fail();
    this.#items = items;
    const broken = (cause: unknown) => {
      this.#finish('error', null, this.errorOf(hookFailure('its fallback function threw', cause)), items);
    };
    try {
      const data = make(error, this.#theContext);
      if (!isThenable(data)) return this.#finish('fallback', data ?? null, error, items);
      // A native promise, because not every thenable follows the rules of promises.
      Promise.resolve(data).then((value) => this.#finish('fallback', value ?? null, error, items), broken);
      // The run is over and does not wait for the promise.
      if (this.#late) this.#finish('error', null, error, items);
    } catch (cause) {
      broken(cause);
    }
  }

  #finish(
    status: OutcomeStatus,
    data: unknown,
    error: UpstreamError | null,
    items?: Outcome[],
    now = this.scope.instance.clock.now(),
  ): void {
    if (this.outcome !== null) return;
    this.outcome = this.makeOutcome(status, data, error, items, now);
    if (this.#timer !== null) this.scope.instance.clock.clear(this.#timer);
    this.hold(null);
    this.answer = null;
    this.#context?.end(error);
    if (this.#message !== null && !this.#isItem) tellEnd(this.#message, this.outcome);
    this.#owner.callEnded(this);
  }
}

function tellEnd(message: CallMessage, outcome: Outcome): void {
  message.outcome = outcome;
  message.error = outcome.error;
  calls.ended(message);
}

type FallbackFunction = (error: UpstreamError, context: Context) => unknown;

function timedOut(call: Call): void {
  call.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer within its ${call.plan.config.timeout} ms`), false);
}
