import {
  Axios,
  AxiosError,
  AxiosHeaders,
  type AxiosRequestConfig,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import type { Result } from '../answer/answer.js';
import { whole } from '../answer/body.js';
import { jsonTooLarge } from '../answer/json.js';
import type { Policy } from '../answer/policy.js';
import { asJson, contentType } from '../answer/text.js';
import { readText } from '../answer/text-in-turns.js';
import type { WireAnswer } from '../answer/wire-answer.js';
import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import { instanceClosed, wasClosed } from './closed.js';
import { acceptEncoding } from './encoding.js';
import { encodeForm } from './form.js';
import { HttpRequest } from './http-request.js';
import { type AttemptOwner, WireAttempt } from './wire-attempt.js';

// Not the instance that axios exports, whose defaults the application may change.
const plain = new Axios({});

/** Where a request of axios goes, its baseURL and params included. */
export function uriOf(config: AxiosRequestConfig): string {
  return plain.getUri(config);
}

/** A failure as axios carries it, through interceptors that see errors only. */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The result of a request that axios asked for. */
export interface AxiosExchange {
  readonly response: AxiosResponse;
  readonly head: UpstreamResponse;
}

/**
 * An axios adapter over our connections: sends what axios has merged, transformed and intercepted, and returns the body as
 * text, or as a Buffer if it is not text. The rules on redirects, sizes and addresses are those of every attempt. `signal`
 * aborts it beside the config's own signal, which an interceptor may have replaced.
 *
 * @throws {AxiosError}
 */
export async function exchangeForAxios(
  config: InternalAxiosRequestConfig,
  owner: AttemptOwner,
  signal: AbortSignal,
): Promise<AxiosExchange> {
  const request = await httpRequest(config);
  const canceled = new Failure('ERR_UPSTREAM_CANCELED', 'it was canceled');
  // Checked again, because an interceptor may have waited before this, or may send a request of its own after a failure.
  if (wasClosed(owner.scope)) throw failed(instanceClosed, config);
  if (signal.aborted || config.signal?.aborted) throw failed(canceled, config);
  const { clock } = owner.scope.instance;
  let stop: () => void = ignore;
  let timer: unknown = null;
  const signals = [signal, config.signal];
  const policy = policyFor(config, owner.policy);
  const result = await new Promise<Result>((settle) => {
    const { scope } = owner;
    const headCame = (at: number | null) => owner.headCame(at);
    const attempt = new WireAttempt({ scope, headCame, settle, policy }, request);
    stop = () => attempt.abort(canceled);
    const late = () =>
      attempt.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer within axios's ${config.timeout} ms`));
    if (config.timeout !== undefined && config.timeout > 0) timer = clock.set(late, config.timeout, null);
    for (const one of signals) one?.addEventListener?.('abort', stop);
    attempt.start();
  });
  for (const one of signals) one?.removeEventListener?.('abort', stop);
  clock.clear(timer);
  const answer = result instanceof Failure ? result : await readBody(result as WireAnswer, config, policy.maxJson);
  if (answer instanceof Failure) throw failed(answer, config);
  return { response: answer, head: (result as WireAnswer).response() };
}

function ignore(): void {}

function failed(failure: Failure, config: InternalAxiosRequestConfig): AxiosError {
  const code = failure.code === 'ERR_UPSTREAM_TIMEOUT' ? AxiosError.ECONNABORTED : AxiosError.ERR_NETWORK;
  const error = new AxiosError(failure.message, code, config);
  error.cause = new FailureError(failure);
  return error;
}

/** The limits are those of the page, unless the instance has its own. */
function policyFor({ maxRedirects, maxContentLength = -1 }: InternalAxiosRequestConfig, policy: Policy): Policy {
  const isOwn = maxContentLength >= 0 && maxContentLength !== policy.maxContentLength;
  return {
    ...policy,
    maxRedirects: maxRedirects ?? policy.maxRedirects,
    maxContentLength: isOwn ? maxContentLength : policy.maxContentLength,
    maxJson: isOwn ? maxContentLength : policy.maxJson,
  };
}

async function httpRequest(config: InternalAxiosRequestConfig): Promise<HttpRequest> {
  const url = uriOf(config);
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '') {
    throw failed(new Failure('ERR_UPSTREAM_URL', 'its URL is not one of http or https without credentials'), config);
  }
  const headers = AxiosHeaders.from(config.headers);
  headers.set('Accept-Encoding', acceptEncoding);
  headers.set('User-Agent', 'express-mashup', false);
  if (config.auth) {
    // In JavaScript one of them may be missing, which axios takes for ''.
    const { username = '', password = '' } = config.auth;
    headers.set('Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  }
  const body = await wireBody(config, headers);
  const list: string[] = [];
  for (const [name, value] of Object.entries(headers.toJSON())) {
    for (const one of [value].flat()) if (one !== null && one !== undefined) list.push(name, String(one));
  }
  const method = (config.method ?? 'GET').toUpperCase();
  return new HttpRequest(parsed.origin, parsed.pathname + parsed.search, method, list, body);
}

/** axios has serialized the body already, except forms with files and values that are not text. */
async function wireBody(config: InternalAxiosRequestConfig, headers: AxiosHeaders): Promise<string | Buffer | null> {
  const { data } = config as { data: unknown };
  headers.delete('Content-Length');
  if (data === undefined || data === null) {
    headers.delete('Content-Type');
    return null;
  }
  if (typeof data === 'string' || Buffer.isBuffer(data)) return data;
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  if (data instanceof FormData || data instanceof Blob) {
    const { body, contentType: type } = await encodeForm(data);
    if (type !== null) headers.set('Content-Type', type);
    return body;
  }
  throw failed(
    new Failure('ERR_UPSTREAM_HOOK', 'its data is not text, bytes or a form (a stream cannot be sent twice)'),
    config,
  );
}

async function readBody(
  answer: WireAnswer,
  config: InternalAxiosRequestConfig,
  maxJson: number,
): Promise<AxiosResponse | Failure> {
  const data = await readData(answer, config.responseType, maxJson);
  if (data instanceof Failure) return data;
  const { status } = answer;
  return {
    data,
    status,
    statusText: '',
    headers: new AxiosHeaders(answer.headers),
    config,
    request: { path: answer.url },
  };
}

async function readData(
  answer: WireAnswer,
  responseType: InternalAxiosRequestConfig['responseType'],
  maxJson: number,
): Promise<unknown> {
  const { body } = answer;
  if (responseType === 'arraybuffer') return whole(body);
  if (responseType === 'stream') return new Failure('ERR_UPSTREAM_HOOK', 'a stream cannot be data of a page');
  if (answer.encoded !== null) return answer.encoded;
  const type = contentType(answer.header('content-type'));
  if (type.kind === 'binary' && responseType === undefined && body.length > 0) return whole(body);
  const text = await readText(body, responseType === 'json' ? asJson(type) : type, null);
  if (text instanceof Failure) return text;
  // Without a responseType, axios tries whether a text is JSON.
  const isJson = responseType === 'json' || (!responseType && (type.kind === 'json' || /^\s*[[{]/.test(text)));
  return isJson && body.length > maxJson ? jsonTooLarge(maxJson) : text;
}
