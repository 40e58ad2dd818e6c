import type { AxiosInstance } from 'axios';
import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { hookFailure } from '../hook.js';
import { tooLong, type UrlTemplate } from '../template/url-template.js';
import { HttpRequest, type Tagger } from '../transport/http-request.js';
import { AxiosRequestPlan } from './axios-request-plan.js';
import { serializeBody } from './body.js';
import { acceptHtml, defaultHeaders, type HeaderMap, setHeaders, wireHeaders } from './headers.js';
import { expand, partsOf, withForwarded } from './parts.js';
import type { RequestPlan, RequestSource } from './plan.js';
import { queryOf, withQuery } from './query.js';

/** Compiles an upstream's request: whatever the client's request cannot change is worked out here. */
export function planRequest(
  config: UpstreamConfig,
  template: UrlTemplate | null,
  axios: AxiosInstance | null,
  tags: Tagger | null = null,
): RequestPlan {
  if (axios !== null) return new AxiosRequestPlan(axios, config, template);
  const { headers: given, params, auth } = config;
  const own: HeaderMap = new Map();
  const headers: HeaderMap = new Map(defaultHeaders);
  if (config.fragment) headers.set('accept', acceptHtml);
  for (const map of [own, headers]) {
    if (given !== null && typeof given !== 'function') setHeaders(map, given);
    if (auth !== null) setHeaders(map, { authorization: basic(auth.username, auth.password) });
  }
  const isPlain = template !== null && !config.hasData && typeof given !== 'function' && typeof params !== 'function';
  const kind = isPlain ? TemplateRequest : CallbackRequest;
  return new kind(config, template as UrlTemplate, headers, own, tags);
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A request that follows from a URL template, and from the client's headers where some are passed on. */
class TemplateRequest implements RequestPlan {
  readonly fixed: HttpRequest | null;
  readonly #config: UpstreamConfig;
  readonly #template: UrlTemplate;
  readonly #query: string;
  readonly #headers: HeaderMap;
  readonly #wireHeaders: string[];
  /** The headers that the page itself gives: they win over what is passed on, and the defaults do not. */
  readonly #own: HeaderMap;
  /** Those of every answer. */
  readonly #tags: Tagger | null;

  constructor(config: UpstreamConfig, template: UrlTemplate, headers: HeaderMap, own: HeaderMap, tags: Tagger | null) {
    this.#tags = tags;
    this.#config = config;
    this.#template = template;
    this.#query = config.params === null ? '' : queryOf(config.params);
    this.#headers = headers;
    this.#wireHeaders = wireHeaders(headers);
    this.#own = own;
    const isFixed = template.path !== null && config.forward.length === 0;
    this.fixed = isFixed ? this.#request(template.path, this.#wireHeaders) : null;
  }

  build(source: RequestSource): HttpRequest | Failure {
    const path = expand(this.#template, source);
    if (path instanceof Failure) return path;
    const problem = this.#query === '' ? null : tooLong(withQuery(path, this.#query));
    if (problem !== null) return problem;
    const { forward } = this.#config;
    if (forward.length === 0) return this.#request(path, this.#wireHeaders);
    return this.#request(path, wireHeaders(withForwarded(this.#headers, this.#own, forward, source)));
  }

  #request(path: string, headers: string[]): HttpRequest {
    const origin = this.#template.origin as string;
    return new HttpRequest(origin, withQuery(path, this.#query), this.#config.method, headers, null, this.#tags);
  }
}

/** A request of which a callback, or a body, makes some part. */
class CallbackRequest implements RequestPlan {
  readonly fixed = null;
  readonly #config: UpstreamConfig;
  readonly #template: UrlTemplate | null;
  readonly #headers: HeaderMap;
  readonly #own: HeaderMap;
  readonly #tags: Tagger | null;

  constructor(
    config: UpstreamConfig,
    template: UrlTemplate | null,
    headers: HeaderMap,
    own: HeaderMap,
    tags: Tagger | null,
  ) {
    this.#tags = tags;
    this.#config = config;
    this.#template = template;
    this.#headers = headers;
    this.#own = own;
  }

  async build(source: RequestSource): Promise<HttpRequest | Failure> {
    const { method } = this.#config;
    const parts = await partsOf(this.#config, this.#template, this.#headers, this.#own, source);
    if (parts instanceof Failure) return parts;
    const { origin, headers, params, data } = parts;
    const path = withParams(parts.path, params);
    if (path instanceof Failure) return path;
    const contentType = headers.get('content-type');
    const sent = await serializeBody(data, method, typeof contentType === 'string' ? contentType : null);
    if (sent instanceof Failure) return sent;
    if (sent.contentType !== null) headers.set('content-type', sent.contentType);
    return new HttpRequest(origin, path, method, wireHeaders(headers), sent.body, this.#tags);
  }
}

function withParams(path: string, params: object | null): string | Failure {
  try {
    const all = params === null ? path : withQuery(path, queryOf(params));
    return tooLong(all) ?? all;
  } catch (cause) {
    return hookFailure('its params cannot be written as a query:', cause);
  }
}
