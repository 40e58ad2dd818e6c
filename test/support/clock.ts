import type { Clock } from '../../src/clock.js';

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  // Not zero, so that a time that should be counted from the beginning of a run is not right by chance.
  #now = 5000;
  readonly #timers = new Set<Timer>();
  #onSet: ((ms: number) => void) | null = null;

  now(): number {
    return this.#now;
  }

  set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    const timer = { due: this.#now + ms, fire: () => callback(argument) };
    this.#timers.add(timer);
    this.#onSet?.(ms);
    this.#onSet = null;
    return timer;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /** Resolves to how many milliseconds the next timer has that is set from now on. */
  nextTimer(): Promise<number> {
    return new Promise((resolve) => {
      this.#onSet = resolve;
    });
  }

  /** How many timers have neither fired nor been cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the time on, and fires what is due by then in the order it is due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#nextBy(until); next !== undefined; next = this.#nextBy(until)) {
      this.#now = next.due;
      this.#timers.delete(next);
      next.fire();
    }
    this.#now = until;
  }

  /** The event loop was blocked for so long: the time has passed when the first timer fires. */
  lag(ms: number): void {
    const until = this.#now + ms;
    this.#now = until;
    for (let next = this.#nextBy(until); next !== undefined; next = this.#nextBy(until)) {
      this.#timers.delete(next);
      next.fire();
    }
  }

  #nextBy(until: number): Timer | undefined {
    return [...this.#timers].filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)[0];
  }
}
