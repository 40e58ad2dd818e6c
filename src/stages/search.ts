import type { Entry } from '../cache/entry.js';
import { LOCK_MS, type SecondLevel } from '../cache/second-level.js';
import type { Clock } from '../clock.js';
import type { HttpRequest } from '../transport/http-request.js';

/** How often to look whether another machine has fetched what is waited for. */
const LOOK_MS = 20;

/** Who searches. */
export interface Searcher {
  /** By the clock. */
  readonly endsAt: number;
  readonly over: boolean;
  /** How an entry answers the request; null where the upstream must be asked. */
  answers(entry: Entry): 'hit' | 'stale' | null;
  /** Keeps an entry. True: it was the answer. */
  take(entry: Entry): Promise<boolean>;
  /** Asks the upstream. */
  ask(): void;
}

/** A search in the second level: for what is there, and for what another machine is fetching. */
export class Search {
  readonly #searcher: Searcher;
  readonly #second: SecondLevel;
  readonly #key: string;
  readonly #request: HttpRequest;
  readonly #clock: Clock;
  #timer: unknown = null;
  #unlock: (() => void) | null = null;
  /** Whether a lock that comes now is still of use. */
  #isLocking = true;

  constructor(searcher: Searcher, second: SecondLevel, key: string, request: HttpRequest, clock: Clock) {
    this.#searcher = searcher;
    this.#second = second;
    this.#key = key;
    this.#request = request;
    this.#clock = clock;
  }

  /**
   * If another machine is fetching it, looks again until it is there. That machine may have died, so after half of the time the
   * upstream is asked from here as well, and what comes first is used. Where the store fails, goes on without it. Never rejects.
   */
  async start(): Promise<void> {
    const searcher = this.#searcher;
    const now = this.#clock.now();
    let isElsewhere = false;
    try {
      isElsewhere = await this.#look(now + Math.min(LOCK_MS, (searcher.endsAt - now) / 2));
    } catch {
      // It has been reported.
    }
    this.#isLocking = false;
    if (searcher.over) return this.takeLock()?.();
    searcher.ask();
    if (isElsewhere) await this.#lookOn(now + LOCK_MS).catch(() => {});
  }

  /** The searcher has ended. */
  end(): void {
    this.#clock.clear(this.#timer);
    this.takeLock()?.();
  }

  /** What gives the lock back, where there is one. From now on, this is the caller's to do. */
  takeLock(): (() => void) | null {
    const unlock = this.#unlock;
    this.#unlock = null;
    return unlock;
  }

  /** Resolves to whether another machine is still fetching it. */
  async #look(until: number): Promise<boolean> {
    const searcher = this.#searcher;
    let found = await this.#find();
    while (!(found !== null && (await searcher.take(found))) && !searcher.over) {
      if (this.#unlock !== null) return false;
      if (this.#clock.now() >= until) return true;
      // Both at once, in this order: who had the lock before may have stored the answer in between.
      const locking = this.#lock();
      const finding = this.#find();
      [found] = await Promise.all([finding, locking]);
      const isThere = found !== null && searcher.answers(found) !== null;
      if (!isThere && this.#unlock === null) await this.#pause();
    }
    return false;
  }

  async #lookOn(until: number): Promise<void> {
    const searcher = this.#searcher;
    while (!searcher.over && this.#clock.now() < until) {
      await this.#pause();
      const found = searcher.over ? null : await this.#find();
      // What is stale would change the conditions of the request that is under way.
      if (found !== null && searcher.answers(found) === 'hit' && (await searcher.take(found))) return;
    }
  }

  #find(): Promise<Entry | null> {
    return this.#second.find(this.#key, this.#request, this.#clock);
  }

  async #lock(): Promise<void> {
    const unlock = await this.#second.lock(this.#key);
    if (this.#isLocking) this.#unlock = unlock;
    else unlock?.();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = this.#clock.set(resolve, LOOK_MS, undefined);
    });
  }
}
