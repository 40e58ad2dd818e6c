import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError, isCancel } from 'axios';
import type { Result } from '../answer/answer.js';
import { DataAnswer } from '../answer/data-answer.js';
import { Failure } from '../errors.js';
import { hookFailure } from '../hook.js';
import type { UpstreamResponse } from '../outcome.js';
import { redactUrl } from '../redact.js';
import { exchangeForAxios, FailureError, uriOf } from './axios-adapter.js';
import type { AxiosRequest } from './axios-request.js';
import type { AttemptOwner } from './wire-attempt.js';

/**
 * One attempt by an axios instance of the user's own. Its interceptors, transformers and defaults work as axios documents
 * them. Unless it has an adapter of its own, the request goes out over this instance's connections.
 */
export class AxiosAttempt {
  readonly #owner: AttemptOwner;
  readonly #request: AxiosRequest;
  readonly #controller = new AbortController();
  #over = false;
  /** The head of the last answer that came over our connections. Interceptors may return something else. */
  #head: UpstreamResponse | null = null;
  /** The config of the request that got that answer. */
  #config: InternalAxiosRequestConfig | null = null;
  /** Why that answer was refused, or why there was none. Kept, because interceptors often throw an error of their own. */
  #wrong: Failure | null = null;

  constructor(owner: AttemptOwner, request: AxiosRequest) {
    this.#owner = owner;
    this.#request = request;
  }

  /** An axios instance may send more than one request, or none. */
  get reused(): null {
    return null;
  }

  start(): void {
    this.#perform()
      .catch((error: unknown) => this.#failure(error))
      .then(
        (result) => this.#end(result),
        (error: unknown) => this.#end(this.#threw(error)),
      );
  }

  abort(failure: Failure): void {
    // Before the request ends, whose own result no longer counts.
    this.#end(failure);
    this.#controller.abort();
  }

  #end(result: Result): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.settle(result);
  }

  async #perform(): Promise<DataAnswer> {
    const { axios, config } = this.#request;
    // A list of names is axios's default; a function is somebody's choice, such as a mock.
    const ours = typeof axios.defaults.adapter === 'function' ? {} : { adapter: this.#adapter };
    const result: unknown = await axios.request({ ...config, ...ours, signal: this.#controller.signal });
    // Interceptors often return the data alone.
    if (!isResponse(result)) return new DataAnswer(this.#head ?? unknownHead(this.#request), orNull(result), true);
    return new DataAnswer(this.#headOf(result), orNull(result.data), true);
  }

  readonly #adapter = async (config: InternalAxiosRequestConfig): Promise<AxiosResponse> => {
    this.#wrong = null;
    this.#head = null;
    const { signal } = this.#controller;
    const exchange = await exchangeForAxios(config, this.#owner, signal).catch((error: AxiosError) => {
      if (error.cause instanceof FailureError) this.#wrong = error.cause.failure;
      throw error;
    });
    const { response } = exchange;
    this.#head = exchange.head;
    this.#config = config;
    if (accepts(config, response.status)) return response;
    this.#wrong = new Failure('ERR_UPSTREAM_STATUS', `it answered ${response.status}`);
    const code = response.status >= 500 ? AxiosError.ERR_BAD_RESPONSE : AxiosError.ERR_BAD_REQUEST;
    throw new AxiosError(`Request failed with status code ${response.status}`, code, config, null, response);
  };

  #failure(error: unknown): DataAnswer | Failure {
    if (this.#isAnothers(error)) return this.#threw(error);
    if (isCancel(error)) return new Failure('ERR_UPSTREAM_CANCELED', 'the axios instance canceled it');
    if (isAxiosError(error)) {
      const { cause, response, config } = error;
      if (cause instanceof FailureError) return cause.failure;
      // The error of axios for JSON that it cannot parse.
      if (error.name === 'SyntaxError' && this.#wrong === null) return this.#answered(invalidJson(error));
      if (response !== undefined && !(isSuccess(response.status) && accepts(config, response.status))) {
        return new DataAnswer(this.#headOf(response), null, false);
      }
      if (response === undefined && this.#wrong === null) return axiosFailure(error);
    }
    return this.#threw(error);
  }

  /** Whether the error is that of an interceptor's own request (for a token, say), which says nothing of this upstream. */
  #isAnothers(error: unknown): boolean {
    if (!isAxiosError(error) || error.config === undefined) return false;
    const { signal, adapter, url } = error.config;
    // An interceptor may change one of these in our request, but hardly all three.
    const isOurs = signal === this.#controller.signal || adapter === this.#adapter || url === this.#request.config.url;
    return !isOurs;
  }

  /** The result where an interceptor, a transformer or an adapter threw. */
  #threw(error: unknown): DataAnswer | Failure {
    if (this.#wrong !== null) {
      const { code, message } = this.#wrong;
      return this.#answered(new Failure(code, message, causeOf(error)));
    }
    // The page's own transformer.
    if (error instanceof FailureError) return this.#answered(error.failure);
    return this.#answered(hookFailure('an interceptor or transformer of the axios instance threw', causeOf(error)));
  }

  /** A failure, as part of the answer where one came. */
  #answered(failure: Failure): DataAnswer | Failure {
    return this.#head === null ? failure : new DataAnswer(this.#head, failure, true);
  }

  #headOf({ status, headers, config }: AxiosResponse): UpstreamResponse {
    const plain: Record<string, string | string[]> = Object.create(null);
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== null && value !== undefined)
        plain[name.toLowerCase()] = Array.isArray(value) ? value : String(value);
    }
    // For an answer that came over our connections, the URL after redirects is known.
    if (this.#head !== null && config === this.#config) return { status, headers: plain, url: this.#head.url };
    const url = config?.url === undefined ? this.#request.url : redactUrl(uriOf(config));
    return { status, headers: plain, url };
  }
}

