import { graphsOf } from '../notes.js';
import type { Outcome } from '../outcome.js';
import { type Advice, adviceOn, round } from './advice.js';
import { endOf, type RecordedCall, type RecordedRun, recordedRun } from './recorded.js';

/** Where the time of a page went, and what would have made it faster. Times are milliseconds. */
export interface Explanation {
  /** What the page waited. */
  total: number;
  /** Those that each waited for the one before; the last one ended last. */
  criticalPath: string[];
  /** For how much longer each could have gone on without holding up the page. Deferred upstreams have none. */
  slack: Record<string, number>;
  /** At most five, most saving first. */
  advice: Advice[];
}

/**
 * Explains a run: of what the page waited for, and what would have made it faster. The advice is exact in so far as the run's own
 * durations are replayed, with one thing changed.
 *
 * @param outcomes `res.locals.mashup`, or the outcomes of `page.run()`
 * @throws {TypeError} if it is something else
 * @example console.table(explain(res.locals.mashup).advice);
 */
export function explain(outcomes: Readonly<Record<string, Outcome>>): Explanation {
  const graphs = typeof outcomes === 'object' && outcomes !== null ? graphsOf(outcomes) : [];
  const runs = graphs.flatMap((graph) => recordedRun(graph, outcomes) ?? []);
  if (runs.length === 0) {
    throw new TypeError('explain: expected res.locals.mashup, or the outcomes of page.run(), and not a copy of them');
  }
  // Of several pages on one request, each began when the one before had ended.
  return {
    total: round(runs.reduce((sum, { total }) => sum + total, 0)),
    criticalPath: runs.flatMap(criticalPathOf),
    slack: Object.assign({}, ...runs.map(slackOf)),
    advice: runs
      .flatMap(adviceOn)
      .sort((a, b) => b.saves - a.saves)
      .slice(0, 5),
  };
}

function lastOf(calls: readonly RecordedCall[]): RecordedCall | undefined {
  return calls.reduce<RecordedCall | undefined>(
    (last, call) => (last === undefined || endOf(call.outcome) > endOf(last.outcome) ? call : last),
    undefined,
  );
}

function criticalPathOf({ calls }: RecordedRun): string[] {
  const path: string[] = [];
  let call = lastOf(calls.filter(({ node }) => !node.deferred));
  while (call !== undefined) {
    const { waitsFor, name } = call.node;
    path.unshift(name);
    call = lastOf(calls.filter(({ node }) => waitsFor.includes(node.name)));
  }
  return path;
}

/** By the critical path method: backwards from the end of the page. */
function slackOf({ calls, total }: RecordedRun): Record<string, number> {
  const slack: Record<string, number> = {};
  const latest = new Map<string, number>();
  const blocking = calls.filter(({ node }) => !node.deferred);
  const latestOf = (call: RecordedCall): number => {
    const { name } = call.node;
    const known = latest.get(name);
    if (known !== undefined) return known;
    let time = total;
    for (const other of blocking) {
      if (!other.node.waitsFor.includes(name)) continue;
      const takes = endOf(other.outcome) - other.outcome.timings.ready + other.before;
      time = Math.min(time, latestOf(other) - takes);
    }
    latest.set(name, time);
    return time;
  };
  for (const call of blocking) slack[call.node.name] = round(Math.max(0, latestOf(call) - endOf(call.outcome)));
  return slack;
}
