import type { Outcome } from './outcome.js';

// Of the global registry, because the promise may be made by another copy of the package than the one that looks.
const mark = Symbol.for('express-mashup.outcome');

/** Notes whose data a promise is of. */
export function noteOutcome(promise: Promise<unknown>, outcome: Outcome): void {
  Object.defineProperty(promise, mark, { value: outcome });
}

/** The outcome of the deferred upstream whose data a promise is of; null for any other promise. */
export function outcomeOf(promise: PromiseLike<unknown>): Outcome | null {
  return (promise as { [mark]?: Outcome })[mark] ?? null;
}
