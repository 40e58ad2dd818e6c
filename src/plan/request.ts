import { guarded } from '../call/hook.js';
import { Failure, isUpstreamError } from '../errors.js';
import type { WireRequest } from '../transport/connections.js';
import type { Awaitable, Context } from '../types.js';
import { serializeBody } from './body.js';
import { checkHeaders, defaultHeaders, forwardHeaders, type HeaderMap, setHeaders, wireHeaders } from './headers.js';
import type { RequestPlan, RequestSource, UpstreamConfig } from './plan.js';
import { queryOf, withQuery } from './query.js';
import type { UrlTemplate } from './url-template.js';

const LONGEST_PATH = 64 * 1024;

/** Compiles an upstream's request: whatever the client's request cannot change is worked out here. */
export function planRequest(config: UpstreamConfig, template: UrlTemplate | null): RequestPlan {
  const { headers: given, params, auth } = config;
  const own: HeaderMap = new Map();
  const headers: HeaderMap = new Map(defaultHeaders);
  for (const map of [own, headers]) {
    if (given !== null && typeof given !== 'function') setHeaders(map, given);
    if (auth !== null) setHeaders(map, { authorization: basic(auth.username, auth.password) });
  }
  const usesFunctions =
    template === null || config.hasData || typeof given === 'function' || typeof params === 'function';
  if (usesFunctions) return new CallbackRequest(config, template, headers, own);
  return new TemplateRequest(config, template, headers, own, params === null ? '' : queryOf(params));
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A request that follows from a URL template, and from the client's headers where some are passed on. */
class TemplateRequest implements RequestPlan {
  readonly fixed: WireRequest | null;
  readonly #template: UrlTemplate;
  readonly #origin: string;
  readonly #method: string;
  readonly #query: string;
  readonly #headers: HeaderMap;
  readonly #wireHeaders: string[];
  readonly #forward: readonly string[];
  /** The headers that the page itself gives: they win over what is passed on, and the defaults do not. */
  readonly #own: HeaderMap;

  constructor(config: UpstreamConfig, template: UrlTemplate, headers: HeaderMap, own: HeaderMap, query: string) {
    this.#template = template;
    this.#origin = template.origin as string;
    this.#method = config.method;
    this.#query = query;
    this.#headers = headers;
    this.#wireHeaders = wireHeaders(headers);
    this.#forward = config.forward;
    this.#own = own;
    this.fixed =
      template.path === null || config.forward.length > 0 ? null : this.#request(template.path, this.#wireHeaders);
  }

  build(source: RequestSource): WireRequest | Failure {
    let path = this.#template.path;
    if (path === null) {
      const expanded = expand(this.#template, source);
      if (expanded instanceof Failure) return expanded;
      path = expanded;
    }
    if (this.#forward.length === 0) return this.#request(path, this.#wireHeaders);
    const headers: HeaderMap = new Map(this.#headers);
    forwardHeaders(headers, this.#forward, source.clientHeaders);
    for (const [name, value] of this.#own) headers.set(name, value);
    return this.#request(path, wireHeaders(headers));
  }

  #request(path: string, headers: string[]): WireRequest {
    return { origin: this.#origin, path: withQuery(path, this.#query), method: this.#method, headers, body: null };
  }
}

/** A request of which a callback, or a body, makes some part. */
class CallbackRequest implements RequestPlan {
  readonly fixed = null;
  readonly #config: UpstreamConfig;
  readonly #template: UrlTemplate | null;
  readonly #headers: HeaderMap;
  readonly #own: HeaderMap;

  constructor(config: UpstreamConfig, template: UrlTemplate | null, headers: HeaderMap, own: HeaderMap) {
    this.#config = config;
    this.#template = template;
    this.#headers = headers;
    this.#own = own;
  }

  async build(source: RequestSource): Promise<WireRequest | Failure> {
    const { method } = this.#config;
    const target = await this.#target(source);
    if (target instanceof Failure) return target;
    const headers = await this.#allHeaders(source);
    if (headers instanceof Failure) return headers;
    const data = await evaluate('data', this.#config.data, source.context);
    if (data instanceof Failure) return data;
    const contentType = headers.get('content-type');
    const sent = await serializeBody(data, method, typeof contentType === 'string' ? contentType : null);
    if (sent instanceof Failure) return sent;
    if (sent.contentType !== null) headers.set('content-type', sent.contentType);
    return { origin: target.origin, path: target.path, method, headers: wireHeaders(headers), body: sent.body };
  }

  async #target(source: RequestSource): Promise<Target | Failure> {
    const template = this.#template;
    const path = template === null ? null : expand(template, source);
    if (path instanceof Failure) return path;
    const target =
      path === null
        ? judge(await evaluate('url', this.#config.url, source.context), this.#config)
        : { origin: template?.origin as string, path };
    if (target instanceof Failure) return target;
    const params = await evaluate('params', this.#config.params, source.context);
    if (params instanceof Failure) return params;
    if (params === null || params === undefined) return target;
    if (typeof params !== 'object') return new Failure('ERR_UPSTREAM_HOOK', 'its params function returned no object');
    try {
      return { origin: target.origin, path: withQuery(target.path, queryOf(params)) };
    } catch (cause) {
      return new Failure('ERR_UPSTREAM_HOOK', 'its params cannot be written as a query', cause);
    }
  }

  async #allHeaders(source: RequestSource): Promise<HeaderMap | Failure> {
    const { headers, forward } = this.#config;
    const all: HeaderMap = new Map(this.#headers);
    if (forward.length > 0) {
      forwardHeaders(all, forward, source.clientHeaders);
      for (const [name, value] of this.#own) all.set(name, value);
    }
    if (typeof headers === 'function') {
      const more = checkHeaders(await evaluate('headers', headers, source.context));
      if (more instanceof Failure) return more;
      setHeaders(all, more);
    }
    return all;
  }
}

function expand(template: UrlTemplate, source: RequestSource): string | Failure {
  try {
    return template.path ?? template.expand((name) => source.lookup(name));
  } catch (error) {
    if (isUpstreamError(error)) return new Failure(error.code, error.message);
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
    `its url function returned a URL of ${target.origin}, which is not in origins`,
  );
}

interface Target {
  readonly origin: string;
  readonly path: string;
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
  if (path.length > LONGEST_PATH)
    return new Failure('ERR_UPSTREAM_URL', `its URL is longer than ${LONGEST_PATH} characters`);
  return { origin, path };
}
