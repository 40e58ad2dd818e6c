import type { AxiosInstance } from 'axios';
import type { PageConfig, UpstreamConfig } from '../checked.js';
import { ConfigError, Problems } from '../errors.js';
import { hookFailure } from '../hook.js';
import { isPlainObject } from '../plain.js';
import { compilePage } from '../plan/compile.js';
import { compileUrls } from '../plan/urls.js';
import type { PagePlan } from '../run/plan.js';
import type { MultiGetOptions, PageOptions, RunInput } from '../types.js';
import { warnOnce } from '../warn.js';
import {
  aBoolean,
  aFailureListener,
  aFunction,
  anObject,
  aPlainObject,
  aString,
  aWholeNumber,
  type Check,
  checkOptions,
  either,
  given,
  inFile,
  milliseconds,
} from './checks.js';
import { pageDefaults } from './defaults.js';
import { isPageCache, readPageCache } from './page-cache.js';
import { readUpstream } from './upstream.js';

/** What a view can use as a name. */
export const usableName = /^[A-Za-z_][\w-]*$/;

export const pageChecks: { readonly [Option in keyof Required<PageOptions>]: Check } = {
  deadline: milliseconds,
  concurrency: aWholeNumber(1),
  lateDeadline: milliseconds,
  into: inFile({ type: 'string', pattern: usableName.source }, (value) => aString(value)),
  deadlineFrom: aString,
  serverTiming: either(aBoolean, aFunction),
  onFailure: aFailureListener,
  pageCache: isPageCache,
};

// Names that have a meaning of their own in `res.locals`: to Express, to this package and its templates, to JavaScript, and to
// view engines, which read their options from the data of a view.
const reserved = new Set([
  ...['settings', 'cache', '_locals'],
  ...['mashup', 'params', 'query', 'locals', 'item', 'late'],
  ...['__proto__', 'constructor', 'prototype'],
  // EJS
  ...[
    'client',
    'async',
    'strict',
    'delimiter',
    'openDelimiter',
    'closeDelimiter',
    'scope',
    'context',
    'debug',
    'compileDebug',
  ],
  ...['rmWhitespace', 'filename', 'root', 'views', 'include', 'escapeFn', 'escape', 'rethrow', '_with', 'localsName'],
  // Pug
  ...['self', 'globals', 'doctype', 'plugins', 'basedir', 'pretty', 'filters', 'inlineRuntimeFunctions'],
  // Handlebars (express-handlebars and hbs), Eta and Nunjucks
  ...['layout', 'partials', 'helpers', 'body', 'encoding', 'runtimeOptions', 'useWith', 'ctx'],
]);

/**
 * Checks the arguments of multiGet and compiles them to a page with an upstream for each URL.
 * @throws {ConfigError} with every problem
 */
export function readUrls(urls: unknown, options: unknown): PagePlan {
  const problems = new Problems();
  const isList = typeof urls === 'object' && urls !== null && Symbol.iterator in urls;
  if (!isList) problems.add('urls', `expected a list or another iterable of URLs, but was given ${given(urls)}`);
  if (aPlainObject(options) !== null) problems.add('options', `expected an object, but was given ${given(options)}`);
  problems.throwIfAny();
  const { timeout, concurrency, ...shared } = options as MultiGetOptions;
  for (const name of pageOnly) {
    if (name in shared) problems.add(`options.${name}`, 'is an option of a page, not of multiGet');
  }
  checkOptions(
    { timeout, concurrency },
    { timeout: milliseconds, concurrency: pageChecks.concurrency },
    'options',
    problems,
  );
  const config = readUpstream({ ...shared, url: '' }, 'options', problems);
  problems.throwIfAny();
  const list = readList(urls as Iterable<unknown>);
  return compileUrls(list, config as UpstreamConfig, {
    deadline: timeout ?? pageDefaults.deadline,
    concurrency: concurrency ?? pageDefaults.concurrency,
    lateDeadline: pageDefaults.lateDeadline,
    into: null,
    deadlineFrom: null,
    serverTiming: false,
    onFailure: false,
    pageCache: null,
  });
}

function readList(urls: Iterable<unknown>): string[] {
  try {
    return Array.from(urls, String);
  } catch (cause) {
    const { message } = hookFailure('reading the list threw', cause);
    throw new ConfigError([{ path: 'urls', message }]);
  }
}

/** Options of an upstream that have no meaning without a page. */
const pageOnly = ['url', 'required', 'defer', 'after', 'when', 'each', 'maxItems', 'forward'];

/**
 * Checks a page's config and compiles it.
 * @throws {ConfigError} with every problem
 */
