import type { LogPosition, LogSlice } from '../cache-types.js';
import type { Clock } from '../clock.js';
import type { GuardedStore } from './guarded-store.js';
import { type Effect, EVERYTHING, type Marks } from './marks.js';

const MOST_PENDING = 10_000;
/** How soon what could not be sent is sent again. */
const PAUSE_MS = 1000;

/** So often the log is read in one turn of the event loop. */
const MOST_ROUNDS = 4;

// Read when the package is loaded: tests with fake timers replace the global.
const nextTurn = setImmediate;

const letters: Readonly<Record<Effect, string>> = { stale: 's', gone: 'g' };

/**
 * What the machines have made stale or gone, as the log of the second level has it. The log is read whenever it may have
 * grown, so it does not matter which messages come, or how often. Marks that cannot be sent are kept and sent later.
 */
export class SharedLog {
  readonly #store: GuardedStore;
  readonly #clock: () => Clock;
  readonly #marks: Marks;
  /** The number of the last of each mark, by its letter and name. */
  readonly #last = new Map<string, number>();
  /** Marks of this machine that the log may not have yet, each with a number of its own for the last time it was made. */
  readonly #pending = new Map<string, number>();
  #marked = 0;
  #position: LogPosition | null = null;
  #floor = 0;
  #isReading = false;
  #reading = Promise.resolve();
  #isToRead = false;
  #timer: unknown = null;
  #stopWatching: (() => void) | null = null;

  constructor(store: GuardedStore, marks: Marks, clock: () => Clock) {
    this.#store = store;
    this.#marks = marks;
    this.#clock = clock;
  }

  start(): void {
    this.#stopWatching ??= this.#store.watch(() => void this.read());
    void this.read();
  }

  stop(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#clock().clear(this.#timer);
    this.#timer = null;
  }

  /** Up to where it was read; null while the log is not known. */
  get position(): LogPosition | null {
    return this.#position;
  }

  /** Sends marks to all machines; at the latest when the store can be used again. Resolves when that was tried. */
  mark(effect: Effect, marks: readonly string[]): Promise<void> {
    for (const mark of marks) this.#pending.set(letters[effect] + mark, ++this.#marked);
    if (this.#pending.size > MOST_PENDING) {
      this.#pending.clear();
      this.#pending.set(letters.gone + EVERYTHING, ++this.#marked);
    }
    return this.read();
  }

  /** What became of a value that was asked for at a position. */
  effectOn(position: LogPosition | null, marks: readonly string[]): Effect | null {
    const known = this.#position;
    if (position === null || known === null || position.epoch !== known.epoch || position.at < this.#floor)
      return 'gone';
    const isSince = (effect: Effect) =>
      [EVERYTHING, ...marks].some((mark) => {
        const name = letters[effect] + mark;
        return this.#pending.has(name) || (this.#last.get(name) ?? 0) > position.at;
      });
    if (isSince('gone')) return 'gone';
    return isSince('stale') ? 'stale' : null;
  }

  /** Reads what is new, after sending what is pending. Never rejects. */
  read(): Promise<void> {
    this.#isToRead = true;
    if (!this.#isReading) {
      // Before it begins, for a store may call back while it is asked.
      this.#isReading = true;
      this.#reading = this.#readAll();
    }
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    for (let round = 1; this.#isToRead; round++) {
      // A store that says each time that there is more must not keep the event loop.
      if (round > MOST_ROUNDS) await new Promise(nextTurn);
      this.#isToRead = false;
      const sent = [...this.#pending];
      try {
        if (sent.length > 0) await this.#store.mark(sent.map(([mark]) => mark));
        this.#apply(await this.#store.log(this.#position));
        // Not what was marked again meanwhile: others may have asked for it in between.
        for (const [mark, number] of sent) if (this.#pending.get(mark) === number) this.#pending.delete(mark);
      } catch {
        // The store has reported it. What is pending is tried again, and the log is read when the store can be used again.
        this.#tryLater();
      }
    }
    // In the same turn as the last look at `isToRead`, so that nobody waits for a reading that is over.
    this.#isReading = false;
  }

  #tryLater(): void {
    if (this.#stopWatching === null || this.#timer !== null) return;
    this.#timer = this.#clock().set(
      () => {
        this.#timer = null;
        void this.read();
      },
      PAUSE_MS,
      undefined,
    );
  }

  #apply({ epoch, at, floor, marks }: LogSlice): void {
    const before = this.#position;
    const isLost = before?.epoch !== epoch || before.at < floor;
    // What was marked meanwhile is not known. (When it is read for the first time, that is what came after the first answers.)
    if (isLost) {
      this.#marks.add(before === null ? 'stale' : 'gone', EVERYTHING);
      this.#last.clear();
    }
    for (const [mark, number] of marks) {
      this.#last.set(mark, number);
      if (!isLost) this.#marks.add(mark.startsWith(letters.gone) ? 'gone' : 'stale', mark.slice(1));
    }
    if (floor > this.#floor) {
      for (const [mark, number] of this.#last) if (number <= floor) this.#last.delete(mark);
    }
    this.#floor = floor;
    this.#position = { epoch, at };
  }
}
