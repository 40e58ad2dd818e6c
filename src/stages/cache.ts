import { type Result, refusalOf } from '../answer/answer.js';
import { WireAnswer } from '../answer/wire-answer.js';
import { CachedAnswer } from '../cache/cached-answer.js';
import type { Entry } from '../cache/entry.js';
import { bypasses, isUsable, onlyIfCached } from '../cache/request-rules.js';
import { saysNothing } from '../cache/rules.js';
import type { CacheRecord } from '../cache-types.js';
import type { CacheConfig } from '../checked.js';
import { Failure } from '../errors.js';
import type { HttpRequest } from '../transport/http-request.js';
import { Refresh } from './refresh.js';
import { Fork, type Job, type Send, type Stage } from './stage.js';

/** A refresh that failed is not tried again for so long. */
const REST_MS = 1000;

/**
 * Answers with what is stored in memory: at once, where it is fresh, or may be refreshed behind the page; instead of a failure,
 * where it is stale. What fetches, and what stores, is the stage `fill`, behind `coalesce`, so that it is done once for all.
 */
export const cacheStage: Stage<CacheConfig> = {
  name: 'cache',
  options: ({ cache }) => cache,
  wrap: (options, next) =>
    function cached(job, request) {
      const { instance } = job.scope;
      const { cache, clock } = instance;
      const http = request as HttpRequest;
      const found = cache.find(http, job.policy, job.plan.decoder);
      const now = clock.now();
      if (options.hasDirectives && bypasses(http)) {
        cache.counts.bypasses++;
        job.noteCache(record('bypass', null, now, false, 'request'), null);
        return next(job, request);
      }
      if (typeof found === 'string') return new Lookup(job, http, options, next, null, found).start();
      const isUsableNow = !options.hasDirectives || isUsable(http, found.times, now);
      if (now < found.times.freshUntil && isUsableNow) {
        cache.counts.hits++;
        job.noteCache(record('hit', found, now, false, null), null);
        return job.settle(new CachedAnswer(found, 'cache', 'hit'));
      }
      if (now >= found.times.swrUntil || !isUsableNow) {
        return new Lookup(job, http, options, next, found, 'stale').start();
      }
      cache.counts.stale++;
      if (now >= found.refreshFrom) refreshBehind(job, http, next, found);
      job.noteCache(record('stale', found, now, false, null), null);
      job.settle(new CachedAnswer(found, 'stale', 'stale'));
    },
};

/** One refresh at a time for each entry. */
function refreshBehind(job: Job, request: HttpRequest, next: Send, entry: Entry): void {
  const { plan, scope } = job;
  const { shared, clock } = scope.instance;
  entry.refreshFrom = Infinity;
  const refresh = new Refresh(plan, shared, job.callMessage(), (result) => {
    entry.refreshFrom = clock.now() + (refusalOf(result, plan.policy) === null ? 0 : REST_MS);
  });
  refresh.start(next, request);
}

/** A job that is not answered at once. It may have a stale copy for the case that it fails. */
class Lookup extends Fork {
  readonly #request: HttpRequest;
  readonly #options: CacheConfig;
  readonly #next: Send;
  #entry: Entry | null;
  readonly #why: string;
  /** When it asked, as marks.ts counts. */
  readonly #askedAt: number;
  #timer: unknown = null;
  /** The data of the stale copy, where it had to be read ahead; else undefined. */
  #ahead: unknown = undefined;
  /** Whether a fresh answer is no longer waited for. */
  #isEnough = false;
  #isFinished = false;

  constructor(parent: Job, request: HttpRequest, options: CacheConfig, next: Send, entry: Entry | null, why: string) {
    super(parent);
    this.#request = request;
    this.#options = options;
    this.#next = next;
    this.#entry = entry;
    this.#why = why;
    this.#askedAt = this.scope.instance.cache.marks.now;
  }

