import type { AxiosInstance, AxiosRequestConfig, AxiosResponseTransformer } from 'axios';
import { transform } from '../answer/decode.js';
import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { tooLong, type UrlTemplate } from '../template/url-template.js';
import { FailureError, uriOf } from '../transport/axios-adapter.js';
import { AxiosRequest } from '../transport/axios-request.js';
import type { ResponseTransformer } from '../types.js';
import { acceptHtml, type HeaderMap, headerObject, setHeaders } from './headers.js';
import { partsOf } from './parts.js';
import type { RequestPlan, RequestSource } from './plan.js';

/** A request by an axios instance of the user's own: only what the page says is given to it, so that its defaults hold. */
export class AxiosRequestPlan implements RequestPlan {
  readonly fixed = null;
  readonly #axios: AxiosInstance;
  readonly #config: UpstreamConfig;
  readonly #template: UrlTemplate | null;
  readonly #own: HeaderMap = new Map();
  /** What is the same for every request. */
  readonly #constant: AxiosRequestConfig;

  constructor(axios: AxiosInstance, config: UpstreamConfig, template: UrlTemplate | null) {
    this.#axios = axios;
    this.#config = config;
    this.#template = template;
    if (config.fragment && !config.forward.includes('accept')) this.#own.set('accept', acceptHtml);
    if (config.headers !== null && typeof config.headers !== 'function') setHeaders(this.#own, config.headers);
    const { method, auth, responseType, transformResponse, given } = config;
    this.#constant = { method };
    if (auth !== null) this.#constant.auth = auth;
    if (responseType !== null) this.#constant.responseType = responseType;
    if (transformResponse.length > 0) this.#constant.transformResponse = oneTransformer(transformResponse);
    if (given.has('validateStatus')) this.#constant.validateStatus = config.validateStatus;
    if (given.has('maxRedirects')) this.#constant.maxRedirects = config.maxRedirects;
    // axios's own default is no limit at all.
    const limit = axios.defaults.maxContentLength ?? -1;
    if (given.has('maxContentLength') || limit < 0) this.#constant.maxContentLength = config.maxContentLength;
  }

  async build(source: RequestSource): Promise<AxiosRequest | Failure> {
    const relative = this.#axios.defaults.baseURL !== undefined;
    const parts = await partsOf(this.#config, this.#template, this.#own, this.#own, source, relative);
    if (parts instanceof Failure) return parts;
    const { origin, path, headers, params, data } = parts;
    const problem = params === null ? null : tooLong(uriOf({ url: path, params }));
    if (problem !== null) return problem;
    const config: AxiosRequestConfig = {
      ...this.#constant,
      url: origin + path,
      headers: headerObject(headers),
    };
    if (params !== null) config.params = params;
    if (this.#config.hasData) config.data = data;
    return new AxiosRequest(this.#axios, config, parts);
  }
}

/** The page's transformers as one that axios can call, so that they may be async and what they throw is known as theirs. */
function oneTransformer(transformers: readonly ResponseTransformer[]): AxiosResponseTransformer {
  return (data, headers, status = 0) => {
    // No body, and so nothing to transform.
    if (data === '' || (Buffer.isBuffer(data) && data.length === 0)) return data;
    const result = transform(data, { headers: headers as never, status }, transformers);
    if (result instanceof Failure) throw new FailureError(result);
    return result;
  };
}
