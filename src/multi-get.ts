import { readUrls } from './config/page.js';
import type { Outcome } from './outcome.js';
import { runPage } from './page-run.js';
import type { Instance } from './stages/stage.js';
import type { MultiGetOptions } from './types.js';

/** See `multiGet` in default.ts. */
export type MultiGet = (
  urls: Iterable<string | URL>,
  options?: MultiGetOptions,
) => Promise<[url: string, data: unknown, outcome: Outcome][]>;

export function multiGetOn(instance: Instance): MultiGet {
  return async function multiGet(urls, options = {}) {
    const plan = readUrls(urls, options);
    if (plan.calls.length === 0) return [];
    const { outcomes } = await runPage(plan, instance, {});
    return outcomes.map((outcome, at) => [plan.names[at] as string, outcome.data, outcome]);
  };
}