export function readPage(upstreams: unknown, options: unknown, axios: AxiosInstance | null): PagePlan {
  const problems = new Problems();
  if (isRequest(upstreams)) {
    problems.add('', 'mashup itself was mounted: mount what it returns, as in app.get(path, mashup({ … }), handler)');
    problems.throwIfAny();
  }
  const configs = readUpstreams(upstreams, axios, problems);
  const pageOptions = readOptions(options, problems);
  checkLateDeadline(configs, pageOptions, problems);
  warnOfTimeouts(configs, pageOptions);
  return compilePage(configs, pageOptions, axios, problems);
}

/** A timeout that cannot come to pass is no error: pages may share upstreams. */
function warnOfTimeouts(
  configs: ReadonlyMap<string, UpstreamConfig | null>,
  { deadline, lateDeadline }: PageConfig,
): void {
  const mode = process.env['NODE_ENV'];
  if (mode === 'production' || mode === 'test') return;
  for (const [name, config] of configs) {
    const [word, most] = config?.defer ? ['late deadline', lateDeadline] : ['deadline', deadline];
    if (config?.timeout == null || config.timeout <= (most as number)) continue;
    const what = `the timeout of '${name}', ${config.timeout} ms, is longer than the page's ${word} of ${most} ms`;
    warnOnce('MASHUP_TIMEOUT', `${what}, which ends it before`);
  }
}

/** What is given up before the page is shown is not late. */
function checkLateDeadline(
  configs: ReadonlyMap<string, UpstreamConfig | null>,
  { deadline, lateDeadline }: PageConfig,
  problems: Problems,
): void {
  const isDeferred = [...configs.values()].some((config) => config?.defer === true);
  if (isDeferred && lateDeadline < deadline) {
    problems.add(
      'options.lateDeadline',
      `expected no less than the deadline of ${deadline} ms, but was given ${lateDeadline}`,
    );
  }
}

function readUpstreams(
  upstreams: unknown,
  axios: AxiosInstance | null,
  problems: Problems,
): Map<string, UpstreamConfig | null> {
  const configs = new Map<string, UpstreamConfig | null>();
  if (!isPlainObject(upstreams)) {
    problems.add('upstreams', `expected an object of names and URLs, but was given ${given(upstreams)}`);
    return configs;
  }
  for (const name of Object.keys(upstreams)) {
    const problem = nameProblem(name);
    if (problem !== null) problems.add(name, problem);
    const config = readUpstream(upstreams[name], name, problems);
    if (config?.coalesce && axios !== null) {
      problems.add(`${name}.coalesce`, 'cannot be told with an axios instance, whose interceptors decide what is sent');
    }
    if (config !== null && config.cache !== null && axios !== null) {
      problems.add(`${name}.cache`, 'has no key with an axios instance, whose interceptors decide what is sent');
    }
    configs.set(name, config);
  }
  if (configs.size === 0) problems.add('upstreams', 'names no upstream');
  return configs;
}

/** Whether a value is a client's request, which Express passes to `mashup` if that is mounted itself. */
function isRequest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'httpVersion' in value && 'socket' in value;
}

function nameProblem(name: string): string | null {
  if (reserved.has(name))
    return `is a reserved name in res.locals: call it something else, such as '${name.replaceAll('_', '')}Data'`;
  return usableName.test(name)
    ? null
    : 'is not a name that a view could use: letters, digits, _ and -, not beginning with a digit';
}

function readOptions(options: unknown, problems: Problems): PageConfig {
  const known = (options ?? {}) as PageOptions;
  if (aPlainObject(known) !== null) problems.add('options', `expected an object, but was given ${given(options)}`);
  else checkOptions(known as Record<string, unknown>, pageChecks, 'options', problems);
  const { into } = known;
  if (typeof into === 'string') {
    const problem = nameProblem(into);
    if (problem !== null) problems.add('options.into', `'${into}' ${problem}`);
  }
  return {
    deadline: known.deadline ?? pageDefaults.deadline,
    concurrency: known.concurrency ?? pageDefaults.concurrency,
    lateDeadline: known.lateDeadline ?? pageDefaults.lateDeadline,
    into: into ?? null,
    deadlineFrom: typeof known.deadlineFrom === 'string' ? known.deadlineFrom.toLowerCase() : null,
    pageCache: readPageCache(known.pageCache, problems),
    serverTiming: known.serverTiming ?? process.env['NODE_ENV'] !== 'production',
    onFailure: known.onFailure ?? null,
  };
}

const runChecks: { readonly [Part in keyof Required<RunInput>]: Check } = {
  req: anObject,
  params: aPlainObject,
  query: aPlainObject,
  headers: aPlainObject,
  locals: anObject,
  signal: (value) => (value instanceof AbortSignal ? null : 'an AbortSignal'),
};

/** @throws {ConfigError} with every problem of what `page.run` was given */
export function readRunInput(input: unknown): RunInput {
  const problems = new Problems();
  if (aPlainObject(input) !== null) problems.add('input', `expected an object, but was given ${given(input)}`);
  else checkOptions(input as Record<string, unknown>, runChecks, 'input', problems);
  problems.throwIfAny();
  return input as RunInput;
}
