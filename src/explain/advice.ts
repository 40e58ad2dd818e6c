import type { RecordedCall, RecordedRun } from './recorded.js';
import { type Change, replay } from './replay.js';

/** Something that would have made a page faster. */
export interface Advice {
  /** Milliseconds that the run would have been shorter, as it is replayed with the same durations. */
  saves: number;
  /** What to do, in a sentence. */
  do: string;
}

const MOST = 5;
/** Less than that, of the whole or in milliseconds, is not worth a change. */
const LEAST_SHARE = 0.02;
const LEAST_MS = 1;

/** What would have made a run shorter, most saving first. Nothing for a run that was given up: what it would have taken is not known. */
export function adviceOn(run: RecordedRun): Advice[] {
  if (run.calls.some(({ outcome }) => outcome.error?.code === 'ERR_UPSTREAM_CANCELED')) return [];
  const before = replay(run).total;
  return candidates(run)
    .map(({ change, text }) => ({ saves: round(before - replay(run, change).total), do: text }))
    .filter(({ saves }) => saves >= Math.max(LEAST_MS, LEAST_SHARE * run.total))
    .sort((a, b) => b.saves - a.saves)
    .slice(0, MOST);
}

interface Candidate {
  readonly change: Change;
  readonly text: string;
}

function candidates(run: RecordedRun): Candidate[] {
  const blocking = run.calls.filter(({ node }) => !node.deferred);
  return [...blocking.flatMap((call) => ofCall(call, blocking)), ...ofSlots(run)];
}

function ofCall(call: RecordedCall, blocking: readonly RecordedCall[]): Candidate[] {
  const { node, outcome } = call;
  const { name } = node;
  const found: Candidate[] = [];
  const isAwaited = blocking.some((other) => other.node.waitsFor.includes(name));
  if (!node.required && !isAwaited) {
    found.push({
      change: { deferred: name },
      text: `Show the page without '${name}' and fill it in later: defer: true.`,
    });
  }
  if (node.cacheable && !node.cached && outcome.status === 'success' && outcome.source === 'network') {
    found.push({
      change: { cached: name },
      text: `Keep what '${name}' answers: cache: true, or a time for which it is good.`,
    });
  }
  for (const other of node.waitsFor) {
    const how = node.reads.includes(other)
      ? `give it what it reads of '${other}' from the request, if that is possible`
      : `leave '${other}' out of its after`;
    found.push({ change: { apart: [name, other] }, text: `Let '${name}' not wait for '${other}': ${how}.` });
  }
  const hedge = hedgeOf(call);
  if (hedge !== null) {
    const [after, most] = hedge;
    found.push({
      change: { hedged: [name, most] },
      text: `Ask once more where an item of '${name}' is slow: hedge: ${after}.`,
    });
  }
  return found;
}

/** For a fan-out of which few items were slow: after how many milliseconds to ask again, and what they would take then. */
function hedgeOf({ node, pieces }: RecordedCall): readonly [after: number, most: number] | null {
  if (!node.hedgeable || node.hedged || pieces.length < 5) return null;
  const sorted = pieces.map(({ takes }) => takes).sort((a, b) => a - b);
  const usual = sorted[Math.floor(sorted.length / 2)] as number;
  const after = Math.ceil(1.5 * usual);
  const slow = sorted.filter((takes) => takes > after);
  // More than that would be load, and the budget of retries would not allow it.
  return slow.length === 0 || slow.length > pieces.length / 5 ? null : [after, after + usual];
}

function ofSlots(run: RecordedRun): Candidate[] {
  const { crowded, concurrency } = run.graph;
  if (!crowded) return [];
  const { busiest } = replay(run, { concurrency: Number.POSITIVE_INFINITY });
  if (busiest <= concurrency) return [];
  const waited = run.calls.filter(({ outcome }) =>
    (outcome.items ?? [outcome]).some(({ timings }) => waitedForSlot(timings)),
  );
  const names = waited.map(({ node }) => `'${node.name}'`);
  const who = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  return [{ change: { concurrency: busiest }, text: `Let ${who} not wait for a free slot: concurrency: ${busiest}.` }];
}

function waitedForSlot({ ready, started }: { ready: number; started: number | null }): boolean {
  return started !== null && started - ready > 1;
}

/** To a tenth of a millisecond. */
export function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
