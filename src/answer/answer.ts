import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import type { OutcomeSource, UpstreamResponse } from '../outcome.js';
import type { DecodeOptions } from './decode.js';
import type { Policy } from './policy.js';
import { validate } from './schema.js';
import type { Waiting } from './turn-share.js';

/** How the body of an answer becomes data. */
export type Decoder = DecodeOptions;

/** An upstream's answer, wherever it came from. */
export interface Answer {
  readonly status: number;
  readonly source: OutcomeSource;
  /** The URL that answered, as it may be shown. */
  readonly url: string;
  /** One header's value, its repetitions joined by a comma; null if there is none. `name` is in lower case. */
  header(name: string): string | null;
  /** The same of a header of which there is to be one: repetitions count once; undefined where they are not equal. */
  single(name: string): string | null | undefined;
  /** Whether it is a success, or why that cannot be told. */
  accepted(policy: Policy): boolean | Failure;
  /** The data, or the promise of it, which does no more once `who` is over. Asked for once: the body is not kept. */
  read(decoder: Decoder, who: Waiting): unknown | Failure;
  /** The same for a call that did not ask for it itself. */
  forFollower(): Answer;
  /** Its head, as an outcome shows it. */
  response(): UpstreamResponse;
}

/** How a request ended. */
export type Result = Answer | Failure;

/** The data of an answer, or why there is none: its status is judged, its body decoded and checked. Or the promise of it. */
export function readAnswer(
  answer: Answer,
  policy: Policy,
  decoder: Decoder & Pick<UpstreamConfig, 'schema'>,
  who: Waiting,
): unknown {
  const accepted = answer.accepted(policy);
  if (accepted !== true) {
    return accepted || new Failure('ERR_UPSTREAM_STATUS', `it answered ${answer.status}`, undefined, answer.status);
  }
  const data = answer.read(decoder, who);
  return decoder.schema === null || data instanceof Failure ? data : validate(decoder.schema, data);
}
