import { type Result, refusalOf } from '../answer/answer.js';
import { whole } from '../answer/body.js';
import { PartialData } from '../answer/schema.js';
import type { WireAnswer } from '../answer/wire-answer.js';
import { keyOf } from '../cache/cache.js';
import { CachedAnswer, UnreadableAnswer } from '../cache/cached-answer.js';
import { Entry, type Stored, type Times } from '../cache/entry.js';
import { marksOf, tagsOf } from '../cache/labels.js';
import { bypasses, isUsable } from '../cache/request-rules.js';
import { judge, saysNothing, varyNames, varyValue } from '../cache/rules.js';
import { conditionsOf, refreshedHeaders, storedHeaders } from '../cache/stored-headers.js';
import type { CacheConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { isThenable } from '../hook.js';
import type { HttpRequest } from '../transport/http-request.js';
import { Search, type Searcher } from './search.js';
import { Fork, type Job, type JobPlan, type Send, type Stage } from './stage.js';

const answered = new Failure('ERR_UPSTREAM_CANCELED', 'another machine has fetched it');

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

class Filling extends Fork implements Searcher {
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
  /** Null where there is no second level. */
  #search: Search | null = null;
  /** Whether what another machine fetched is used. */
  #isAnswered = false;

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
    if (cache.second === null) return this.#ask();
    const key = keyOf(this.#request, policy);
    this.#search = new Search(this, cache.second, key, this.#request, this.scope.instance.clock);
    void this.#search.start();
  }

  settle(result: Result): void {
    if (this.#isAnswered) return;
    if (result instanceof Failure) return this.finish(result);
    const answer = result as WireAnswer;
    // Where it was redirected, the condition has not been sent on.
    if (answer.status === 304 && this.#isConditional && answer.via.length === 0) {
      return this.#revalidated(answer, this.#known as Entry);
    }
    if (refusalOf(answer, this.parent.policy) !== null) return this.#endUnstored(answer, 'status');
    this.#store(answer);
  }

  /** Waiting for a turn is no age of the answer; what failed before a retry counts, for a hedge may have overtaken it. */
  override attemptStarts(now: number): void {
    if (!this.#isSent) this.#sentAt = now;
    this.#isSent = true;
    super.attemptStarts(now);
  }

  answers(entry: Entry): 'hit' | 'stale' | null {
    const { times } = entry;
    const now = this.scope.instance.clock.now();
    if (this.#options.hasDirectives && !isUsable(this.#request, times, now)) return null;
    if (now < times.freshUntil) return 'hit';
    // It is refreshed behind the page by who waits for this; a refresh itself has to ask.
    return now < times.swrUntil && this.attemptKind() !== 'refresh' ? 'stale' : null;
  }

  /** Keeps an entry of the second level. */
  async take(entry: Entry): Promise<boolean> {
    const { cache } = this.scope.instance;
    const { policy, decoder } = this.parent.plan;
    const data = await entry.read(decoder);
    if (data instanceof Failure || data instanceof PartialData || this.over) return false;
    cache.put(this.#request, policy, entry);
    const how = this.answers(entry);
    if (how === null) {
      this.#known = entry;
      return false;
    }
    // Its own request may be under way by now.
    this.#isAnswered = true;
    this.drop(answered);
    this.finish(new CachedAnswer(entry, how === 'hit' ? 'cache' : 'stale', how));
    return true;
  }

  ask(): void {
    this.scope.async.runInAsyncScope(this.#ask, this);
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
    if (headers !== null) {
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
    const isPartial = data instanceof PartialData;
    const tags = tagsOf(this.#request, isPartial ? data.data : data);
    const unstored = why ?? (isPartial ? 'partial' : tags === null ? 'tags' : null);
    // Also where it is not stored, for who shares it may have asked after its URL was marked.
    entry.label(tags ?? [], marksOf(this.#request, entry, tags ?? []));
    const isKept = unstored === null && cache.put(this.#request, policy, entry);
    if (unstored !== null && !isPartial) this.#forget(answer);
    const unlock = this.#search?.takeLock();
    if (isKept && cache.second !== null) {
      void cache.second.put(keyOf(this.#request, policy), entry, this.#request, clock).then(unlock);
    } else unlock?.();
    this.finish(new CachedAnswer(entry, 'network', how, unstored ?? (isKept ? null : 'purged')));
  }

  /** The answer is not stored. What is stored is no longer what the upstream says, and must not be shown as a stale copy. */
  #forget({ status }: WireAnswer): void {
    const { cache } = this.scope.instance;
    const { policy } = this.parent.plan;
    cache.second?.noteUnstored(keyOf(this.#request, policy));
    if (this.#known === null || saysNothing(status)) return;
    cache.forget(this.#request, policy, this.#known);
  }

  #endUnstored(answer: WireAnswer, why: string): void {
    answer.unstored = why;
    this.#forget(answer);
    this.finish(answer);
  }

  protected override finish(result: Result): void {
    this.#search?.end();
    super.finish(result);
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
    const accepts = (status: number) => status === 304 || validateStatus(status);
    const policy = { ...plan.policy, revalidates: true, validateStatus: accepts };
    known = { ...plan, policy };
    plans.set(plan, known);
  }
  return known;
}
