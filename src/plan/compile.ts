import type { AxiosInstance } from 'axios';
import { Failure, type Problems } from '../errors.js';
import { heaviestFirst } from '../run/order.js';
import { redactUrl } from '../transport/answer.js';
import type { AttemptRules } from '../transport/attempt.js';
import { mostJson } from '../transport/json.js';
import { sortGraph } from './graph.js';
import { judgeUrl } from './parts.js';
import type { CallPlan, ListSource, PagePlan, UpstreamConfig } from './plan.js';
import { planRequest } from './request.js';
import { isDirect, mayCoincide, planSend } from './stages.js';
import { didYouMean } from './suggest.js';
import { TemplateError } from './template.js';
import { compileUrl, type UrlTemplate } from './url-template.js';

/** What a call plan is while its neighbours in the graph are still being made. */
interface Draft {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly template: UrlTemplate | null;
  readonly list: ListSource | null;
  /** Upstreams whose data it reads, and all that it waits for. */
  readonly reads: readonly string[];
  readonly waitsFor: readonly string[];
}

// What a template's variable may begin with besides the name of an upstream.
const requestSources = new Set(['params', 'query', 'locals']);

/**
 * Compiles a page; adds what is wrong with its templates and its graph to `problems`.
 * @throws {ConfigError} if there is any problem
 */
export function compilePage(
  configs: ReadonlyMap<string, UpstreamConfig | null>,
  options: PagePlan['options'],
  axios: AxiosInstance | null,
  problems: Problems,
): PagePlan {
  const drafts: Draft[] = [];
  for (const [name, config] of configs) {
    if (config !== null) drafts.push(draft(name, config, [...configs.keys()], baseOrigin(axios) !== null, problems));
  }
  const order = sortGraph(drafts, problems);
  problems.throwIfAny();
  const plans = new Map<string, CallPlan & { unblocks: CallPlan[] }>();
  // Dependencies come first in this order, so that theirs are there to refer to.
  for (const { node, weight } of order) {
    const known = (names: readonly string[]) => names.flatMap((name) => plans.get(name) ?? []);
    const plan = planCall(
      axios,
      node,
      [...configs.keys()].indexOf(node.name),
      weight,
      known(node.waitsFor),
      known(node.reads),
      drafts.some((other) => other !== node && mayCoincide(node.config, other.config)),
    );
    for (const other of plan.waitsFor) (other.unblocks as CallPlan[]).push(plan);
    plans.set(node.name, plan);
  }
  const calls = [...plans.values()].sort((a, b) => a.index - b.index);
  for (const { unblocks } of calls) unblocks.sort(heaviestFirst);
  const roots = calls.filter(({ waitsFor }) => waitsFor.length === 0).sort(heaviestFirst);
  const names = calls.map(({ name }) => name);
  return { names, calls, roots, crowded: isCrowded(calls, options.concurrency), options };
}

/** Whether so many calls can have more attempts in flight than there are slots. */
function isCrowded(calls: readonly CallPlan[], concurrency: number): boolean {
  const most = calls.reduce(
    (sum, { config, item }) => sum + (item === null ? 1 : Infinity) * (config.hedge === null ? 1 : 2),
    0,
  );
  return most > concurrency;
}

function draft(
  name: string,
  config: UpstreamConfig,
  names: readonly string[],
  relative: boolean,
  problems: Problems,
): Draft {
  const template = typeof config.url === 'string' ? readTemplate(config.url, `${name}.url`, relative, problems) : null;
  const list = readList(name, config, problems);
  const reads = new Set<string>();
  const note = (path: string, source: string): void => {
    if (requestSources.has(source)) return;
    if (source === 'item') {
      if (config.each === null) problems.add(path, "'item' has a meaning only beside each");
    } else if (names.includes(source)) reads.add(source);
    else
      problems.add(
        path,
        `'${source}' is not something that can be read here${didYouMean(source, [...requestSources, ...names])}`,
      );
  };
  for (const source of template?.sources ?? []) note(`${name}.url`, source);
  if (list?.kind === 'path') note(`${name}.each`, list.source);
  for (const other of config.after) {
    if (!names.includes(other))
      problems.add(`${name}.after`, `'${other}' is not an upstream${didYouMean(other, names)}`);
  }
  const waitsFor = new Set([...reads, ...config.after.filter((other) => names.includes(other))]);
  return { name, config, template, list, reads: [...reads], waitsFor: [...waitsFor] };
}

