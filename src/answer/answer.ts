import type { UpstreamConfig } from '../checked.js';
import { Failure } from '../errors.js';
import type { OutcomeSource, UpstreamResponse } from '../outcome.js';
import type { DecodeOptions } from './decode.js';
import type { Policy } from './policy.js';
import { validate } from './schema.js';
import type { Waiting } from './turn-share.js';

/** An upstream's answer, wherever it came from. */
export interface Answer {
  readonly status: number;
  readonly source: OutcomeSource;
  /** The URL that answered, as it may be shown. */
  readonly url: string;
  /** One header's value, its repetitions joined by a comma; null if there is none. `name` is in lower case. */
  header(name: string): string | null;
  /** The value of a header that should come once. Equal repetitions count once; undefined if they differ. */
  single(name: string): string | null | undefined;
  /** Whether it is a success; a failure if the page's own test failed. */
  accepted(policy: Policy): boolean | Failure;
  /** The data, or a promise of it, whose work stops once `who` is over. Called once: the body is not kept. */
  read(options: DecodeOptions, who: Waiting): unknown | Failure;
  /** The answer as seen by a call that shared another's request. */
  forFollower(): Answer;
  /** Its head, as an outcome shows it. */
  response(): UpstreamResponse;
}

/** How a request ended. */
export type Result = Answer | Failure;

/** Judges an answer's status, decodes its body and checks the data. Returns the data or a failure, or a promise of either. */
export function readAnswer(
  answer: Answer,
  policy: Policy,
  options: DecodeOptions & Pick<UpstreamConfig, 'schema'>,
  who: Waiting,
): unknown {
  const accepted = answer.accepted(policy);
  if (accepted !== true) {
    return accepted || new Failure('ERR_UPSTREAM_STATUS', `it answered ${answer.status}`, undefined, answer.status);
  }
  const data = answer.read(options, who);
  return options.schema === null || data instanceof Failure ? data : validate(options.schema, data);
}
