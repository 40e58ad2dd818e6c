import { AsyncResource } from 'node:async_hooks';
import { clearImmediate, setImmediate } from 'node:timers';
import type { Clock } from '../clock.js';

// How often the event loop must have gone round with nothing happening at this clock before it jumps.
const QUIET_TURNS = 4;

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that jumps to its next timer when nothing else happens, so that waiting takes no time. */
export class HastyClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** Milliseconds that it is ahead of real time. */
  #ahead = 0;
  #order = 0;
  #quiet = 0;
  #turn: NodeJS.Immediate | null = null;

  now(): number {
    return performance.now() + this.#ahead;
  }

  date(): number {
    return Date.now() + this.#ahead;
  }

  set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    // In the async context that sets it, as Node does it.
    const fire = AsyncResource.bind(() => callback(argument));
    const timer = { due: this.now() + ms, order: this.#order++, fire };
    this.#timers.add(timer);
    this.#quiet = 0;
    this.#turn ??= setImmediate(this.#look);
    return timer;
  }

  clear(timer: unknown): void {
    this.#quiet = 0;
    this.#timers.delete(timer as Timer);
  }

  /** Nothing fires any more. */
  stop(): void {
    this.#timers.clear();
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
  }

  readonly #look = (): void => {
    this.#turn = null;
    const next = this.#next();
    if (next === null) return;
    if (++this.#quiet > QUIET_TURNS) {
      this.#quiet = 0;
      this.#ahead += Math.max(0, next.due - this.now());
      this.#timers.delete(next);
      next.fire();
    }
    if (this.#timers.size > 0) this.#turn ??= setImmediate(this.#look);
  };

  #next(): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.#timers) {
      if (first === null || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}
