// What is kept of a run: no bodies, no headers, and nothing that messages and outcomes do not show.
import type { AttemptMessage } from '../channels.js';
import type { PageGraph } from '../graph-types.js';
import type { Outcome } from '../outcome.js';

/** An outcome without its data, its error's stack and the answer's head. */
export type CallRecord = Outcome<null> & {
  /** What went wrong, in words. */
  readonly message: string | null;
  /** Of the answer. */
  readonly httpStatus: number | null;
  readonly url: string | null;
};

export type AttemptRecord = Pick<
  AttemptMessage,
  'kind' | 'shared' | 'upstream' | 'method' | 'url' | 'reused' | 'status'
> & {
  /** Milliseconds since the run began. */
  readonly began: number;
  readonly firstByte: number | null;
  readonly ended: number;
  readonly code: string | null;
};

export interface RunRecord {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  /** As the client asked for it, without the values of its query; null without a request. */
  readonly path: string | null;
  /** Of its route, such as `/cities/:slug`. */
  readonly route: string | null;
  readonly graph: PageGraph;
  /** Milliseconds that the page waited. */
  readonly total: number;
  /** The code of what the page failed with; null where it was shown. */
  readonly failed: string | null;
  readonly canceled: boolean;
  /** By name. Deferred ones are pending until they end. */
  readonly calls: Map<string, CallRecord>;
  readonly attempts: AttemptRecord[];
}

export function recordOf(outcome: Outcome): CallRecord {
  const { name, status, error, source, cache, attempts, timings, items, response } = outcome;
  return {
    name,
    status,
    data: null,
    error,
    source,
    cache,
    response: null,
    attempts,
    timings,
    ...(items !== undefined && { items: items.map(recordOf) }),
    message: error === null ? null : error.message,
    httpStatus: response?.status ?? error?.upstreamStatus ?? null,
    url: response?.url ?? error?.url ?? null,
  };
}

/** When the last of it ended: of what was filled in later, too. */
export function endOf({ total, calls }: RunRecord): number {
  return Math.max(total, ...[...calls.values()].map(({ timings }) => timings.ended ?? 0));
}
