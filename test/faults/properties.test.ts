import fc from 'fast-check';
import { isUpstreamError, type Outcome } from '../../src/index.js';
import { isSoak } from '../support/soak.js';
import { type Entry, hosts, input, isCached, originOf, pathOf } from './inputs.js';
import { expectOutcome } from './outcome.js';
import { watchRejections } from './rejections.js';
import type { Visit } from './visit.js';
import { World } from './world.js';

const runs = isSoak ? 20_000 : 500;
const rejections = watchRejections();

test(`whatever upstreams, hooks and clients do, every run ends as it should (${runs} times)`, async () => {
  const property = fc.asyncProperty(input, async (given) => {
    const world = new World(given);
    await world.play();
    if (world.faults.length === 0) {
      for (const visit of world.visits) expectEnd(visit, world);
      expectOwnAnswers(world);
      expectAttempts(world);
      expectNothingLost(world);
      world.heard?.check(world.visits, (isSo, what) => world.expect(isSo, what));
    }
    expect(world.faults).toEqual([]);
  });
  await fc.assert(property, { numRuns: runs });
  expect(await rejections.seen()).toEqual([]);
}, 1_800_000);

/** It ended once, by its deadline, with what it has; or not at all, for its client had left. */
function expectEnd(visit: Visit, world: World): void {
  const { name, ends, endsAt, outcomes, entries, data, hasLeft } = visit;
  const isRightly = ends.length === 1 || (ends.length === 0 && hasLeft);
  world.expect(isRightly, `${name} has ended once, and not at all if its client left before`);
  const [end] = ends;
  if (end === undefined) return;
  world.expect(end.at <= world.due(endsAt), `${name} ended by its deadline`);
  if (outcomes === null) {
    world.expect(isUpstreamError(end.error) && entries.some(isRequired), `${name} failed for a required upstream`);
    return;
  }
  const names = entries.map((_, index) => `u${index}`);
  world.expect(String(Object.keys(outcomes)) === String(names), `${name} has outcomes in the order written`);
  const lacking = entries.flatMap((entry, index) => {
    const { status, error } = outcomes[`u${index}`] as Outcome;
    return isRequired(entry) && status === 'error' ? [error] : [];
  });
  const isRight = lacking.length === 0 ? end.error === undefined : lacking.some((error) => error === end.error);
  world.expect(isRight, `next is given the error of a required upstream of ${name}, if one failed`);
  for (const [index, entry] of entries.entries()) {
    const outcome = outcomes[`u${index}`] as Outcome;
    expectOutcome(outcome, entry, visit, world);
    const own = entry.defer ? visit.lateData[outcome.name] : data[outcome.name];
    world.expect(own === outcome.data, `the data of ${name} is that of its outcomes`);
  }
  const isSame = visit.whatEnded === visit.atEnd;
  world.expect(isSame, `what came after the end of ${name} changed nothing`);
}

function isRequired({ required, fallback, defer }: Entry): boolean {
  return required && fallback === null && !defer;
}

/** An outcome of one request, or of requests that are one for who sees them. */
interface Single {
  readonly outcome: Outcome;
  readonly entry: Entry;
  readonly visit: Visit;
  /** What its path has to be. */
  readonly path: string;
}

/** The outcomes of all runs, those of items in place of the whole. */
function singles({ visits }: World): Single[] {
  return visits.flatMap((visit) =>
    visit.entries.flatMap((entry, index) => {
      const outcome = visit.outcomes?.[`u${index}`];
      const path = pathOf(visit.page, index, entry, visit.name);
      if (outcome === undefined) return [];
      if (outcome.items === undefined) return entry.items === null ? [{ outcome, entry, visit, path }] : [];
      return outcome.items.map((item, at) => {
        return { outcome: item, entry, visit, path: path.replace('{item}', `item${entry.items?.[at]}`) };
      });
    }),
  );
}

