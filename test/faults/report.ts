import type { UpstreamErrorCode } from '../../src/errors.js';
import type { Mashup, Outcome, PageOptions, UpstreamMap } from '../../src/index.js';
import { openPage, type Visit } from '../support/site.js';

/** What came of a request for a page, in short. */
export interface PageReport {
  readonly data: Record<string, unknown>;
  readonly outcomes: Record<string, Pick<Outcome, 'status' | 'attempts'> & { code: UpstreamErrorCode | null }>;
  readonly elapsed: number;
}

export function reportOf({ data, outcomes, elapsed }: Visit): PageReport {
  const summaries = Object.entries(outcomes).map(([name, { status, attempts, error }]) => {
    return [name, { status, attempts, code: error?.code ?? null }];
  });
  const texts = Object.entries(data).map(([name, value]) => [name, readable(value)]);
  return { data: Object.fromEntries(texts), outcomes: Object.fromEntries(summaries), elapsed };
}

function readable(data: unknown): unknown {
  return Buffer.isBuffer(data) ? data.toString('latin1') : data;
}

/** Asks once for a page of this instance. */
export async function report(mashup: Mashup, upstreams: UpstreamMap, options: PageOptions = {}): Promise<PageReport> {
  const page = await openPage(upstreams, { mashup, options });
  try {
    return reportOf(await page());
  } finally {
    await page.close();
  }
}
