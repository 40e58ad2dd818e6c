// What is noted of objects that a page gets, without being seen. Symbols of the global registry: the note may be made by another
// copy of the package than the one that reads it.
import type { PageGraph } from './graph-types.js';
import type { Outcome } from './outcome.js';

const outcomeMark = Symbol.for('express-mashup.outcome');
const graphsMark = Symbol.for('express-mashup.graphs');

/** Notes whose data a promise is of. */
export function noteOutcome(promise: Promise<unknown>, outcome: Outcome): void {
  Object.defineProperty(promise, outcomeMark, { value: outcome });
}

/** The outcome of the deferred upstream whose data a promise is of; null for any other promise. */
export function outcomeOf(promise: PromiseLike<unknown>): Outcome | null {
  return (promise as { [outcomeMark]?: Outcome })[outcomeMark] ?? null;
}

/** Notes that some of these outcomes are of this page. On a prototype, it is noted of all that inherit from it. */
export function noteGraph(outcomes: object, graph: PageGraph): void {
  Object.defineProperty(outcomes, graphsMark, { value: [...graphsOf(outcomes), graph], configurable: true });
}

/** The pages whose outcomes these are, in the order in which they ran. */
export function graphsOf(outcomes: object): readonly PageGraph[] {
  return (outcomes as { [graphsMark]?: readonly PageGraph[] })[graphsMark] ?? [];
}
