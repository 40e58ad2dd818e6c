// A run as it was recorded, as far as it can be replayed with one thing changed.
import type { GraphNode, PageGraph } from '../graph-types.js';
import type { Outcome } from '../outcome.js';

/** One request of a call, or the whole of a call that sent none. */
export interface Piece {
  /** Milliseconds from when it could be sent to when it was, where it did not wait for a slot of its run. */
  readonly before: number;
  /** From when it was sent to its end; endless where it was cut off. */
  readonly takes: number;
  /** Whether it had a slot of its run for that time. */
  readonly hasSlot: boolean;
}

/** A call, as what it is made of. */
export interface RecordedCall {
  readonly node: GraphNode;
  readonly outcome: Outcome;
  /** Milliseconds from the end of the last that it waited for to its start, and from the end of its last piece to its own. */
  readonly before: number;
  readonly after: number;
  readonly pieces: readonly Piece[];
}

export interface RecordedRun {
  readonly graph: PageGraph;
  /** In the order written. */
  readonly calls: readonly RecordedCall[];
  /** When the page had all that it waited for. */
  readonly total: number;
}

/** A run, from the outcomes of its page; null where some of them are missing. */
export function recordedRun(graph: PageGraph, outcomes: Readonly<Record<string, Outcome>>): RecordedRun | null {
  const calls: RecordedCall[] = [];
  for (const node of graph.upstreams) {
    const outcome = outcomes[node.name];
    if (outcome === undefined) return null;
    const waited = node.waitsFor.map((name) => (outcomes[name] === undefined ? 0 : endOf(outcomes[name])));
    calls.push(recordedCall(node, outcome, Math.max(0, ...waited), graph.crowded));
  }
  const blocking = calls.filter(({ node }) => !node.deferred).map(({ outcome }) => endOf(outcome));
  return { graph, calls, total: Math.max(0, ...blocking) };
}

/** When a call ended; one that has not, counts from when it could start. */
export function endOf({ timings }: Outcome): number {
  return timings.ended ?? timings.ready;
}

function recordedCall(node: GraphNode, outcome: Outcome, waitedUntil: number, crowded: boolean): RecordedCall {
  const { ready } = outcome.timings;
  const parts = outcome.items?.length ? outcome.items : [outcome];
  const pieces = parts.map((part) => pieceOf(part, crowded));
  const lastEnd = Math.max(...parts.map(endOf));
  // One that was given up before it could start, did so at its end.
  return {
    node,
    outcome,
    before: Math.max(0, ready - waitedUntil),
    after: Math.max(0, endOf(outcome) - lastEnd),
    pieces,
  };
}

/** Whether it was given up because its time, or the page's, was over. */
function wasCut({ error }: Outcome): boolean {
  return error?.code === 'ERR_UPSTREAM_DEADLINE' || error?.code === 'ERR_UPSTREAM_TIMEOUT';
}

function pieceOf(part: Outcome, crowded: boolean): Piece {
  const { ready, started } = part.timings;
  const end = endOf(part);
  if (started === null) return { before: 0, takes: end - ready, hasSlot: false };
  // It would have gone on: for how long is not known.
  if (wasCut(part)) return { before: crowded ? 0 : started - ready, takes: Number.POSITIVE_INFINITY, hasSlot: true };
  // Where a page cannot be crowded, nothing waits for a slot: what passed before was the page's own functions, or the origin's line.
  return { before: crowded ? 0 : started - ready, takes: end - started, hasSlot: true };
}
