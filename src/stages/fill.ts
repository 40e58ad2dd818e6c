import { type Result, refusalOf } from '../answer/answer.js';
import { whole } from '../answer/body.js';
import type { WireAnswer } from '../answer/wire-answer.js';
import { keyOf } from '../cache/cache.js';
import { CachedAnswer, UnreadableAnswer } from '../cache/cached-answer.js';
import { Entry, type Stored, type Times } from '../cache/entry.js';
import { marksOf, tagsOf } from '../cache/labels.js';
import { bypasses, isUsable } from '../cache/request-rules.js';
import { judge, saysNothing, varyNames, varyValue } from '../cache/rules.js';
import { LOCK_MS, type SecondLevel } from '../cache/second-level.js';
import { conditionsOf, refreshedHeaders, storedHeaders } from '../cache/stored-headers.js';
import type { CacheConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { isThenable } from '../hook.js';
import type { HttpRequest } from '../transport/http-request.js';
import { Fork, type Job, type JobPlan, type Send, type Stage } from './stage.js';

/** How often to look whether another machine has fetched what is waited for. */
const LOOK_MS = 20;

/** Fetches what is to be cached: from the second level, by revalidating what is stored, or whole. Then stores it. */
export const fillStage: Stage<CacheConfig> = {
  name: 'fill',
  options: ({ cache }) => cache,
  wrap: (options, next) =>
    function filled(job, request) {
      const http = request as HttpRequest;
      if (options.hasDirectives && bypasses(http)) return next(job, request);
      const filling = new Filling(job, http, options, next);
      job.hold(filling);
      filling.start();
    },
};

class Filling extends Fork {
  readonly #request: HttpRequest;
  readonly #options: CacheConfig;
  readonly #next: Send;
  readonly #askedAt: number;
  /** What is stored, where it can be revalidated. */
  #known: Entry | null = null;
  /** Whether the request asks only whether that is still right. */
  #isConditional = false;
  #sentAt = 0;
  #isSent = false;
  #timer: unknown = null;
  #unlock: (() => void) | null = null;

  constructor(parent: Job, request: HttpRequest, options: CacheConfig, next: Send) {
    super(parent);
    this.#request = request;
    this.#options = options;
    this.#next = next;
    const { cache } = this.scope.instance;
    this.#askedAt = cache.marks.now;
  }

  /** With a condition, a 304 is a success. */
  override get plan(): JobPlan {
    return this.#isConditional ? revalidating(this.parent.plan) : this.parent.plan;
  }

  start(): void {
    const { cache } = this.scope.instance;
    const { policy, decoder } = this.parent.plan;
    const found = cache.find(this.#request, policy, decoder);
    this.#known = typeof found === 'string' ? null : found;
    if (cache.second === null) this.#ask();
    else void this.#look(cache.second);
  }

  settle(result: Result): void {
    if (result instanceof Failure) return this.finish(result);
    const answer = result as WireAnswer;
    if (answer.status === 304 && this.#isConditional) return this.#revalidated(answer, this.#known as Entry);
    if (refusalOf(answer, this.parent.policy) !== null) return this.#endUnstored(answer, 'status');
    this.#store(answer);
  }

  /** Waiting for a turn is no age of the answer; what failed before a retry counts, for a hedge may have overtaken it. */
  override attemptStarts(now: number): void {
    if (!this.#isSent) this.#sentAt = now;
    this.#isSent = true;
    super.attemptStarts(now);
  }

  override abort(failure: Failure): void {
    this.scope.instance.clock.clear(this.#timer);
    super.abort(failure);
  }

  /**
   * Looks for it in the second level. If another machine is fetching it, looks again until it is there, or until that takes too
   * long: the other one may have died, so half of the time is left to fetch it here. Where the store fails, goes on without it.
   */
  async #look(second: SecondLevel): Promise<void> {
    const { clock } = this.scope.instance;
    const key = keyOf(this.#request, this.parent.policy);
    const now = clock.now();
    const until = now + Math.min(LOCK_MS, (this.endsAt - now) / 2);
    try {
      let found = await second.find(key, this.#request, clock);
      while (!(await this.#take(found)) && !this.over && this.#unlock === null && clock.now() < until) {
        // Both at once, in this order: who had the lock before may have stored the answer in between.
        const locking = second.lock(key).then((unlock) => {
          this.#unlock = unlock;
        });
        const finding = second.find(key, this.#request, clock);
        [found] = await Promise.all([finding, locking]);
        const isThere = found !== null && this.#answers(found) !== null;
        if (!isThere && this.#unlock === null) await this.#pause();
      }
    } catch {
      // It has been reported.
    }
    if (this.over) this.#unlock?.();
    else this.scope.async.runInAsyncScope(this.#ask, this);
  }

  /** How an entry of the second level answers the request; null where the upstream must be asked. */
  #answers(entry: Entry): 'hit' | 'stale' | null {
    const { times } = entry;
    const now = this.scope.instance.clock.now();
    if (this.#options.hasDirectives && !isUsable(this.#request, times, now)) return null;
    if (now < times.freshUntil) return 'hit';
    // It is refreshed behind the page by who waits for this; a refresh itself has to ask.
    return now < times.swrUntil && this.attemptKind() !== 'refresh' ? 'stale' : null;
  }

  /** Keeps an entry of the second level. True: it is the answer. */
  async #take(entry: Entry | null): Promise<boolean> {
    const { cache } = this.scope.instance;
    const { policy, decoder } = this.parent.plan;
    if (entry === null || (await entry.read(decoder)) instanceof Failure) return false;
    cache.put(this.#request, policy, entry);
    this.#known = entry;
    const how = this.#answers(entry);
    if (how !== null) this.finish(new CachedAnswer(entry, how === 'hit' ? 'cache' : 'stale', how));
    return how !== null;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = this.scope.instance.clock.set(resolve, LOOK_MS, undefined);
    });
  }

  /** @param given the conditions: by default those by which what is stored can be revalidated */
  #ask(given?: Record<string, string>): void {
    const conditions = Object.entries(given ?? this.#conditions());
    this.#isConditional = conditions.length > 0;
    this.#sentAt = this.scope.instance.clock.now();
    this.#isSent = false;
    this.#next(
      this,
      conditions.reduce((request, [name, value]) => request.withHeader(name, value), this.#request),
    );
  }

  /**
   * None where the validators are of another URL, to which it was redirected, and none for a POST: whoever has what it asks for
   * must answer it with 412 and not with 304 (RFC 9110, section 13.1.2).
   */
  #conditions(): Record<string, string> {
    const { method, url } = this.#request;
    if (this.#known?.stored.url !== url || (method !== 'GET' && method !== 'HEAD')) return {};
    return conditionsOf(this.#known.headers);
  }

  #revalidated(answer: WireAnswer, known: Entry): void {
    const headers = refreshedHeaders(known.headers, answer.headers);
    if (headers !== null && answer.via.length === 0) {
      return this.#keep({ ...known.stored, headers }, answer, 'revalidated');
    }
    // It is the answer to another question.
    this.#ask({});
  }

  #store(answer: WireAnswer): void {
    const { status, url, headers, body, encoded } = answer;
    if (body.length > this.scope.instance.cache.maxEntryBytes) return this.#endUnstored(answer, 'too-large');
    // The body stays with the answer, in case it cannot be stored.
    this.#keep({ status, url, headers, encoded, body: copyOf(whole(body)) }, answer, 'miss');
  }

  /** Stores the answer, if that is allowed and its data can be read. */
  #keep(head: Pick<Stored, 'status' | 'url' | 'headers' | 'body' | 'encoded'>, answer: WireAnswer, how: How): void {
    const { clock, cache } = this.scope.instance;
    const times = { requested: this.#sentAt, received: clock.now(), date: clock.date() };
    const redirects = answer.via.map((one) => one.answer);
    const verdict = judge(this.#request, head, times, jittered(this.#options), redirects);
    if (!verdict.storable && how === 'miss') return this.#endUnstored(answer, verdict.why);
    const { bornAt, freshUntil, swrUntil, errorUntil } = verdict.storable ? verdict : unusable(clock.now());
    const names = new Set([head, ...redirects].flatMap(({ headers }) => varyNames(headers)));
    names.delete('*');
    const vary = [...names].sort().map((name) => [name, varyValue(this.#request, name)] as const);
    const position = cache.second?.log.position ?? null;
    const headers = storedHeaders(head.headers);
    const stored = { ...head, headers, bornAt, freshUntil, swrUntil, errorUntil, vary, position };
    const entry = new Entry(stored, this.#askedAt);
    const why = verdict.storable ? null : verdict.why;
    const data = entry.read(this.parent.plan.decoder);
    if (isThenable(data)) void Promise.resolve(data).then((settled) => this.#kept(entry, settled, answer, how, why));
    else this.#kept(entry, data, answer, how, why);
  }

  #kept(entry: Entry, data: unknown, answer: WireAnswer, how: How, why: string | null): void {
    if (data instanceof Failure) return this.finish(new UnreadableAnswer(answer, data));
    const { cache, clock } = this.scope.instance;
    const { policy } = this.parent.plan;
    const tags = tagsOf(this.#request, data);
    const unstored = why ?? (tags === null ? 'tags' : null);
    // Also where it is not stored, for who shares it may have asked after its URL was marked.
    entry.label(tags ?? [], marksOf(this.#request, entry, tags ?? []));
    const isKept = unstored === null && cache.put(this.#request, policy, entry);
    if (unstored !== null) this.#forget(answer);
    const unlock = this.#takeLock();
    if (isKept && cache.second !== null) {
      void cache.second.put(keyOf(this.#request, policy), entry, this.#request, clock).then(unlock);
    } else unlock?.();
    this.finish(new CachedAnswer(entry, 'network', how, unstored ?? (isKept ? null : 'purged')));
  }

  /** What is stored is no longer what the upstream says, and must not be shown again for as long as it may be stale. */
  #forget({ status }: WireAnswer): void {
    if (this.#known === null || saysNothing(status)) return;
    this.scope.instance.cache.forget(this.#request, this.parent.policy, this.#known);
  }

  #endUnstored(answer: WireAnswer, why: string): void {
    answer.unstored = why;
    this.#forget(answer);
    this.finish(answer);
  }

  protected override finish(result: Result): void {
    this.#takeLock()?.();
    super.finish(result);
  }

  #takeLock(): (() => void) | null {
    const unlock = this.#unlock;
    this.#unlock = null;
    return unlock;
  }
}

type How = 'miss' | 'revalidated';

/** A 304 may say that what is stored must not be stored any longer: it is used this once. */
function unusable(now: number): Times {
  return { bornAt: now, freshUntil: now, swrUntil: now, errorUntil: now };
}

/** In memory of its own: what comes from a socket is a view of up to 64 KB. */
function copyOf(body: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}

/** The options with a ttl that is up to a tenth shorter, so that what was stored together does not expire together. */
function jittered(options: CacheConfig): CacheConfig {
  return options.ttl === null ? options : { ...options, ttl: options.ttl * (1 - Math.random() / 10) };
}

const plans = new WeakMap<JobPlan, JobPlan>();

/** The plan of a job whose request asks whether what is stored is still right. */
function revalidating(plan: JobPlan): JobPlan {
  let known = plans.get(plan);
  if (known === undefined) {
    const { validateStatus } = plan.policy;
    const policy = { ...plan.policy, validateStatus: (status: number) => status === 304 || validateStatus(status) };
    known = { ...plan, policy };
    plans.set(plan, known);
  }
  return known;
}
