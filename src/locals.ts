import { ConfigError } from './errors.js';
import type { PageGraph } from './graph-types.js';
import { graphsOf, noteGraph } from './notes.js';
import type { Outcome } from './outcome.js';

// Symbols of the global registry: pages of two copies of the package may attach to one request.
const outcomesMark = Symbol.for('express-mashup.Outcomes');
const dataMark = Symbol.for('express-mashup.Data');

/** What `res.locals.mashup` is: the outcomes of every mashup on the request, by name. */
class Outcomes {
  [name: string]: Outcome;
}

Object.defineProperty(Outcomes.prototype, outcomesMark, { value: true });

export type OutcomesOfPage = new () => object;

/** What the outcomes of a page's runs are made by: it is noted of all of them which page it was, at no cost for each. */
export function outcomesOf(graph: PageGraph): OutcomesOfPage {
  const { Outcomes: OfPage } = { Outcomes: class extends Outcomes {} };
  noteGraph(OfPage.prototype, graph);
  return OfPage;
}

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
export function findCollision(locals: Locals, { names, graph }: PageOf, into: string | null): ConfigError | null {
  const isFirst = !('mashup' in locals);
  if (!isFirst && !hasMark(locals['mashup'], outcomesMark)) {
    return collision('mashup', 'res.locals.mashup is where the outcomes go, and is set already: rename what sets it');
  }
  // Another mashup's own `into` is added to; anything else is somebody else's.
  if (into !== null && into in locals && !hasMark(locals[into], dataMark)) {
    return collision(into, `res.locals.${into} is set already, and is not overwritten: give into another name`);
  }
  for (const name of names) {
    if (!isFirst && Object.hasOwn(locals['mashup'] as Outcomes, name))
      return twice(name, graph, locals['mashup'] as Outcomes);
    if (into === null && name in locals) {
      const fix = 'rename the upstream, or use into';
      return collision(name, `res.locals.${name} is set already, and is not overwritten: ${fix}`);
    }
  }
  return null;
}

/** What a page is known by. */
interface PageOf {
  readonly names: readonly string[];
  readonly graph: PageGraph;
}

function twice(name: string, graph: PageGraph, outcomes: Outcomes): ConfigError {
  if (graphsOf(outcomes).includes(graph)) {
    return collision(name, 'this page has run on this request already: it is mounted twice on its path');
  }
  return collision(name, `two mashups on this request both have an upstream called '${name}': rename one of them`);
}

function collision(path: string, message: string): ConfigError {
  return new ConfigError([{ path, message }]);
}

/**
 * Attaches the data and the outcomes of a page.
 * @param promised the promises of what is deferred, by name
 * @throws {ConfigError} if something is in their place
 */
export function attach(
  locals: Locals,
  page: PageOf,
  outcomes: readonly Outcome[],
  promised: ReadonlyMap<string, Promise<unknown>>,
  into: string | null,
  OutcomesOfPage: OutcomesOfPage,
): void {
  const problem = findCollision(locals, page, into);
  if (problem !== null) throw problem;
  if (into !== null) locals[into] ??= new Data();
  const target = into === null ? locals : (locals[into] as Data);
  if (locals['mashup'] === undefined) locals['mashup'] = new OutcomesOfPage();
  else noteGraph(locals['mashup'] as Outcomes, page.graph);
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

/** The most characters of the header: a site broke at 4 kB of headers in all, the buffer of its nginx. */
const MOST_TIMING = 1024;

/**
 * The outcomes as a Server-Timing header (W3C): the whole, and a metric for each upstream with what became of it; where there is not
 * enough room, those that took longest, and how many are left out.
 */
export function serverTiming(outcomes: readonly Outcome[], total: number): string {
  // What is deferred is not part of what the page waited for.
  const waited = outcomes.filter(({ status }) => status !== 'pending');
  const took = ({ timings }: Outcome) => (timings.ended ?? total) - timings.ready;
  const metrics = waited.map((outcome) => ({ took: took(outcome), text: metricOf(outcome, took(outcome)) }));
  const whole = `mashup;dur=${total.toFixed(1)}`;
  const all = [whole, ...metrics.map(({ text }) => text)].join(', ');
  if (all.length <= MOST_TIMING) return all;
  let header = whole;
  let left = metrics.length;
  for (const { text } of metrics.sort((a, b) => b.took - a.took)) {
    const more = `${header}, ${text}`;
    if (more.length + omitted(left - 1).length > MOST_TIMING) break;
    header = more;
    left--;
  }
  return header + omitted(left);
}

function metricOf({ name, status, error, source }: Outcome, took: number): string {
  const metric = `${name};dur=${took.toFixed(1)}`;
  const from = source === null || source === 'network' ? '' : source;
  const what =
    status === 'success' && error === null ? from : [status, error?.code ?? '', from].filter(Boolean).join(' ');
  return what === '' ? metric : `${metric};desc="${what}"`;
}

function omitted(count: number): string {
  return count === 0 ? '' : `, omitted;desc="${count} more"`;
}
