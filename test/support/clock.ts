import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../../src/clock.js';
import { settled } from './deferred.js';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  // Not zero, so that a time that should be counted from the beginning of a run is not right by chance.
  #now = 5000;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #events = new Set<Timer>();
  #onSet: ((ms: number) => void) | null = null;

  now(): number {
    return this.#now;
  }

  date(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    // In the async context that sets it, as Node does it.
    const fire = AsyncResource.bind(() => callback(argument));
    const timer = this.#add(this.#timers, ms, fire);
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

  /** Something that happens outside of what is tested, and that nobody can clear. */
  happen(ms: number, event: () => void): void {
    this.#add(this.#events, ms, event);
  }

  /** Moves the time on, and fires what is due by then in the order it is due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.due <= until; next = this.#next()) this.#fire(next);
    this.#now = until;
  }

  /** The event loop is blocked for so long: the time has passed when the next timer fires. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** The same, and what is due by then fires. */
  lag(ms: number): void {
    this.block(ms);
    this.advance(0);
  }

  /** Moves the time on to the next timer or event, and waits for all that follows from it; false if there is none. */
  async step(): Promise<boolean> {
    const next = this.#next();
    if (next === undefined) return false;
    this.#fire(next);
    await settled();
    return true;
  }

  #fire(timer: Timer): void {
    this.#now = Math.max(this.#now, timer.due);
    this.#timers.delete(timer);
    this.#events.delete(timer);
    timer.fire();
  }

  #add(timers: Set<Timer>, ms: number, fire: () => void): Timer {
    const timer = { due: this.#now + ms, order: this.#order++, fire };
    timers.add(timer);
    return timer;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timers of [this.#timers, this.#events]) {
      for (const timer of timers) if (first === undefined || isBefore(timer, first)) first = timer;
    }
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** A manual clock on which a wait of less than a second, such as a back-off, is over at once. */
export class HastyClock extends ManualClock {
  /** How long such waits were to take. */
  readonly waits: number[] = [];
  readonly #immediates = new Set<NodeJS.Immediate>();

  override set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    if (ms >= 1000) return super.set(callback, ms, argument);
    this.waits.push(ms);
    const immediate = setImmediate(callback, argument);
    this.#immediates.add(immediate);
    return immediate;
  }

  override clear(timer: unknown): void {
    // Node takes anything else for one as well, and then counts wrongly: later immediates would not be called.
    if (this.#immediates.delete(timer as NodeJS.Immediate)) clearImmediate(timer as NodeJS.Immediate);
    else super.clear(timer);
  }
}
