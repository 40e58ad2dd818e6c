import { Failure } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import type { UpstreamConfig } from '../plan/plan.js';
import type { Answer } from '../transport/answer.js';
import { jsonTooLarge, mostJson } from '../transport/json.js';
import { asJson, contentType } from '../transport/text.js';
import { readText, timeToParse } from '../transport/text-in-turns.js';
import type { Waiting } from '../transport/turn-share.js';
import type { ResponseTransformer } from '../types.js';
import { isThenable } from './hook.js';

export type DecodeOptions = Pick<
  UpstreamConfig,
  'method' | 'responseType' | 'transformResponse' | 'maxContentLength' | 'given'
>;

/**
 * The data of an answer. No body is null; a JSON content type is parsed, other text is a string by its charset, the rest
 * is a Buffer; `responseType` overrules the content type, and transformers replace the parsing of JSON (theirs may be a
 * promise). It is a promise too where it has to wait for another turn of the event loop; then nothing is done once `who` is over.
 */
export function decode(answer: Answer, config: DecodeOptions, who: Waiting | null = null): unknown | Failure {
  const { status } = answer;
  const body = answer.takeBody();
  if (body.length === 0 || config.method === 'HEAD' || status === 204 || status === 205 || status === 304) return null;
  const { responseType, transformResponse } = config;
  if (responseType === 'arraybuffer') return interpret(answer.ownBytes(body), answer, config, false);
  if (answer.encoded !== null) return answer.encoded;
  const type = contentType(answer.header('content-type'));
  if (responseType === null && type.kind === 'binary' && transformResponse.length === 0) return answer.ownBytes(body);
  const isJson = responseType === 'json' || (responseType === null && type.kind === 'json');
  if (isJson && body.length > mostJson(config)) return jsonTooLarge(mostJson(config));
  const text = readText(body, responseType === 'json' ? asJson(type) : type, who);
  if (text instanceof Promise) return interpretLater(text, answer, config, isJson, who);
  return interpret(text, answer, config, isJson);
}

async function interpretLater(
  text: Promise<string | Failure>,
  answer: Answer,
  config: DecodeOptions,
  isJson: boolean,
  who: Waiting | null,
): Promise<unknown | Failure> {
  const read = await text;
  if (isJson && !(read instanceof Failure)) await timeToParse(read, who);
  return who?.over ? null : interpret(read, answer, config, isJson);
}

/** What a page makes of a body: its transformers' result, parsed JSON, or the body itself. */
function interpret(
  data: Buffer | string | Failure,
  answer: Answer,
  { transformResponse }: DecodeOptions,
  isJson: boolean,
): unknown | Failure {
  if (data instanceof Failure) return data;
  if (transformResponse.length > 0) return transform(data, answer, transformResponse);
  return isJson ? parseJson(data as string) : data;
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