function isResponse(value: unknown): value is AxiosResponse {
  return typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'config' in value;
}

function orNull(data: unknown): unknown {
  const isEmpty = data === undefined || data === '' || (Buffer.isBuffer(data) && data.length === 0);
  return isEmpty ? null : data;
}

function unknownHead({ url }: AxiosRequest): UpstreamResponse {
  return { status: 200, headers: {}, url };
}

/** Whether the request's validateStatus accepts a status; without one, any is accepted. */
function accepts(config: InternalAxiosRequestConfig | undefined, status: number): boolean {
  const validateStatus = config?.validateStatus;
  return typeof validateStatus !== 'function' || validateStatus(status);
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** An error of an adapter that is not ours. Its message stays in the cause, because it may hold secrets. */
function axiosFailure(error: AxiosError): Failure {
  const { code = 'no code', message } = error;
  const cause = textOf(error);
  if (code === AxiosError.ECONNABORTED || code === AxiosError.ETIMEDOUT) {
    return new Failure('ERR_UPSTREAM_TIMEOUT', 'the axios instance gave up waiting', cause);
  }
  if (code === AxiosError.ERR_FR_TOO_MANY_REDIRECTS)
    return new Failure('ERR_UPSTREAM_REDIRECT', 'it redirects too often', cause);
  if (message.startsWith('maxContentLength'))
    return new Failure('ERR_UPSTREAM_TOO_LARGE', 'its body is larger than maxContentLength', cause);
  if (code === AxiosError.ERR_BAD_RESPONSE)
    return new Failure('ERR_UPSTREAM_BODY', "the axios instance's adapter could not read its answer", cause);
  const place = noConnection.has(code) ? 'CONNECT' : 'NETWORK';
  return new Failure(`ERR_UPSTREAM_${place}`, `the axios instance's adapter failed (${code})`, cause);
}

const noConnection: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

function invalidJson(error: AxiosError): Failure {
  return new Failure('ERR_UPSTREAM_BODY', 'its body is not valid JSON', textOf(error));
}

/** What was thrown, for `error.cause`. Only its text, if the request's headers could be reached from it. */
function causeOf(thrown: unknown): unknown {
  if (!holdsHeaders(thrown, 3)) return thrown;
  return thrown instanceof Error ? textOf(thrown) : undefined;
}

/** Whether request headers can be reached from a value: from an AxiosError or a response of any copy of axios. */
function holdsHeaders(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (isAxiosError(value) || (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'AxiosHeaders')
    return true;
  return depth > 0 && Reflect.ownKeys(value).some((key) => holdsHeaders(Reflect.get(value, key), depth - 1));
}

function textOf({ name, message, stack, code }: Error & { code?: string }): Error {
  return Object.assign(new Error(message), { name, stack }, code === undefined ? {} : { code });
}
