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
  'method' | 'responseType' | 'transformResponse' | 'maxContentLength' | 'given' | 'fragment'
>;

/** How an upstream's data is made of an answer. */
export interface Decoder extends DecodeOptions, Pick<UpstreamConfig, 'schema'> {
  /** Equal for decoders that make equal data of equal answers. */
  readonly key: string;
}

/** What decoding needs of an answer. */
export interface Encoded extends Pick<UpstreamResponse, 'headers' | 'status'> {
  /** Hands the body over. The answer does not keep it. */
  takeBody(): Body;
  /** The body as a Buffer that the page may write into. */
  ownBytes(body: Body): Buffer;
  header(name: string): string | null;
  /** Why the body could not be decompressed; null if it was, or need not be. */
  readonly encoded: Failure | null;
}

/** Of a fragment that is none: its markup would be put into a page. */
export const noHtml = new Failure('ERR_UPSTREAM_BODY', 'its body is not HTML by its Content-Type');

/**
 * The data of an answer. An empty body is null. A JSON content type is parsed, other text is a string by its charset, the rest
 * is a Buffer. `responseType` overrules the content type, and transformers replace the parsing of JSON. The data is a promise
 * if a transformer returns one, or if decoding has to wait for a later turn of the event loop; the work stops once `who` is over.
 */
export function decode(answer: Encoded, config: DecodeOptions, who: Waiting | null = null): unknown | Failure {
  const { status } = answer;
  const body = answer.takeBody();
  if (body.length === 0 || config.method === 'HEAD' || status === 204 || status === 205 || status === 304) return null;
  const { responseType, transformResponse } = config;
  if (responseType === 'arraybuffer') return interpret(answer.ownBytes(body), answer, config, false);
  if (answer.encoded !== null) return answer.encoded;
  const type = contentType(answer.header('content-type'));
  if (config.fragment && type.kind !== 'html') return noHtml;
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

/** The data of a decoded body: the transformers' result, parsed JSON, or the body itself. */
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

/** Applies the page's own transformers to a body. The result may be a promise. */
export function transform(
  data: unknown,
  answer: Pick<UpstreamResponse, 'headers' | 'status'>,
  transformers: readonly ResponseTransformer[],
): unknown | Failure {
  // The message leaves out what was thrown, which may quote the body, as the errors of JSON.parse do.
  const threw = (cause: unknown) => new Failure('ERR_UPSTREAM_BODY', 'its transformResponse function threw', cause);
  try {
    const apply = (value: unknown, transformer: ResponseTransformer) =>
      transformer(value, answer.headers, answer.status);
    // Native promises, because not every thenable follows the rules of promises.
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
