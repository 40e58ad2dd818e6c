import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import type { UpstreamConfig } from '../plan/plan.js';
import type { Answer } from '../transport/answer.js';
import { lent } from '../transport/body.js';
import { contentType, decodeText } from '../transport/text.js';
import type { ResponseTransformer } from '../types.js';
import { isThenable } from './hook.js';

export type DecodeOptions = Pick<UpstreamConfig, 'method' | 'responseType' | 'transformResponse'>;

/**
 * The data of an answer. No body is null; a JSON content type is parsed, other text is a string by its charset, the rest
 * is a Buffer; `responseType` overrules the content type, and transformers replace the parsing of JSON (theirs may be a
 * promise).
 */
export function decode(answer: Answer, config: DecodeOptions): unknown | Failure {
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
