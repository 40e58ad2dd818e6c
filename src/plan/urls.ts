import type { PageConfig, UpstreamConfig } from '../checked.js';
import { Failure, Problems } from '../errors.js';
import { redactUrl } from '../redact.js';
import { judgeUrl } from '../request/parts.js';
import type { PagePlan } from '../run/plan.js';
import { planCall } from './call.js';
import { isCrowded } from './compile.js';
import { graphOf } from './graph.js';
import { planTags } from './tags.js';

/** Plans calls that depend on nothing, one for each URL: a URL as it stands, no template. */
export function compileUrls(urls: readonly string[], config: UpstreamConfig, options: PageConfig): PagePlan {
  const times = new Map<string, number>();
  const hrefs = urls.map((url) => (URL.canParse(url) ? new URL(url).href : url));
  for (const href of hrefs) times.set(href, (times.get(href) ?? 0) + 1);
  const tags = planTags(config, 'options', new Problems());
  const calls = urls.map((url, index) => {
    const target = judgeUrl(url);
    const coincides = (times.get(hrefs[index] as string) ?? 0) > 1;
    const place = { index, weight: 0, waitsFor: [], reads: [], coincides, deadline: options.deadline };
    const name = redactUrl(url);
    if (!(target instanceof Failure)) {
      const template = { ...target, sources: [], expand: () => target.path };
      return planCall(null, { name, config, template, list: null, tags }, place);
    }
    const plan = planCall(null, { name, config, template: null, list: null, tags }, place);
    return { ...plan, request: { fixed: null, build: () => target }, plain: null };
  });
  const crowded = isCrowded(calls, options.concurrency);
  return { names: urls, calls, late: [], graph: graphOf(calls, crowded, options), roots: calls, crowded, options };
}
