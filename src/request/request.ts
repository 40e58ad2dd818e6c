import type { AxiosInstance } from 'axios';
import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import type { UrlTemplate } from '../template/url-template.js';
import { HttpRequest } from '../transport/http-request.js';
import { AxiosRequestPlan } from './axios-request-plan.js';
import { serializeBody } from './body.js';
import { defaultHeaders, forwardHeaders, type HeaderMap, setHeaders, wireHeaders } from './headers.js';
import { evaluate, expand, headersOf, paramsOf, targetOf } from './parts.js';
import type { RequestPlan, RequestSource } from './plan.js';
import { queryOf, withQuery } from './query.js';

/** Compiles an upstream's request: whatever the client's request cannot change is worked out here. */
export function planRequest(
  config: UpstreamConfig,
  template: UrlTemplate | null,
  axios: AxiosInstance | null,
): RequestPlan {
  if (axios !== null) return new AxiosRequestPlan(axios, config, template);
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
  readonly fixed: HttpRequest | null;
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

  build(source: RequestSource): HttpRequest | Failure {
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

  #request(path: string, headers: string[]): HttpRequest {
    return new HttpRequest(this.#origin, withQuery(path, this.#query), this.#method, headers, null);
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

  async build(source: RequestSource): Promise<HttpRequest | Failure> {
    const { method } = this.#config;
    const target = await targetOf(this.#config, this.#template, source);
    if (target instanceof Failure) return target;
    const params = await paramsOf(this.#config, source);
    if (params instanceof Failure) return params;
    const path = withParams(target.path, params);
    if (path instanceof Failure) return path;
    const headers = await headersOf(this.#config, this.#headers, this.#own, source);
    if (headers instanceof Failure) return headers;
    const data = await evaluate('data', this.#config.data, source.context);
    if (data instanceof Failure) return data;
    const contentType = headers.get('content-type');
    const sent = await serializeBody(data, method, typeof contentType === 'string' ? contentType : null);
    if (sent instanceof Failure) return sent;
    if (sent.contentType !== null) headers.set('content-type', sent.contentType);
    return new HttpRequest(target.origin, path, method, wireHeaders(headers), sent.body);
  }
}

function withParams(path: string, params: object | null): string | Failure {
  try {
    return params === null ? path : withQuery(path, queryOf(params));
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_HOOK', 'its params cannot be written as a query', cause);
  }
}
