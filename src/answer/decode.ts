import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { isThenable } from '../hook.js';
import type { UpstreamResponse } from '../outcome.js';
import type { ResponseTransformer } from '../types.js';
import { type Body, lent } from './body.js';
import { contentType, decodeText } from './text.js';

export type DecodeOptions = Pick<UpstreamConfig, 'method' | 'responseType' | 'transformResponse'>;

/** What there is to decode: of an answer. */
export interface Encoded extends Pick<UpstreamResponse, 'headers' | 'status'> {
  /** Hands the body over: the answer holds it no longer. */
  takeBody(): Body;
  /** A body for data that a page may write into. */
  ownBytes(body: Body): Buffer;
  header(name: string): string | null;
}

/**
 * The data of an answer. No body is null; a JSON content type is parsed, other text is a string by its charset, the rest
 * is a Buffer; `responseType` overrules the content type, and transformers replace the parsing of JSON (theirs may be a
 * promise).
 */
export function decode(answer: Encoded, config: DecodeOptions): unknown | Failure {
  const { status } = answer;
  const body = answer.takeBody();
  if (body.length === 0 || config.method === 'HEAD' || status === 204 || status === 205 || status === 304) return null;
  const { responseType, transformResponse } = config;
  const type = contentType(answer.header('content-type'));
  if (transformResponse.length > 0) {
    const text = responseType === 'arraybuffer' ? answer.ownBytes(body) : decodeText(lent(body), type);
    return text instanceof Failure ? text : transform(text, answer, transformResponse);
  }
  if (responseType === 'arraybuffer' || (responseType === null && type.kind === 'binary')) {
    return answer.ownBytes(body);
  }
  const text = decodeText(lent(body), type);
  if (text instanceof Failure) return text;
  return responseType === 'json' || (responseType === null && type.kind === 'json') ? parseJson(text) : text;
}

/** What the page's own transformers make of a body, or the promise of it. */
export function transform(
  data: unknown,
  answer: Pick<UpstreamResponse, 'headers' | 'status'>,
  transformers: readonly ResponseTransformer[],
): unknown | Failure {
  const threw = (cause: unknown) => new Failure('ERR_UPSTREAM_BODY', 'its transformResponse function threw', cause);
  try {
    const apply = (value: unknown, transformer: ResponseTransformer) =>
      transformer(value, answer.headers, answer.status);
    const result = transformers.reduce<unknown>(
      (value, next) => (isThenable(value) ? value.then((settled) => apply(settled, next)) : apply(value, next)),
      data,
    );
    return isThenable(result) ? result.then((value) => value, threw) : result;
  } catch (cause) {
    return threw(cause);
  }
}

function parseJson(text: string): unknown | Failure {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_BODY', 'its body is not valid JSON', cause);
  }
}
