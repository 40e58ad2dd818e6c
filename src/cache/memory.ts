import { LRUCache } from 'lru-cache';
import type { CacheSettings } from '../cache-types.js';
import type { HttpRequest } from '../transport/http-request.js';
import type { Entry } from './entry.js';
import { varyValue } from './rules.js';

// Answers of one key that differ by what Vary names.
const MOST_VARIANTS = 16;

/** The entries of one key, the last used first. */
class Variants {
  readonly entries: readonly Entry[];
  readonly bytes: number;

  constructor(key: string, entries: readonly Entry[]) {
    this.entries = entries;
    this.bytes = entries.reduce((sum, { bytes }) => sum + bytes, 2 * key.length);
  }
}

/** The first level of the cache: entries in memory, the least used of which are dropped where they become too many. */
export class MemoryLevel {
  readonly #maxBytes: number;
  readonly #lru: LRUCache<string, Variants>;

  constructor({ maxBytes, maxEntries }: Required<Pick<CacheSettings, 'maxBytes' | 'maxEntries'>>) {
    this.#maxBytes = maxBytes;
    this.#lru = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
      dispose: ({ entries }) => {
        for (const entry of entries) entry.onGrowth = null;
      },
    });
  }

  get entries(): number {
    return this.#lru.size;
  }

  get bytes(): number {
    return this.#lru.calculatedSize;
  }

  /** The entry for a request; `uri-miss` where there is none of its key, `vary-miss` where there are others. */
  find(key: string, request: HttpRequest): Entry | 'uri-miss' | 'vary-miss' {
    const variants = this.#lru.get(key);
    if (variants === undefined) return 'uri-miss';
    const [first] = variants.entries;
    if (variants.entries.length === 1 && first?.stored.vary.length === 0) return first;
    return variants.entries.find((entry) => answers(entry, request)) ?? 'vary-miss';
  }

  /** Stores an entry in the place of the one that answers the same request. */
  put(key: string, entry: Entry, request: HttpRequest): void {
    const others = this.#others(key, (known) => answers(known, request));
    this.#set(key, [entry, ...others.slice(0, MOST_VARIANTS - 1)]);
  }

  remove(key: string, entry: Entry): void {
    this.#set(
      key,
      this.#others(key, (known) => known === entry),
    );
  }

  clear(): void {
    this.#lru.clear();
  }

  #others(key: string, isMeant: (entry: Entry) => boolean): Entry[] {
    return (this.#lru.peek(key)?.entries ?? []).filter((known) => !isMeant(known));
  }

  #set(key: string, entries: readonly Entry[]): void {
    // Not replaced in place, for then lru-cache keeps the size that it was told first.
    this.#lru.delete(key);
    const variants = new Variants(key, entries);
    if (entries.length === 0 || variants.bytes > this.#maxBytes) return;
    this.#lru.set(key, variants);
    for (const entry of entries) entry.onGrowth = () => this.#set(key, entries);
  }
}

/** Whether the headers that an entry's Vary names have the values that they had then (RFC 9111, section 4.1). */
function answers({ stored }: Entry, request: HttpRequest): boolean {
  return stored.vary.every(([name, value]) => varyValue(request, name) === value);
}