  start(): void {
    const { cache, clock } = this.scope.instance;
    cache.counts.misses++;
    const now = clock.now();
    // What there is to say if it is aborted before there is an answer.
    this.parent.noteCache(record('miss', null, now, false, this.#why), null);
    if (this.#options.hasDirectives && onlyIfCached(this.#request)) return this.finish(notCached);
    this.parent.hold(this);
    const { softTimeout } = this.#options;
    if (softTimeout !== null && this.#standsIn(now)) this.#timer = clock.set(enough, softTimeout, this);
    if (this.#entry?.isSlowFor(this.plan.decoder) && this.#standsIn(now)) void this.#readAhead(this.#entry);
    this.#next(this, this.#request);
  }

  /** At the deadline there is no time left to read a stale copy. */
  async #readAhead(entry: Entry): Promise<void> {
    this.#ahead = await entry.read(this.plan.decoder);
  }

  settle(result: Result): void {
    const { marks } = this.scope.instance.cache;
    // It shared a request that was under way when something was invalidated, and asked after that.
    const isOld = result instanceof CachedAnswer && marks.isOutdated(result.entry, this.#askedAt);
    if (isOld && !this.over) this.#next(this, this.#request);
    else this.finish(result);
  }

  /** The stale copy is used now. The request goes on, as that of a refresh behind the page. */
  enough(): void {
    if (!this.#standsIn(this.scope.instance.clock.now())) return;
    this.#isEnough = true;
    const entry = this.#entry as Entry;
    // Unless one is under way, which shares its request with this.
    if (entry.refreshFrom < Infinity) refreshBehind(this, this.#request, this.#next, entry);
    this.abort(given);
  }

  protected override finish(result: Result): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const { clock, cache } = this.scope.instance;
    clock.clear(this.#timer);
    const now = clock.now();
    const failure = refusalOf(result, this.policy);
    if (failure !== null) this.#entry ??= this.#found();
    if (failure !== null && (this.#isEnough || mayReplace(failure)) && this.#standsIn(now)) {
      cache.counts.stale++;
      this.parent.noteCache(
        record('stale', this.#entry, now, false, this.#isEnough ? 'soft-timeout' : 'error'),
        this.#isEnough ? null : failure,
      );
      return super.finish(new CachedAnswer(this.#entry as Entry, 'stale', 'stale', null, this.#ahead));
    }
    if (result instanceof CachedAnswer) {
      const { entry, how, unstored } = result;
      if (how === 'revalidated') cache.counts.revalidated++;
      // From the second level.
      const isOld = how === 'hit' || how === 'stale';
      if (how === 'stale') cache.counts.stale++;
      if (how === 'stale' && now >= entry.refreshFrom) refreshBehind(this, this.#request, this.#next, entry);
      const why = isOld ? null : (unstored ?? this.#why);
      this.parent.noteCache(record(how, entry, now, !isOld && unstored === null, why), null);
    } else {
      const unstored = result instanceof WireAnswer ? result.unstored : null;
      this.parent.noteCache(record('miss', null, now, false, unstored ?? 'error'), null);
    }
    super.finish(result);
  }

  /** A copy that was not in memory at first, but in the second level. */
  #found(): Entry | null {
    const found = this.scope.instance.cache.find(this.#request, this.policy, this.plan.decoder);
    return typeof found === 'string' ? null : found;
  }

  /** Whether there is a stale copy that may be used instead of a failure. */
  #standsIn(now: number): boolean {
    const { marks } = this.scope.instance.cache;
    return this.#entry !== null && marks.allows(this.#entry) && now < this.#entry.times.errorUntil;
  }
}

const given = new Failure('ERR_UPSTREAM_CANCELED', 'a stale copy is used');

const notCached = new Failure(
  'ERR_UPSTREAM_STATUS',
  'it is not in the cache, and its request says only-if-cached',
  undefined,
  504,
);

function enough(lookup: Lookup): void {
  lookup.enough();
}

/** Failures of which a stale copy must not distract, or that nobody is left to see. */
const unreplaced: ReadonlySet<string> = new Set(['ERR_UPSTREAM_CANCELED', 'ERR_UPSTREAM_BLOCKED', 'ERR_UPSTREAM_URL']);

/** Whether a stale copy may be used instead: also of what never was an answer. */
function mayReplace({ code, upstreamStatus }: Failure): boolean {
  if (code === 'ERR_UPSTREAM_STATUS') return saysNothing(upstreamStatus ?? 0);
  return !unreplaced.has(code);
}

function record(
  status: CacheRecord['status'],
  entry: Entry | null,
  now: number,
  stored: boolean,
  why: string | null,
): CacheRecord {
  if (entry === null) return { status, age: null, ttl: null, stored, why };
  const { bornAt, freshUntil } = entry.times;
  return { status, age: now - bornAt, ttl: freshUntil - now, stored, why };
}
