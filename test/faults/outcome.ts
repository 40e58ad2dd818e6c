// What the outcome of a call may be, by what its upstream was configured with.
import { isUpstreamError, type Outcome, type UpstreamErrorCode } from '../../src/index.js';
import type { Entry, Hook } from './inputs.js';
import type { Visit } from './visit.js';
import type { World } from './world.js';

interface Case {
  readonly outcome: Outcome;
  readonly entry: Entry;
  readonly visit: Visit;
  readonly world: World;
}

const throwing: readonly unknown[] = ['throws', 'rejects'];

/** When a call may fail with a code. The others say what an upstream did, and any of them may have done it. */
const reasons: Partial<Record<UpstreamErrorCode, (of: Case) => boolean>> = {
  ERR_UPSTREAM_DEADLINE: ({ outcome, visit, world }) => endOf(outcome, visit) === world.due(visit.endsAt),
  ERR_UPSTREAM_TIMEOUT: ({ entry }) => entry.timeout !== null || entry.attemptTimeout !== null,
  // Its client has not left, so somebody else has failed, or the instance was closed.
  ERR_UPSTREAM_CANCELED: ({ visit }) => visit.ends[0]?.error !== undefined || visit.isCut,
  ERR_UPSTREAM_CIRCUIT_OPEN: ({ entry }) => entry.breaker,
  ERR_UPSTREAM_OVERLOAD: ({ world: { input } }) => input.limits.perOrigin <= 4,
  ERR_UPSTREAM_QUOTA: ({ entry }) => entry.quota !== null,
  ERR_UPSTREAM_HOOK: ({ entry: { when, url, headers, schema, validateStatus, fallback } }) =>
    [when, url, headers, schema, validateStatus, fallback].some((hook) => throwing.includes(hook)),
  ERR_UPSTREAM_DEPENDENCY: ({ entry }) => entry.reads && entry.waitsFor.length > 0,
  ERR_UPSTREAM_URL: ({ entry }) => entry.reads && entry.waitsFor.length > 0,
  ERR_UPSTREAM_SCHEMA: () => false,
  ERR_UPSTREAM_ITEMS: () => false,
};

export function expectOutcome(outcome: Outcome, entry: Entry, visit: Visit, world: World): void {
  const { status, data, error, attempts, source, items } = outcome;
  const expectSo = (isSo: boolean, what: string) => {
    world.expect(isSo, `${what}: ${visit.name} ${JSON.stringify({ ...outcome, items: undefined })}`);
  };
  expectSo(['success', 'partial', 'fallback', 'error', 'skipped'].includes(status), 'it has ended');
  const isWell = status === 'success' || status === 'skipped';
  expectSo(isWell ? error === null : isUpstreamError(error), 'it has an error where it is not well');
  const reason = error === null ? undefined : reasons[error.code];
  if (reason !== undefined) expectSo(reason({ outcome, entry, visit, world }), 'there is a reason for its error');
  if (status === 'error' || status === 'skipped') expectSo(data === null, 'it has no data');
  const { ready, started, firstByte, ended } = outcome.timings;
  const times = [0, ready, started, firstByte, ended].filter((time) => time !== null);
  expectSo(String(times) === String(times.toSorted((a, b) => a - b)), 'its times are in order');
  expectSo(endOf(outcome, visit) <= world.due(latestEnd(outcome, entry, visit)), 'it ended in time');
  expectSo((started === null) === (attempts === 0), 'it has started if it has sent something');
  const most = (1 + (entry.retry?.attempts ?? 0)) * (entry.hedge === null ? 1 : 2);
  expectSo(attempts <= most * (items?.length ?? 1), `it has sent no more than ${most} times`);
  if (items === undefined) return expectSo(attempts > 0 || source !== 'network', 'what it has came of its attempts');
  expectSo(attempts === items.reduce((sum, item) => sum + item.attempts, 0), 'its attempts are those of its items');
  if (status === 'success' || status === 'partial') {
    const isOfItems = items.every((item, at) => item.data === (data as unknown[])[at]);
    expectSo(isOfItems && items.length === (data as unknown[]).length, 'its data is that of its items');
  }
  for (const item of items) expectOutcome(item, entry, visit, world);
}

/** By the clock. */
function endOf({ timings }: Outcome, { began }: Visit): number {
  return began + (timings.ended ?? Number.NaN);
}

const slow: readonly (Hook | 'value' | null)[] = ['resolves', 'rejects', 'hangs'];

/** By when it is to have ended. What its fallback takes comes on top of a call's. */
function latestEnd({ timings, status }: Outcome, { timeout, fallback }: Entry, { began, endsAt }: Visit): number {
  const isSlow = status !== 'success' && slow.includes(fallback);
  return timeout === null || isSlow ? endsAt : Math.min(endsAt, began + timings.ready + timeout);
}
