// What the outcome of a call may be, by what its upstream was configured with.
import { isUpstreamError, type Outcome, type UpstreamErrorCode } from '../../src/index.js';
import { type Entry, type Hook, isCached } from './inputs.js';
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
  ERR_UPSTREAM_DEADLINE: ({ outcome, entry, visit, world }) => endOf(outcome, visit) === world.due(visit.endOf(entry)),
  ERR_UPSTREAM_TIMEOUT: ({ entry }) => entry.timeout !== null || entry.attemptTimeout !== null,
  // Its client left when it had the page, or somebody else has failed, or the instance was closed.
  ERR_UPSTREAM_CANCELED: ({ entry, visit }) =>
    (entry.defer && visit.hasLeft) || visit.ends[0]?.error !== undefined || visit.isCut,
  ERR_UPSTREAM_CIRCUIT_OPEN: ({ entry }) => entry.breaker,
  ERR_UPSTREAM_OVERLOAD: ({ world: { input } }) => input.limits.perOrigin <= 4,
  ERR_UPSTREAM_QUOTA: ({ entry }) => entry.quota !== null,
  ERR_UPSTREAM_HOOK: ({ entry: { when, url, headers, schema, validateStatus, fallback } }) =>
    [when, url, headers, schema, validateStatus, fallback].some((hook) => throwing.includes(hook)),
  ERR_UPSTREAM_DEPENDENCY: ({ entry }) => entry.reads && entry.waitsFor.length > 0,
  ERR_UPSTREAM_URL: ({ entry }) => entry.reads && entry.waitsFor.length > 0,
  ERR_UPSTREAM_GRAPHQL: ({ entry }) => entry.schema === 'finds a part',
  ERR_UPSTREAM_SCHEMA: () => false,
  ERR_UPSTREAM_ITEMS: () => false,
};

export function expectOutcome(outcome: Outcome, entry: Entry, visit: Visit, world: World): void {
  const { status, data, error, attempts, source, items } = outcome;
  const expectSo = (isSo: boolean, what: string) => {
    world.expect(isSo, `${what}: ${visit.name} ${JSON.stringify({ ...outcome, items: undefined })}`);
  };
  expectSo(['success', 'partial', 'fallback', 'error', 'skipped'].includes(status), 'it has ended');
  const isStale = source === 'stale' && items === undefined;
  const isWell = (status === 'success' && !(isStale && error !== null)) || status === 'skipped';
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
  if (items === undefined) {
    expectSo(attempts > 0 || source !== 'network', 'what it has came of its attempts');
    const isPart = status === 'partial';
    expectSo(
      isPart
        ? error?.code === 'ERR_UPSTREAM_GRAPHQL'
        : status !== 'success' || entry.schema !== 'finds a part' || error !== null,
      'it is partial where a part was found',
    );
    expectSo(!isPart || source !== 'network' || outcome.cache?.stored !== true, 'a part is not stored');
    expectSo(isCached(entry) === (outcome.cache !== null) || attempts === 0, 'the cache says what it did');
    if (source === 'cache' || source === 'stale') expectStored(outcome, entry, visit, world, expectSo);
    return;
  }
  expectSo(attempts === items.reduce((sum, item) => sum + item.attempts, 0), 'its attempts are those of its items');
  if (status === 'success' || status === 'partial') {
    const isOfItems = items.every((item, at) => item.data === (data as unknown[])[at]);
    expectSo(isOfItems && items.length === (data as unknown[]).length, 'its data is that of its items');
  }
  for (const item of items) expectOutcome(item, entry, visit, world);
}

/** What was stored is used for no longer than its page, and those that share it, want; and not after it was purged. */
function expectStored(
  { source, attempts, error, cache, timings, data }: Outcome,
  entry: Entry,
  visit: Visit,
  { input, connections, marked }: World,
  expectSo: (isSo: boolean, what: string) => void,
): void {
  if (source === 'cache') expectSo(attempts === 0, 'a hit sends nothing');
  const { age, why } = cache ?? { age: null, why: null };
  if (age === null) return expectSo(false, 'what was stored has an age');
  const kept = input.pages.flatMap(({ entries }) => entries.filter(isCached)).map((one) => one.cache as Kept);
  const most = (option: 'swr' | 'staleIfError') => Math.max(...kept.map((one) => one[option] ?? 0));
  const ttl = Math.max(...kept.map((one) => one.ttl));
  if (source === 'cache') expectSo(age < ttl, `what is fresh is no older than ${ttl}`);
  else if (why === null) expectSo(age < ttl + most('swr'), 'what is used while it is refreshed is not too old');
  else expectSo(age < ttl + most('staleIfError'), 'what is used instead of a failure is not too old');
  expectSo(entry.cache?.softTimeout != null || why !== 'soft-timeout', 'a soft timeout was wanted');
  expectSo(error === null || source === 'stale', 'only a stale copy has an error');
  const { path } = data as { path: string };
  const [from, to] = [visit.began + timings.ready, endOf({ timings } as Outcome, visit)];
  const stored = connections.sent.filter(
    ({ status, endedAt, ...one }) =>
      status !== null && one.path === path && endedAt !== null && endedAt + age >= from && endedAt + age <= to,
  );
  expectSo(stored.length > 0, 'it has the age of an answer that came');
  const purged = marked.filter(({ how, what, at }) => how === 'purge' && what === 'all' && at < from);
  const isAllowed = stored.some(({ sentAt }) => purged.every(({ at }) => sentAt >= at));
  expectSo(isAllowed, 'what was asked for before a purge is not used after it');
}

interface Kept {
  readonly ttl: number;
  readonly swr: number | null;
  readonly staleIfError: number | null;
}

/** By the clock. */
function endOf({ timings }: Outcome, { began }: Visit): number {
  return began + (timings.ended ?? Number.NaN);
}

const slow: readonly (Hook | 'value' | null)[] = ['resolves', 'rejects', 'hangs'];

/** By when it is to have ended. What its fallback takes comes on top of a call's. */
function latestEnd({ timings, status }: Outcome, entry: Entry, visit: Visit): number {
  const { timeout, fallback } = entry;
  const { began } = visit;
  const endsAt = visit.endOf(entry);
  const isSlow = status !== 'success' && slow.includes(fallback);
  return timeout === null || isSlow ? endsAt : Math.min(endsAt, began + timings.ready + timeout);
}
