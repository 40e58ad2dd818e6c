import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import { isThenable } from '../hook.js';
import type { UpstreamResponse } from '../outcome.js';
import type { ResponseTransformer } from '../types.js';
import type { Body } from './body.js';
import { jsonTooLarge, mostJson } from './json.js';
import { asJson, contentType } from './text.js';
import { readText, timeToParse } from './text-in-turns.js';
import type { Waiting } from './turn-share.js';

export type DecodeOptions = Pick<
  UpstreamConfig,
  'method' | 'responseType' | 'transformResponse' | 'maxContentLength' | 'given'
>;

/** What there is to decode: of an answer. */
export interface Encoded extends Pick<UpstreamResponse, 'headers' | 'status'> {
  /** Hands the body over: the answer holds it no longer. */
  takeBody(): Body;
  /** A body for data that a page may write into. */
  ownBytes(body: Body): Buffer;
  header(name: string): string | null;
  /** Why the body is still as it was sent; null if it is not. */
  readonly encoded: Failure | null;
}

/**
 * The data of an answer. No body is null; a JSON content type is parsed, other text is a string by its charset, the rest
 * is a Buffer; `responseType` overrules the content type, and transformers replace the parsing of JSON (theirs may be a
 * promise). It is a promise too where it has to wait for another turn of the event loop; then nothing is done once `who` is over.
 */
export function decode(answer: Encoded, config: DecodeOptions, who: Waiting | null = null): unknown | Failure {
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
  answer: Encoded,
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
  answer: Encoded,
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
  // Without what was thrown, which may quote the body, as JSON.parse does.
  const threw = (cause: unknown) => new Failure('ERR_UPSTREAM_BODY', 'its transformResponse function threw', cause);
  try {
    const apply = (value: unknown, transformer: ResponseTransformer) =>
      transformer(value, answer.headers, answer.status);
    // Promises of our own, for not every thenable keeps their rules.
    const result = transformers.reduce<unknown>(
      (value, next) =>
        isThenable(value) ? Promise.resolve(value).then((settled) => apply(settled, next)) : apply(value, next),
      data,
    );
    return isThenable(result) ? Promise.resolve(result).catch(threw) : result;
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
