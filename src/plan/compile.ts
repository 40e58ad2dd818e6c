import type { AxiosInstance } from 'axios';
import type { CallPlan } from '../call/plan.js';
import type { ListSource, PageConfig, UpstreamConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import { heaviestFirst } from '../run/order.js';
import type { PagePlan } from '../run/plan.js';
import { TemplateError } from '../template/template.js';
import { compileUrl, type UrlTemplate } from '../template/url-template.js';
import { baseOrigin, type Draft, type MutableCallPlan, planCall } from './call.js';
import { mayCoincide } from './coincide.js';
import { graphOf, sortGraph } from './graph.js';
import { didYouMean } from './suggest.js';
import { planTags } from './tags.js';
import { unknownSource } from './unknown-source.js';

// What a template's variable may begin with besides the name of an upstream.
const requestSources = new Set(['params', 'query', 'locals']);

/**
 * Compiles a page; adds what is wrong with its templates and its graph to `problems`.
 * @throws {ConfigError} if there is any problem
 */
export function compilePage(
  configs: ReadonlyMap<string, UpstreamConfig | null>,
  options: PageConfig,
  axios: AxiosInstance | null,
  problems: Problems,
): PagePlan {
  const drafts: Draft[] = [];
  for (const [name, config] of configs) {
    if (config !== null) drafts.push(draft(name, config, [...configs.keys()], baseOrigin(axios) !== null, problems));
  }
  checkDeferred(drafts, problems);
  const order = sortGraph(drafts, problems);
  problems.throwIfAny();
  const names = [...configs.keys()];
  const plans = new Map<string, MutableCallPlan>();
  // Dependencies come first in this order, so that theirs are there to refer to.
  for (const { node, weight } of order) {
    const known = (others: readonly string[]) => others.flatMap((name) => plans.get(name) ?? []);
    const coincides = drafts.some((other) => other !== node && mayCoincide(node.config, other.config));
    const plan = planCall(axios, node, {
      index: names.indexOf(node.name),
      // After all that the page waits for, where slots are short.
      weight: node.config.defer ? weight - drafts.length : weight,
      waitsFor: known(node.waitsFor),
      reads: known(node.reads),
      coincides,
      deadline: node.config.defer ? options.lateDeadline : options.deadline,
    });
    for (const other of known(node.waitsFor)) other.unblocks.push(plan);
    plans.set(node.name, plan);
  }
  const calls = [...plans.values()].sort((a, b) => a.index - b.index);
  for (const { unblocks } of calls) unblocks.sort(heaviestFirst);
  const late = calls.filter(({ config }) => config.defer);
  const crowded = isCrowded(calls, options.concurrency);
  return { names, calls, late, graph: graphOf(calls, crowded, options), roots: rootsOf(calls), crowded, options };
}

/** What the page waits for cannot wait for what it does not wait for. */
function checkDeferred(drafts: readonly Draft[], problems: Problems): void {
  const deferred = new Set(drafts.filter(({ config }) => config.defer).map(({ name }) => name));
  for (const { name, config, waitsFor } of drafts) {
    const late = config.defer ? undefined : waitsFor.find((other) => deferred.has(other));
    if (late !== undefined) problems.add(name, `waits for '${late}', which is deferred: defer this too, or not that`);
  }
}

/** Those that wait for nobody, heaviest first. */
function rootsOf(calls: readonly CallPlan[]): CallPlan[] {
  return calls.filter(({ waitsFor }) => waitsFor.length === 0).sort(heaviestFirst);
}

/** Whether so many calls can have more attempts in flight than there are slots. */
export function isCrowded(calls: readonly CallPlan[], concurrency: number): boolean {
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
  const tags = planTags(config, name, problems);
  const reads = new Set<string>();
  const note = (path: string, source: string): void => {
    if (requestSources.has(source)) return;
    if (source === 'item') {
      if (config.each === null) problems.add(path, "'item' has a meaning only beside each");
    } else if (names.includes(source)) reads.add(source);
    else problems.add(path, unknownSource(source, { upstreams: names }, name));
  };
  for (const source of template?.sources ?? []) note(`${name}.url`, source);
  for (const source of tags.sources) note(`${name}.cache.tags`, source);
  if (list?.kind === 'path') note(`${name}.each`, list.source);
  for (const other of config.after) {
    if (!names.includes(other))
      problems.add(`${name}.after`, `'${other}' is not an upstream${didYouMean(other, names)}`);
  }
  const waitsFor = new Set([...reads, ...config.after.filter((other) => names.includes(other))]);
  return { name, config, template, list, tags, reads: [...reads], waitsFor: [...waitsFor] };
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
