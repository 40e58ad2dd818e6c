import { ConfigError } from './errors.js';
import type { Outcome } from './outcome.js';

// Symbols of the global registry: pages of two copies of the package may attach to one request.
const outcomesMark = Symbol.for('express-mashup.Outcomes');
const dataMark = Symbol.for('express-mashup.Data');

/** What `res.locals.mashup` is: the outcomes of every mashup on the request, by name. */
class Outcomes {
  [name: string]: Outcome;
}

Object.defineProperty(Outcomes.prototype, outcomesMark, { value: true });

/** What `res.locals[into]` is: the data of every mashup with that `into`. */
class Data {
  [name: string]: unknown;
}

Object.defineProperty(Data.prototype, dataMark, { value: true });

function hasMark(value: unknown, mark: symbol): boolean {
  return typeof value === 'object' && value !== null && (value as { [mark]?: true })[mark] === true;
}

type Locals = Record<string, unknown>;

/**
 * The error if something is already in the place of a page's data or outcomes, which is never overwritten; null if not.
 */
export function findCollision(locals: Locals, names: readonly string[], into: string | null): ConfigError | null {
  const isFirst = !('mashup' in locals);
  if (!isFirst && !hasMark(locals['mashup'], outcomesMark)) {
    return collision('mashup', 'res.locals.mashup is where the outcomes go, and is set already: rename what sets it');
  }
  // Another mashup's own `into` is added to; anything else is somebody else's.
  if (into !== null && into in locals && !hasMark(locals[into], dataMark)) {
    return collision(into, `res.locals.${into} is set already, and is not overwritten: give into another name`);
  }
  for (const name of names) {
    if (!isFirst && Object.hasOwn(locals['mashup'] as Outcomes, name)) return twice(name);
    if (into === null && name in locals) {
      const fix = 'rename the upstream, or use into';
      return collision(name, `res.locals.${name} is set already, and is not overwritten: ${fix}`);
    }
  }
  return null;
}

function twice(name: string): ConfigError {
  return collision(name, `two mashups on this request both have an upstream called '${name}': rename one of them`);
}

function collision(path: string, message: string): ConfigError {
  return new ConfigError([{ path, message }]);
}

/**
 * Attaches the data and the outcomes of these names.
 * @param promised the promises of what is deferred, by name
 * @throws {ConfigError} if something is in their place
 */
export function attach(
  locals: Locals,
  names: readonly string[],
  outcomes: readonly Outcome[],
  promised: ReadonlyMap<string, Promise<unknown>>,
  into: string | null,
): void {
  const problem = findCollision(locals, names, into);
  if (problem !== null) throw problem;
  if (into !== null) locals[into] ??= new Data();
  const target = into === null ? locals : (locals[into] as Data);
  locals['mashup'] ??= new Outcomes();
  const mashup = locals['mashup'] as Outcomes;
  for (const outcome of outcomes) {
    target[outcome.name] = promised.get(outcome.name) ?? outcome.data;
    mashup[outcome.name] = outcome;
  }
}

/** The data of these outcomes, by name; of what is deferred, a promise of it. */
export function dataOf(
  outcomes: readonly Outcome[],
  promised: ReadonlyMap<string, Promise<unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(outcomes.map(({ name, data }) => [name, promised.get(name) ?? data]));
}

/** The outcomes as a Server-Timing header (W3C): a metric for each upstream, and one for the whole. */
export function serverTiming(outcomes: readonly Outcome[], total: number): string {
  let header = `mashup;dur=${total.toFixed(1)}`;
  for (const { name, status, error, timings } of outcomes) {
    // It is not part of what the page waited for.
    if (status === 'pending') continue;
    const end = timings.ended ?? total;
    header += `, ${name};dur=${(end - timings.ready).toFixed(1)}`;
    if (status !== 'success') header += `;desc="${error === null ? status : `${status} ${error.code}`}"`;
  }
  return header;
}
