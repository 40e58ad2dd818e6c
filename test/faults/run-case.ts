import { createMashup, type UpstreamMap } from '../../src/index.js';
import { until } from '../support/deferred.js';
import { openPage } from '../support/site.js';
import { healthy, RawUpstream } from './raw-upstream.js';
import { type PageReport, reportOf } from './report.js';
import { deadline, type FaultCase } from './upstreams.js';

/** What came of a case. */
export interface CaseResult {
  readonly first: PageReport;
  /** The next page from the same upstream, which is healthy by now; null where nobody listens. */
  readonly second: PageReport | null;
  /** How often the handlers ran. */
  readonly handled: readonly (readonly [string, number])[];
  /** Milliseconds after which the upstream's connections were gone; null: not within a second, or they may be kept. */
  readonly socketsGone: number | null;
  /** The same once the instance was closed. */
  readonly socketsGoneAfterClose: number | null;
}

/**
 * Runs one case through a page, alone or between two healthy siblings. If a busy machine makes the siblings miss the short
 * deadline, it is run once more with a longer one.
 */
export async function runCase(fault: FaultCase, siblings: RawUpstream | null): Promise<CaseResult> {
  const deadlineMs = deadlineOf(fault);
  const result = await runOnce(fault, siblings, deadlineMs);
  const late = Object.values(result.first.data).filter((data) => data === null).length > 1;
  return late ? runOnce(fault, siblings, deadlineMs * 10) : result;
}

async function runOnce(fault: FaultCase, siblings: RawUpstream | null, deadlineMs: number): Promise<CaseResult> {
  const upstream = await RawUpstream.start();
  if (fault.refused) await upstream.refuse();
  const url = fault.refused ? 'http://127.0.0.1:9/{params.id}' : `${upstream.origin}/{params.id}`;
  const faulty = { ...fault.options, url };
  const upstreams: UpstreamMap =
    siblings === null
      ? { faulty }
      : { left: `${siblings.origin}/left/{params.id}`, faulty, right: `${siblings.origin}/right/{params.id}` };
  const mashup = createMashup();
  const page = await openPage(upstreams, { mashup, options: { deadline: deadlineMs } });
  const again = await openPage(upstreams, { mashup, options: { deadline: 30_000 } });
  try {
    if (fault.kept) await again({ path: '/0' });
    upstream.behaviour = fault;
    const first = reportOf(await page({ path: '/1' }));
    const socketsGone = keepsConnection(fault) ? null : await until(() => upstream.sockets.size === 0, 30_000);
    upstream.behaviour = healthy;
    const second = fault.refused ? null : reportOf(await again({ path: '/2' }));
    void mashup.close();
    const socketsGoneAfterClose = await until(() => upstream.sockets.size === 0, 30_000);
    return { first, second, handled: [...page.handled, ...again.handled], socketsGone, socketsGoneAfterClose };
  } finally {
    await page.close();
    await again.close();
    await mashup.close();
    await upstream.close();
  }
}

/** A whole answer that was only not wanted leaves its connection to the next request. */
export function keepsConnection({ keeps, expected }: FaultCase): boolean {
  return keeps ?? 'data' in expected;
}

export function deadlineOf({ expected }: FaultCase): number {
  return 'code' in expected && expected.code.includes('DEADLINE') ? deadline : 30_000;
}

/** Does them all, at most so many at a time, and gives their results in order. */
export async function inParallel<T>(tasks: readonly (() => Promise<T>)[], width: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    while (next < tasks.length) {
      const at = next++;
      results[at] = await (tasks[at] as () => Promise<T>)();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
