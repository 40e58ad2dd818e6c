import {
  Axios,
  AxiosError,
  AxiosHeaders,
  type AxiosRequestConfig,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';
import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import type { Answer } from './answer.js';
import { Attempt, type AttemptHost, type AttemptRules } from './attempt.js';
import { whole } from './body.js';
import type { WireRequest } from './connections.js';
import { acceptEncoding } from './encoding.js';
import { jsonTooLarge } from './json.js';
import { asJson, contentType } from './text.js';
import { readText } from './text-in-turns.js';

// Not the instance that axios exports: its defaults are the application's to set, and nothing to other instances.
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

/** What came of a request that axios asked for. */
export interface AxiosExchange {
  readonly response: AxiosResponse;
  readonly head: UpstreamResponse;
  readonly firstByte: number | null;
}

/**
 * What an axios adapter does, over our connections: sends what axios has merged, transformed and intercepted, and gives
 * the body as text, or as a Buffer where it is not text. Its rules on redirects, sizes and addresses are those of all
 * attempts. It is given up with `signal` too: an interceptor may have put another in the config.
 *
 * @throws {AxiosError}
 */
export async function exchangeForAxios(
  config: InternalAxiosRequestConfig,
  host: AttemptHost,
  rules: AttemptRules,
  signal: AbortSignal,
): Promise<AxiosExchange> {
  const request = await wireRequest(config);
  const canceled = new Failure('ERR_UPSTREAM_CANCELED', 'it was canceled');
  if (signal.aborted || config.signal?.aborted) throw failed(canceled, config);
  const limits = rulesFor(config, rules);
  const attempt = new Attempt(host, request, limits, null);
  const stop = () => attempt.abort(canceled);
  const late = () =>
    attempt.abort(new Failure('ERR_UPSTREAM_TIMEOUT', `no answer within axios's ${config.timeout} ms`));
  const timer = config.timeout !== undefined && config.timeout > 0 ? host.clock.set(late, config.timeout, null) : null;
  for (const one of [signal, config.signal]) one?.addEventListener?.('abort', stop);
  const result = await attempt.send();
  for (const one of [signal, config.signal]) one?.removeEventListener?.('abort', stop);
  if (timer !== null) host.clock.clear(timer);
  const answer = result instanceof Failure ? result : await readBody(result, config, limits.maxJson);
  if (answer instanceof Failure) throw failed(answer, config);
  return { response: answer, head: (result as Answer).toJSON(), firstByte: attempt.firstByte };
}

function failed(failure: Failure, config: InternalAxiosRequestConfig): AxiosError {
  const code = failure.code === 'ERR_UPSTREAM_TIMEOUT' ? AxiosError.ECONNABORTED : AxiosError.ERR_NETWORK;
  const error = new AxiosError(failure.message, code, config);
  error.cause = new FailureError(failure);
  return error;
}

/** The limits are those of the page, unless the instance has its own. */
function rulesFor(
  { maxRedirects, maxContentLength = -1 }: InternalAxiosRequestConfig,
  rules: AttemptRules,
): AttemptRules {
  const isOwn = maxContentLength >= 0 && maxContentLength !== rules.maxContentLength;
  return {
    maxRedirects: maxRedirects ?? rules.maxRedirects,
    maxContentLength: isOwn ? maxContentLength : rules.maxContentLength,
    maxJson: isOwn ? maxContentLength : rules.maxJson,
    listed: rules.listed,
    key: rules.key,
  };
}

async function wireRequest(config: InternalAxiosRequestConfig): Promise<WireRequest> {
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
  return { origin: parsed.origin, path: parsed.pathname + parsed.search, method, headers: list, body };
}

/** axios has serialized the body already, but for forms with files, and for what is no text at all. */
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
    const encoded = new Response(data);
    const type = encoded.headers.get('content-type');
    if (type !== null) headers.set('Content-Type', type);
    return Buffer.from(await encoded.arrayBuffer());
  }
  throw failed(
    new Failure('ERR_UPSTREAM_HOOK', 'its data is not text, bytes or a form (a stream cannot be sent twice)'),
    config,
  );
}

async function readBody(
  answer: Answer,
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
  answer: Answer,
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
  if (text instanceof Failure || body.length <= maxJson) return text;
  // Without a responseType, axios parses every text that begins as JSON does.
  const isParsed = responseType === 'json' || (!responseType && (type.kind === 'json' || /^\s*[[{]/.test(text)));
  return isParsed ? jsonTooLarge(maxJson) : text;
}
