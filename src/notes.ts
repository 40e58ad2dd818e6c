// What is noted of objects that a page gets, without being seen. Symbols of the global registry: the note may be made by another
// copy of the package than the one that reads it.
import type { Outcome } from './outcome.js';

const mark = Symbol.for('express-mashup.outcome');
const fragmentsMark = Symbol.for('express-mashup.fragments');

/** Notes whose data a promise is of. */
export function noteOutcome(promise: Promise<unknown>, outcome: Outcome): void {
  Object.defineProperty(promise, mark, { value: outcome });
}

/** The outcome of the deferred upstream whose data a promise is of; null for any other promise. */
export function outcomeOf(promise: PromiseLike<unknown>): Outcome | null {
  return (promise as { [mark]?: Outcome })[mark] ?? null;
}

/** Notes which of the outcomes of a request are fragments. */
export function noteFragments(outcomes: object, names: readonly string[]): void {
  Object.defineProperty(outcomes, fragmentsMark, { value: [...fragmentsOf(outcomes), ...names], configurable: true });
}

/** The names of those outcomes of a request that are fragments. */
export function fragmentsOf(outcomes: object): readonly string[] {
  return (outcomes as { [fragmentsMark]?: readonly string[] })[fragmentsMark] ?? [];
}
