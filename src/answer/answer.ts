import { Failure } from '../errors.js';
import type { OutcomeSource, UpstreamResponse } from '../outcome.js';
import type { Decoder } from './decode.js';
import type { Policy } from './policy.js';
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
  /** The checked data, or a promise of it, whose work stops once `who` is over. Called once: the body is not kept. */
  read(decoder: Decoder, who: Waiting): unknown | Failure;
  /** The answer as seen by a call that shared another's request. */
  forFollower(): Answer;
  /** Its head, as an outcome shows it. */
  response(): UpstreamResponse;
}

/** How a request ended. */
export type Result = Answer | Failure;

/** Why a result is no success, by its status; null where it is one. */
export function refusalOf(result: Result, policy: Policy): Failure | null {
  if (result instanceof Failure) return result;
  const accepted = result.accepted(policy);
  if (accepted === true) return null;
  return accepted || new Failure('ERR_UPSTREAM_STATUS', `it answered ${result.status}`, undefined, result.status);
}
