import type { CacheStore, LogPosition, LogSlice } from '../../src/cache-types.js';
import type { Clock } from '../../src/clock.js';

/** How a store behaves. */
export type Behaviour = 'well' | 'hangs' | 'fails' | 'throws' | 'gives garbage';

interface Kept<T> {
  readonly value: T;
  readonly until: number;
}

/** A store in memory that the instances of a test share as machines share theirs. It can be made to misbehave. */
export class MemoryStore implements CacheStore {
  behaves: Behaviour = 'well';
  /** What was called, by name. */
  readonly calls: string[] = [];
  readonly values = new Map<string, Kept<Uint8Array>>();
  readonly #clock: Clock;
  readonly #locks = new Map<string, Kept<string>>();
  readonly #watchers = new Set<() => void>();
  readonly #taken = new Map<string, Map<string, number>>();
  #log = new Map<string, number>();
  #epoch = 0;
  #at = 0;
  #floor = 0;
  readonly #mostMarks: number;

  constructor(clock: Clock, mostMarks = 10_000) {
    this.#clock = clock;
    this.#mostMarks = mostMarks;
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#answer('get', () => this.#valid(this.values, key));
  }

  set(key: string, value: Uint8Array, ms: number): Promise<unknown> {
    return this.#answer('set', () => this.values.set(key, { value: Uint8Array.from(value), until: this.#now + ms }));
  }

  lock(key: string, token: string, ms: number): Promise<boolean> {
    return this.#answer('lock', () => {
      if (this.#valid(this.#locks, key) !== null) return false;
      this.#locks.set(key, { value: token, until: this.#now + ms });
      return true;
    });
  }

  unlock(key: string, token: string): Promise<unknown> {
    return this.#answer('unlock', () => this.#valid(this.#locks, key) === token && this.#locks.delete(key));
  }

  mark(marks: readonly string[]): Promise<unknown> {
    return this.#answer('mark', () => {
      for (const mark of marks) {
        this.#log.delete(mark);
        this.#log.set(mark, ++this.#at);
      }
      for (const [mark, at] of this.#log) {
        if (this.#log.size <= this.#mostMarks) break;
        this.#log.delete(mark);
        this.#floor = at;
      }
      this.poke();
    });
  }

  log(since: LogPosition | null): Promise<LogSlice> {
    return this.#answer('log', () => {
      if (since?.epoch === String(this.#epoch) && since.at > this.#at) this.#epoch++;
      const epoch = String(this.#epoch);
      const marks = [...this.#log].filter(([, at]) => since?.epoch !== epoch || at > since.at);
      return { epoch, at: this.#at, floor: this.#floor, marks };
    });
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  take(
    key: string,
    id: string,
    { requests, per }: { readonly requests: number; readonly per: number },
  ): Promise<number> {
    return this.#answer('take', () => {
      const taken = this.#taken.get(key) ?? new Map<string, number>();
      this.#taken.set(key, taken);
      const times = [...taken.values()].filter((time) => this.#now - time < per).sort((a, b) => a - b);
      if (times.length >= requests) return (times[times.length - requests] as number) + per - this.#now;
      taken.set(id, this.#now);
      return 0;
    });
  }

  giveBack(key: string, id: string): Promise<unknown> {
    return this.#answer('giveBack', () => this.#taken.get(key)?.delete(id));
  }

  /** Tells the watchers, as a message or a new connection would. */
  poke(): void {
    for (const changed of this.#watchers) queueMicrotask(changed);
  }

  /** All is lost, as when Redis starts anew. */
  lose(): void {
    this.values.clear();
    this.#locks.clear();
    this.#log = new Map();
    this.#at = 0;
    this.#floor = 0;
    this.#epoch++;
  }

  get #now(): number {
    return this.#clock.now();
  }

  #valid<T>(map: Map<string, Kept<T>>, key: string): T | null {
    const kept = map.get(key);
    return kept !== undefined && this.#now < kept.until ? kept.value : null;
  }

  #answer<T>(name: string, give: () => T): Promise<T> {
    this.calls.push(name);
    if (this.behaves === 'hangs') return new Promise(() => {});
    if (this.behaves === 'throws') throw new Error('the store threw redis://user:secret@host');
    if (this.behaves === 'fails') return Promise.reject(new Error('the store failed redis://user:secret@host'));
    if (this.behaves === 'gives garbage') return Promise.resolve({ garbage: 1 } as T);
    return Promise.resolve(give());
  }
}