/** Data is of the upstream that was asked; it is shared only where that was wanted; and cookies are not shared at all. */
function expectOwnAnswers(world: World): void {
  const cookies = new Set<string>();
  const objects = new Set<unknown>();
  const bySerial = new Map<number, Single>();
  for (const single of singles(world)) {
    const { outcome, entry, path, visit } = single;
    const what = `${visit.name} ${path}`;
    const cookie = outcome.response?.headers['set-cookie'];
    if (cookie !== undefined) {
      const isLeaders = outcome.attempts > 0 && outcome.source !== 'shared' && !cookies.has(String(cookie));
      world.expect(isLeaders, `a cookie is shown to none but the one who asked for it: ${what}`);
      cookies.add(String(cookie));
    }
    if (outcome.status !== 'success') continue;
    const data = outcome.data as { path: string; serial: number };
    const sent = world.connections.sent[data.serial];
    const isOwn =
      sent?.origin === originOf(entry) &&
      sent.path === data.path &&
      data.path.split('?')[0]?.replace(/;*$/, '') === path;
    const { firstByte } = outcome.timings;
    const head = outcome.source === 'shared' || sent?.headAt == null ? null : sent.headAt - visit.began;
    const isStored = wasStored(single);
    world.expect(
      isStored || firstByte === head,
      `the first byte is that of the answer that counts (${firstByte}, ${head}): ${what}`,
    );
    world.expect(isOwn, `data is of the upstream that was asked: ${what} ${JSON.stringify(data)}`);
    const isShared = isCached(entry) && Object.isFrozen(data);
    world.expect(isShared || !objects.has(data), `data is its page's own, to write into, or frozen: ${what}`);
    objects.add(data);
    const other = bySerial.get(data.serial);
    bySerial.set(data.serial, single);
    if (other === undefined) continue;
    const isKnown = isStored || outcome.source === 'shared' || wasStored(other) || other.outcome.source === 'shared';
    world.expect(isKnown, `of those who have one answer all but one have it shared: ${what}`);
    const mayShare =
      other.visit === visit || (other.entry.coalesce && entry.coalesce) || (isCached(other.entry) && isCached(entry));
    world.expect(mayShare, `runs share an answer only where both want it: ${what} ${other.visit.name}`);
  }
}

/** Whether its data was there before. */
function wasStored({ outcome: { source, cache } }: Single): boolean {
  return source === 'cache' || source === 'stale' || cache?.status === 'revalidated';
}

/** No more is said to have been sent than was, and no less where nothing can be shared. */
function expectAttempts(world: World): void {
  const sent = world.watch.turns.filter(({ sentAt }) => sentAt !== null);
  const all = singles(world);
  const said = all.reduce((sum, { outcome }) => sum + outcome.attempts, 0);
  world.expect(said <= sent.length, `no more attempts are counted (${said}) than were sent (${sent.length})`);
  for (const { outcome, path, entry, visit } of all) {
    if (entry.same !== null || new Set(entry.items).size !== (entry.items ?? []).length) continue;
    const own = sent.filter((turn) => turn.path.split('?')[0] === path).length;
    world.expect(outcome.attempts === own, `as many attempts are counted as were sent: ${visit.name} ${path}`);
    const { firstByte } = outcome.timings;
    const head = lastHead(world, path);
    const isRight = entry.hedge !== null || firstByte === null || visit.began + firstByte === head;
    world.expect(isRight, `the first byte (${firstByte}) is one of the last attempt: ${visit.name} ${path}`);
  }
}

/** By the clock, when the last head came that the last attempt for a path met. */
function lastHead({ connections }: World, path: string): number | null {
  const own = connections.sent.filter((one) => one.path.split('?')[0]?.replace(/;*$/, '') === path);
  const last = own.slice(own.findLastIndex(({ follows }) => !follows));
  return last.findLast(({ headAt }) => headAt !== null)?.headAt ?? null;
}

/** No timer, connection, place or slot is left, and all of them can be used again. */
function expectNothingLost(world: World): void {
  const { clock, connections, mashup, instance, input } = world;
  world.expect(clock.pending === 0, 'no timer is left');
  world.expect(connections.inUse === 0, 'no connection is in use');
  world.expect(world.isClosed !== false, 'the instance is closed when nothing is under way any more');
  const stats = mashup.stats().origins;
  for (const origin of hosts) {
    const { inFlight = 0, queued = 0 } = stats[origin] ?? {};
    world.expect(inFlight === 0 && queued === 0, `nothing is in flight to ${origin}, and nobody waits for it`);
    const known = instance.origins.of(origin);
    let places = 0;
    while (known.tryEnter()) places++;
    world.expect(places === input.limits.perOrigin, `${origin} has all of its places (${places})`);
  }
}
