import { type Explanation, explain } from '../explain/explain.js';
import { noteGraph } from '../notes.js';
import type { CallRecord, RunRecord } from './record.js';

/** '12 ms', '1.25 s'. */
export function ms(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2).replace(/\.?0+$/, '')} s`;
  return `${milliseconds >= 10 || Number.isInteger(milliseconds) ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

/** What became of a page, in a word. */
export function fateOf({ failed, canceled, calls }: RunRecord): 'shown' | 'incomplete' | 'failed' | 'left' {
  if (failed !== null) return 'failed';
  if (canceled) return 'left';
  const isWhole = [...calls.values()].every(({ status, error }) => error === null && status !== 'fallback');
  return isWhole ? 'shown' : 'incomplete';
}

export function titleOf({ method, path, route }: RunRecord): string {
  return `${method} ${path ?? route ?? 'page.run()'}`;
}

/** Where data came from and why, in a sentence; '' for the usual. */
export function sourceOf({ source, cache, items }: CallRecord): string {
  if (items !== undefined) return `${items.length} requests, one for each item.`;
  const age = cache?.age == null ? '' : `, ${ms(cache.age)} old`;
  const why = cache?.why == null ? '' : `: ${cache.why}`;
  switch (source) {
    case 'cache':
      return `From the cache${age}.`;
    case 'stale':
      return `A stale copy${age}${why}.`;
    case 'shared':
      return 'Shared with an equal request.';
    default:
      if (cache === null) return '';
      return cache.stored ? `Fetched, and kept${why}.` : `Fetched, and not kept${why}.`;
  }
}

const explanations = new WeakMap<RunRecord, { readonly pending: number; readonly explanation: Explanation }>();

export function explanationOf(run: RunRecord): Explanation {
  const pending = [...run.calls.values()].filter(({ status }) => status === 'pending').length;
  const known = explanations.get(run);
  if (known !== undefined && known.pending === pending) return known.explanation;
  const explanation = explained(run);
  explanations.set(run, { pending, explanation });
  return explanation;
}

function explained({ graph, calls }: RunRecord): Explanation {
  const outcomes = Object.fromEntries(calls);
  noteGraph(outcomes, graph);
  return explain(outcomes);
}
