import { Failure } from '../errors.js';
import type { UpstreamConfig } from '../plan/plan.js';
import { accepts } from './accepts.js';
import type { Abortable, SendResult, Stage, Task } from './host.js';

export interface RetryOptions {
  /** How many attempts there may be after the first. */
  readonly attempts: number;
  readonly statuses: readonly number[];
  /** Milliseconds: the longest wait before the first extra attempt; it doubles for each further one. */
  readonly backoff: number;
  readonly methods: readonly string[];
}

const LONGEST_BACKOFF = 30_000;

/** Sends again after a failure that may be a passing one, while there is time and the origin's budget allows it. */
export function retryStage(options: RetryOptions): Stage {
  return (next) =>
    async function withRetries(task, request) {
      const { clock, origins } = task.host;
      const { budget } = origins.of(request.origin);
      budget.call(clock.now());
      for (let tried = 0; ; tried++) {
        const result = await next(task, request);
        if (tried === options.attempts || task.over || !isPassing(result, task.plan.config, options)) return result;
        const delay = retryDelay(result, tried, options.backoff, Math.random(), Date.now());
        if (clock.now() + delay >= task.endsAt || !budget.take(clock.now())) return result;
        const aborted = await pause(task, delay);
        if (aborted !== null) return aborted;
        // Timers can be late, and then it is too late for another attempt.
        if (task.over || clock.now() >= task.endsAt) return result;
      }
    };
}

function isPassing(result: SendResult, config: UpstreamConfig, { statuses }: RetryOptions): boolean {
  if (!(result instanceof Failure)) {
    // A status that the page takes for a success is none to try again after.
    const isTaken = accepts(config, result) === true && !('data' in result && result.data instanceof Failure);
    return statuses.includes(result.status) && !isTaken;
  }
  return (
    result.code === 'ERR_UPSTREAM_CONNECT' ||
    result.code === 'ERR_UPSTREAM_NETWORK' ||
    // Of the attempt: when the call's own time is up, the call is over.
    result.code === 'ERR_UPSTREAM_TIMEOUT'
  );
}

/**
 * Milliseconds to wait: what Retry-After says (RFC 9110, section 10.2.3), or else full jitter over an exponential back-off.
 *
 * @param tried how many attempts there were before this one
 * @param random from 0 to 1
 * @param date milliseconds of the wall clock, for a Retry-After that is a date
 */
export function retryDelay(result: SendResult, tried: number, backoff: number, random: number, date: number): number {
  const asked = result instanceof Failure ? null : retryAfter(result.headers['retry-after'], date);
  return asked ?? random * Math.min(LONGEST_BACKOFF, backoff * 2 ** tried);
}

/** An HTTP date begins with the day of the week, in each of its three forms (RFC 9110, section 5.6.7). */
const httpDate = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i;

function retryAfter(header: string | string[] | undefined, date: number): number | null {
  if (typeof header !== 'string') return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  // Date.parse takes nearly everything that has a digit in it for some date.
  if (!httpDate.test(header)) return null;
  const at = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, at - date);
}

/** Waits; resolves to null, or at once to why the task was ended meanwhile. */
function pause(task: Task, ms: number): Promise<Failure | null> {
  return new Promise((resolve) => {
    const { clock } = task.host;
    const wait: Abortable = {
      firstByte: null,
      abort(failure) {
        clock.clear(timer);
        resolve(failure);
      },
    };
    const timer = clock.set(resolve, ms, null);
    task.underway = wait;
  });
}
