import type { Decoder } from '../answer/decode.js';
import { acceptsStatus, type Policy } from '../answer/policy.js';
import type { CacheSettings, CacheStats } from '../cache-types.js';
import type { Clock } from '../clock.js';
import type { HttpRequest } from '../transport/http-request.js';
import type { Entry } from './entry.js';
import { GuardedStore } from './guarded-store.js';
import { type Effect, EVERYTHING, Marks } from './marks.js';
import { MemoryLevel } from './memory.js';
import { SecondLevel } from './second-level.js';
import { SharedLog } from './shared-log.js';
import { SharedQuota } from './shared-quota.js';

export type CacheConfig = Required<Omit<CacheSettings, 'store'>> & Pick<CacheSettings, 'store'>;

/** The cache of an instance: entries in memory, and in a store where there is one. */
export class Cache {
  readonly marks = new Marks();
  readonly maxEntryBytes: number;
  /** Null where there is no store, and once the instance is closed: nobody tells then what others make stale. */
  second: SecondLevel | null;
  /** Null where each machine counts for itself. */
  readonly sharedQuota: SharedQuota | null;
  readonly counts = { hits: 0, stale: 0, revalidated: 0, misses: 0, bypasses: 0 };
  readonly #config: CacheConfig;
  readonly #store: GuardedStore | null;
  // Made when it is first needed, for most instances have pages without a cache.
  #memory: MemoryLevel | null = null;

  /** @param clock read at each use, so that it can be replaced */
  constructor(config: CacheConfig, clock: () => Clock) {
    this.#config = config;
    this.maxEntryBytes = config.maxEntryBytes;
    this.#store = config.store === undefined ? null : new GuardedStore(config.store, clock);
    this.second =
      this.#store === null
        ? null
        : new SecondLevel(this.#store, new SharedLog(this.#store, this.marks, clock), this.marks);
    this.sharedQuota = this.#store?.takes ? new SharedQuota(this.#store) : null;
    this.second?.log.start();
  }

  /** The entry for a request that may be used, if only for revalidation, and that this page can read; else why there is none. */
  find(request: HttpRequest, policy: Policy, decoder: Decoder): Entry | 'uri-miss' | 'vary-miss' {
    const key = keyOf(request, policy);
    const found = this.#memory?.find(key, request) ?? 'uri-miss';
    if (typeof found === 'string') return found;
    if (!this.marks.allows(found)) {
      this.#memory?.remove(key, found);
      return 'uri-miss';
    }
    return acceptsStatus(policy, found.status) === true && !found.isRefusedBy(decoder) ? found : 'uri-miss';
  }

  /** Keeps an entry in memory, unless it was purged, or there is one that was asked for after something was marked. */
  put(request: HttpRequest, policy: Policy, entry: Entry): boolean {
    if (!this.marks.allows(entry)) return false;
    this.#memory ??= new MemoryLevel(this.#config);
    const key = keyOf(request, policy);
    const found = this.#memory.find(key, request);
    if (typeof found !== 'string' && found.askedAt > entry.askedAt) return false;
    this.#memory.put(key, entry, request);
    return true;
  }

  /** Removes an entry of this request: what it was asked for has changed into something that is not stored. */
  forget(request: HttpRequest, policy: Policy, entry: Entry): void {
    const key = keyOf(request, policy);
    this.#memory?.remove(key, entry);
    void this.second?.drop(key, entry, request);
  }

  /** Makes what has these marks stale, or removes it, on all machines. Resolves when they were told, or cannot be told now. */
  async mark(effect: Effect, marks: readonly string[]): Promise<void> {
    for (const mark of marks) this.marks.add(effect, mark);
    if (effect === 'gone' && marks.includes(EVERYTHING)) this.#memory?.clear();
    await this.second?.log.mark(effect, marks);
  }

  stats(): CacheStats {
    return { entries: this.#memory?.entries ?? 0, bytes: this.#memory?.bytes ?? 0, ...this.counts };
  }

  storeStats(): ReturnType<GuardedStore['stats']> | null {
    return this.#store?.stats() ?? null;
  }

  close(): void {
    this.second?.log.stop();
    this.second = null;
  }
}

/** The key of what is stored for a request: equal for requests that may be answered with the same. */
export function keyOf(request: HttpRequest, policy: Policy): string {
  return request.keyBy(policy, makeKey);
}

function makeKey(request: HttpRequest, { scope, keyHeaders }: Policy): string {
  return `${scope} ${keyHeaders === null ? request.identity : request.identityBy(keyHeaders)}`;
}
