/** Time as the runs see it. Tests put a clock of their own in its place. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Milliseconds since 1970, which other machines and HTTP dates count as well. */
  date(): number;
  /** Calls `callback(argument)` after `ms`; the result goes to `clear`. */
  set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown;
  clear(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  set: (callback, ms, argument) => setTimeout(callback, ms, argument),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