function readTemplate(url: string, path: string, relative: boolean, problems: Problems): UrlTemplate | null {
  try {
    return compileUrl(url, { relative });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    problems.add(path, error.message);
    return null;
  }
}

function readList(name: string, { each }: UpstreamConfig, problems: Problems): ListSource | null {
  if (each === null) return null;
  if (typeof each === 'function') return { kind: 'function', list: each };
  const [source = '', ...keys] = each.split('.');
  if (each.split('.').some((segment) => segment === '') || (requestSources.has(source) && keys.length === 0)) {
    problems.add(`${name}.each`, "expected a path to a list, such as 'user.friends'");
    return null;
  }
  if (source === 'item') problems.add(`${name}.each`, "'item' is what each makes; it cannot be read by it");
  return { kind: 'path', source, keys };
}

/** Plans calls that depend on nothing, one for each URL: a URL as it stands, no template. */
export function compileUrls(urls: readonly string[], config: UpstreamConfig, options: PagePlan['options']): PagePlan {
  const times = new Map<string, number>();
  const hrefs = urls.map((url) => (URL.canParse(url) ? new URL(url).href : url));
  for (const href of hrefs) times.set(href, (times.get(href) ?? 0) + 1);
  const calls = urls.map((url, index): CallPlan => {
    const target = literalTarget(url);
    const request =
      target instanceof Failure ? { fixed: null, build: () => target } : planRequest(config, target, null);
    const rules = attemptRules(config, target instanceof Failure ? null : target.origin);
    const send = planSend(config, (times.get(hrefs[index] as string) ?? 0) > 1);
    return {
      name: redactUrl(url),
      index,
      config,
      request,
      plain: request.fixed,
      rules,
      send,
      direct: isDirect(send, config),
      waitsFor: [],
      reads: [],
      unblocks: [],
      weight: 0,
      list: null,
      item: null,
    };
  });
  return { names: urls, calls, roots: calls, crowded: isCrowded(calls, options.concurrency), options };
}

/** The origin that relative URLs of an axios instance have; null where it has no baseURL. */
function baseOrigin(axios: AxiosInstance | null): string | null {
  const base = axios?.defaults.baseURL;
  return base !== undefined && URL.canParse(base) ? new URL(base).origin : null;
}

function literalTarget(url: string): UrlTemplate | Failure {
  const target = judgeUrl(url);
  return target instanceof Failure ? target : { ...target, sources: [], expand: () => target.path };
}

function attemptRules(config: UpstreamConfig, origin: string | null): AttemptRules {
  const { origins, maxRedirects, maxContentLength } = config;
  const listed = new Set(origins === 'public' ? [] : origins);
  if (origin !== null) listed.add(origin);
  const { attemptTimeout, retry, hedge, breaker, deadlineHeader } = config;
  const how = { attemptTimeout, retry, hedge, breaker, deadlineHeader };
  const key = JSON.stringify([maxRedirects, maxContentLength, [...listed].sort(), how]);
  return { maxRedirects, maxContentLength, maxJson: mostJson(config), listed, key };
}

function planCall(
  axios: AxiosInstance | null,
  { name, config, template, list }: Draft,
  index: number,
  weight: number,
  waitsFor: readonly CallPlan[],
  reads: readonly CallPlan[],
  coincides: boolean,
): CallPlan & { unblocks: CallPlan[] } {
  const request = planRequest(config, template, axios);
  const rules = attemptRules(config, template?.origin ?? baseOrigin(axios));
  // The items of a list may be equal among themselves.
  const send = planSend(config, coincides || list !== null);
  const plain = list === null && config.when === null && reads.length === 0 ? request.fixed : null;
  const plan = {
    name,
    index,
    config,
    request,
    plain,
    rules,
    send,
    direct: isDirect(send, config),
    waitsFor,
    reads,
    unblocks: [],
    weight,
    list,
    item: null,
  };
  if (list === null) return plan;
  // An item is a call without what belongs to the whole.
  const itemConfig = { ...config, when: null, each: null, hasFallback: false, required: false, timeout: null };
  return { ...plan, item: { ...plan, config: itemConfig, list: null } };
}
