import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { guarded } from '../hook.js';
import { shown } from '../shown.js';
import { maxLength, UrlError, type UrlTemplate } from '../template/url-template.js';
import type { Context } from '../types.js';
import { checkHeaders, forwardHeaders, type HeaderMap, setHeaders } from './headers.js';
import type { RequestSource } from './plan.js';

/** Where a request goes. The origin is '' for a relative URL, which an axios instance completes. */
export interface Target {
  readonly origin: string;
  readonly path: string;
}

/** The path of a template, with the values of this run. */
export function expand(template: UrlTemplate, source: RequestSource): string | Failure {
  try {
    return template.path ?? template.expand((name) => source.lookup(name), source.clientItem);
  } catch (error) {
    if (error instanceof UrlError) return new Failure(error.code, error.message, error.cause, null, error.byClient);
    throw error;
  }
}

/** The value of an option that may be a function of the context. */
function evaluate(name: string, option: unknown, context: Context): unknown {
  return typeof option === 'function' ? guarded(name, option as (context: Context) => unknown, context) : option;
}

/** Whether what a function gave is a URL that may be asked. */
function judge(url: unknown, { origins }: UpstreamConfig): Target | Failure {
  if (url instanceof Failure) return url;
  if (typeof url !== 'string' && !(url instanceof URL)) {
    return new Failure('ERR_UPSTREAM_URL', 'its url function returned neither a string nor a URL');
  }
  const target = judgeUrl(String(url));
  if (target instanceof Failure || origins === 'public' || origins.has(target.origin)) return target;
  return new Failure(
    'ERR_UPSTREAM_BLOCKED',
    `its url function returned a URL of ${shown(target.origin, 100)}, which is not in origins`,
  );
}

/** Where a URL that is no template leads; its fragment is not sent. */
export function judgeUrl(url: string): Target | Failure {
  if (!URL.canParse(url)) return new Failure('ERR_UPSTREAM_URL', 'its URL is not a URL');
  const { protocol, username, password, origin, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    return new Failure('ERR_UPSTREAM_URL', 'its URL is neither http nor https');
  }
  if (username !== '' || password !== '') {
    return new Failure('ERR_UPSTREAM_URL', "its URL has credentials in it: use 'auth'");
  }
  const path = pathname + search;
  if (path.length > maxLength) return new Failure('ERR_UPSTREAM_URL', `its URL is longer than ${maxLength} characters`);
  return { origin, path };
}

/** Where the request of this run goes, its `params` aside. `relative`: a function may give a path, for a baseURL. */
async function targetOf(
  config: UpstreamConfig,
  template: UrlTemplate | null,
  source: RequestSource,
  relative: boolean,
): Promise<Target | Failure> {
  if (template === null) {
    const url = await evaluate('url', config.url, source.context);
    if (relative && typeof url === 'string' && /^\/(?![/\\])/.test(url)) return { origin: '', path: url };
    return judge(url, config);
  }
  const path = expand(template, source);
  return path instanceof Failure ? path : { origin: template.origin ?? '', path };
}

/** All that callbacks and templates make of a request, in the order in which it is asked for. */
export async function partsOf(
  config: UpstreamConfig,
  template: UrlTemplate | null,
  base: HeaderMap,
  own: HeaderMap,
  source: RequestSource,
  relative = false,
): Promise<(Target & { params: object | null; headers: HeaderMap; data: unknown }) | Failure> {
  const target = await targetOf(config, template, source, relative);
  if (target instanceof Failure) return target;
  const params = source.over ? null : await paramsOf(config, source);
  if (params instanceof Failure) return params;
  const headers = source.over ? base : await headersOf(config, base, own, source);
  if (headers instanceof Failure) return headers;
  const data = source.over ? null : await evaluate('data', config.data, source.context);
  return data instanceof Failure ? data : { ...target, params, headers, data };
}

/** The headers of a request: `base`, what is passed on of the client's, and over both what the page gives (`own`). */
export function withForwarded(
  base: HeaderMap,
  own: HeaderMap,
  forward: readonly string[],
  source: RequestSource,
): HeaderMap {
  const all: HeaderMap = new Map(base);
  if (forward.length === 0) return all;
  forwardHeaders(all, forward, source);
  for (const [name, value] of own) all.set(name, value);
  return all;
}

async function headersOf(
  { headers, forward }: UpstreamConfig,
  base: HeaderMap,
  own: HeaderMap,
  source: RequestSource,
): Promise<HeaderMap | Failure> {
  const all = withForwarded(base, own, forward, source);
  if (typeof headers !== 'function') return all;
  const more = checkHeaders(await evaluate('headers', headers, source.context));
  if (more instanceof Failure) return more;
  setHeaders(all, more);
  return all;
}

async function paramsOf(config: UpstreamConfig, source: RequestSource): Promise<object | null | Failure> {
  const params = await evaluate('params', config.params, source.context);
  if (params === null || params === undefined) return null;
  if (typeof params === 'object') return params;
  return new Failure('ERR_UPSTREAM_HOOK', 'its params function returned no object');
}
