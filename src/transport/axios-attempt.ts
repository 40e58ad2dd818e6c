import axios, { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError, isCancel } from 'axios';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import { redactUrl } from './answer.js';
import type { AttemptRules } from './attempt.js';
import { exchangeForAxios, FailureError } from './axios-adapter.js';
import type { AxiosRequest } from './axios-request.js';
import type { Connections } from './connections.js';

/** An answer whose data has been made already, by an axios instance with its transformers and interceptors. */
export class DataAnswer implements UpstreamResponse {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly url: string;
  readonly #data: unknown;
  readonly #accepted: boolean;

  /** `accepted`: whether the validateStatus that holds for it took it for a success. */
  constructor({ status, headers, url }: UpstreamResponse, data: unknown, accepted: boolean) {
    this.status = status;
    this.headers = headers;
    this.url = url;
    this.#data = data;
    this.#accepted = accepted;
  }

  get data(): unknown {
    return this.#data;
  }

  get accepted(): boolean {
    return this.#accepted;
  }
}

/**
 * One attempt by an axios instance of the user's own. Its interceptors, transformers and defaults work as axios documents
 * them; where it has no adapter of its own the request goes out over this instance's connections.
 */
export class AxiosAttempt {
  firstByte: number | null = null;
  readonly #request: AxiosRequest;
  readonly #connections: Connections;
  readonly #rules: AttemptRules;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #settle: ((result: DataAnswer | Failure) => void) | null = null;
  /** The head of the last answer that came over our connections, for interceptors may return something else. */
  #head: UpstreamResponse | null = null;

  constructor(connections: Connections, request: AxiosRequest, rules: AttemptRules, clock: Clock) {
    this.#connections = connections;
    this.#request = request;
    this.#rules = rules;
    this.#clock = clock;
  }

  send(): Promise<DataAnswer | Failure> {
    return new Promise((settle) => {
      this.#settle = settle;
      this.#perform().then(settle, (error: unknown) => settle(this.#failure(error)));
    });
  }

  abort(failure: Failure): void {
    // Whatever becomes of the request, nobody waits for it.
    this.#settle?.(failure);
    this.#controller.abort();
  }

  async #perform(): Promise<DataAnswer> {
    const { axios, config } = this.#request;
    // A list of names is axios's default; a function is somebody's choice, such as a mock.
    const ours = typeof axios.defaults.adapter === 'function' ? {} : { adapter: this.#adapter };
    const result: unknown = await axios.request({ ...config, ...ours, signal: this.#controller.signal });
    // Many an interceptor returns the data alone.
    if (!isResponse(result)) return new DataAnswer(this.#head ?? unknownHead(this.#request), orNull(result), true);
    return new DataAnswer(headOf(result), orNull(result.data), true);
  }

  readonly #adapter = async (config: InternalAxiosRequestConfig): Promise<AxiosResponse> => {
    const { response, head, firstByte } = await exchangeForAxios(config, this.#connections, this.#rules, this.#clock);
    this.#head = head;
    this.firstByte = firstByte;
    const { validateStatus } = config;
    if (typeof validateStatus !== 'function' || validateStatus(response.status)) return response;
    const code = response.status >= 500 ? AxiosError.ERR_BAD_RESPONSE : AxiosError.ERR_BAD_REQUEST;
    throw new AxiosError(`Request failed with status code ${response.status}`, code, config, null, response);
  };

  #failure(error: unknown): DataAnswer | Failure {
    if (isAxiosError(error)) {
      if (error.cause instanceof FailureError) return error.cause.failure;
      if (error.response !== undefined) return new DataAnswer(headOf(error.response), null, false);
      return axiosFailure(error);
    }
    if (isCancel(error)) return new Failure('ERR_UPSTREAM_CANCELED', 'the axios instance canceled it');
    return new Failure('ERR_UPSTREAM_HOOK', 'an interceptor or transformer of the axios instance threw', error);
  }
}

function isResponse(value: unknown): value is AxiosResponse {
  return typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'config' in value;
}

function orNull(data: unknown): unknown {
  return data === undefined || data === '' ? null : data;
}

function headOf({ status, headers, config }: AxiosResponse): UpstreamResponse {
  const plain: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== null && value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value : String(value);
  }
  return { status, headers: plain, url: redactUrl(axios.getUri(config)) };
}

function unknownHead({ origin, path }: AxiosRequest): UpstreamResponse {
  return { status: 200, headers: {}, url: redactUrl(origin + path) };
}

/** An error of an adapter that is not ours. Only its text goes on: an AxiosError holds the request with its headers. */
function axiosFailure({ code, message, name, stack }: AxiosError): Failure {
  const cause = Object.assign(new Error(message), { name, code, stack });
  if (code === AxiosError.ECONNABORTED || code === AxiosError.ETIMEDOUT) {
    return new Failure('ERR_UPSTREAM_TIMEOUT', 'the axios instance gave up waiting', cause);
  }
  if (code === AxiosError.ERR_FR_TOO_MANY_REDIRECTS)
    return new Failure('ERR_UPSTREAM_REDIRECT', 'it redirects too often', cause);
  if (code === AxiosError.ERR_BAD_RESPONSE) return new Failure('ERR_UPSTREAM_BODY', message, cause);
  return new Failure('ERR_UPSTREAM_NETWORK', message, cause);
}
