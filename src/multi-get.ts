import { readUrls } from './config/page.js';
import { defaultInstance } from './default.js';
import type { Outcome } from './outcome.js';
import { runPage } from './page-run.js';
import type { MultiGetOptions } from './types.js';

/**
 * Gets all URLs at once, with one timeout over all of them. It never rejects because of an upstream.
 *
 * @param urls any iterable of URLs; one may stand in it twice, and one that is not a URL gets an outcome with that error
 * @returns `[url, data, outcome]` for each, in the order asked; data is null for what failed or was late
 * @throws {ConfigError} (as a rejection) if the arguments are wrong
 * @example for (const [url, data] of await multiGet(urls, { timeout: 500 })) console.log(url, data);
 */
export async function multiGet(
  urls: Iterable<string | URL>,
  options: MultiGetOptions = {},
): Promise<[url: string, data: unknown, outcome: Outcome][]> {
  const plan = readUrls(urls, options);
  if (plan.calls.length === 0) return [];
  const outcomes = await runPage(plan, defaultInstance, {});
  return outcomes.map((outcome, at) => [plan.names[at] as string, outcome.data, outcome]);
}
