import type { Piece, RecordedCall, RecordedRun } from './recorded.js';

/** What is to be different in a replay. */
export interface Change {
  /** A call without a piece of this time: its data was there at once. */
  readonly cached?: string;
  /** A call that the page does not wait for. */
  readonly deferred?: string;
  /** A call, and one that it does not wait for. */
  readonly apart?: readonly [call: string, from: string];
  readonly concurrency?: number;
  /** A call none of whose pieces takes longer. */
  readonly hedged?: readonly [call: string, most: number];
}

interface Waiting {
  readonly call: RecordedCall;
  readonly piece: Piece;
  readonly since: number;
}

/** When each call ends, by name, and how many requests were in flight at the most. */
export interface Replayed {
  readonly ends: ReadonlyMap<string, number>;
  readonly total: number;
  readonly busiest: number;
}

/** Replays a run: the same durations, dependencies and slots, with something changed. */
export function replay({ graph, calls, total }: RecordedRun, change: Change = {}): Replayed {
  const slots = graph.crowded ? (change.concurrency ?? graph.concurrency) : Number.POSITIVE_INFINITY;
  const ends = new Map<string, number>();
  const left = new Map(calls.map((call) => [call, piecesOf(call, change).length]));
  const started = new Set<RecordedCall>();
  /** When the time of each call is up. */
  const limits = new Map<RecordedCall, number>();
  const line: Waiting[] = [];
  const events: { readonly at: number; readonly happen: (now: number) => void }[] = [];
  let busy = 0;
  let busiest = 0;

  const at = (time: number, happen: (now: number) => void) => void events.push({ at: time, happen });

  const startReady = (now: number) => {
    for (const call of calls) {
      if (started.has(call) || !waitsFor(call, change).every((name) => ends.has(name))) continue;
      started.add(call);
      at(now + call.before, (ready) => begin(call, ready));
    }
  };
  const begin = (call: RecordedCall, ready: number) => {
    const pieces = piecesOf(call, change);
    if (pieces.length === 0) return end(call, ready);
    limits.set(call, ready + (call.node.timeout ?? Number.POSITIVE_INFINITY));
    for (const piece of pieces) {
      if (!piece.hasSlot) at(ready + piece.takes, (now) => endPiece(call, now));
      else at(ready + piece.before, (now) => enter({ call, piece, since: now }, now));
    }
  };
  const enter = (waiting: Waiting, now: number) => {
    line.push(waiting);
    serve(now);
  };
  const serve = (now: number) => {
    line.sort((a, b) => weightOf(b.call) - weightOf(a.call) || a.since - b.since);
    while (busy < slots && line.length > 0) {
      const { call, piece } = line.shift() as Waiting;
      busiest = Math.max(busiest, ++busy);
      // Its own time may be up before, and also while it waited.
      at(Math.max(now, Math.min(now + piece.takes, limits.get(call) as number)), (ended) => {
        busy--;
        endPiece(call, ended);
        serve(ended);
      });
    }
  };
  const endPiece = (call: RecordedCall, now: number) => {
    const open = (left.get(call) ?? 0) - 1;
    left.set(call, open);
    if (open === 0) at(now + call.after, (ended) => end(call, ended));
  };
  const end = (call: RecordedCall, now: number) => {
    ends.set(call.node.name, now);
    startReady(now);
  };

  const weightOf = ({ node }: RecordedCall) => (node.name === change.deferred ? -1 : node.weight);

  startReady(0);
  for (let next = takeFirst(events); next !== null; next = takeFirst(events)) next.happen(next.at);
  const blocking = calls.filter(({ node }) => !node.deferred && node.name !== change.deferred);
  const last = Math.max(0, ...blocking.map(({ node }) => ends.get(node.name) ?? 0));
  // The deadline ends it at the latest, or what ended it before.
  return { ends, total: Math.min(last, Math.max(total, graph.deadline)), busiest };
}

function waitsFor({ node }: RecordedCall, { apart }: Change): readonly string[] {
  return apart?.[0] === node.name ? node.waitsFor.filter((name) => name !== apart[1]) : node.waitsFor;
}

function piecesOf({ node, pieces }: RecordedCall, { cached, hedged }: Change): readonly Piece[] {
  if (cached === node.name) return [];
  if (hedged?.[0] !== node.name) return pieces;
  // What was cut off may be so again.
  return pieces.map((piece) =>
    piece.takes < Infinity ? { ...piece, takes: Math.min(piece.takes, hedged[1]) } : piece,
  );
}

/** The earliest event; of equals, the one that was added first. */
function takeFirst<E extends { readonly at: number }>(events: E[]): E | null {
  let first = 0;
  for (let index = 1; index < events.length; index++) {
    if ((events[index] as E).at < (events[first] as E).at) first = index;
  }
  return events.splice(first, 1)[0] ?? null;
}
