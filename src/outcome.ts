import type { CacheRecord } from './cache-types.js';
import type { UpstreamError } from './errors.js';

/** What became of a call. */
export type OutcomeStatus = 'success' | 'partial' | 'fallback' | 'error' | 'skipped' | 'pending';

/** Where the data came from. */
export type OutcomeSource = 'network' | 'cache' | 'stale' | 'shared';

/** Milliseconds since the run began; null where it did not come to that. */
export interface Timings {
  /** When the call could start. */
  ready: number;
  /** When its first attempt was sent. */
  started: number | null;
  /** When the first byte of the answer's head came. */
  firstByte: number | null;
  /** When the call ended, decoding included. */
  ended: number | null;
}

/** The head of an upstream's answer. */
export interface UpstreamResponse {
  status: number;
  headers: Record<string, string | string[]>;
  /** The URL that answered, after redirects, without query values. */
  url: string;
}

/** The record of one call: `res.locals.mashup[name]`. It is safe to show: it holds nothing that was sent. */
export interface Outcome<T = unknown> {
  name: string;
  status: OutcomeStatus;
  data: T | null;
  error: UpstreamError | null;
  source: OutcomeSource | null;
  /** What the cache did; null where the upstream has none, and for the whole of a fan-out, whose items have their own. */
  cache: CacheRecord | null;
  response: UpstreamResponse | null;
  /** How many HTTP requests were sent, redirects not counted. */
  attempts: number;
  timings: Timings;
  /** The outcome of each item, where `each` is used. */
  items?: Outcome[];
}

/** Of a call that has not ended. */
export function pendingOutcome(name: string): Outcome {
  return {
    name,
    status: 'pending',
    data: null,
    error: null,
    source: null,
    cache: null,
    response: null,
    attempts: 0,
    timings: { ready: 0, started: null, firstByte: null, ended: null },
  };
}
