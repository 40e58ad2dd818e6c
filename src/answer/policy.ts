import { Failure } from '../errors.js';
import { hookFailure, isThenable } from '../hook.js';

/** The rules for all answers of an upstream: its limits, and which statuses are a success. */
export interface Policy {
  /** The name of the upstream. */
  readonly upstream: string;
  readonly maxRedirects: number;
  readonly maxContentLength: number;
  /** The limit for JSON, which is parsed in one go. */
  readonly maxJson: number;
  /** The origins that the page names for this upstream; a redirect to another must be to a public address. */
  readonly listed: ReadonlySet<string>;
  /** The page's own function: it may throw. */
  readonly validateStatus: (status: number) => unknown;
  /** A method besides GET and HEAD whose requests only read here, so that one may be sent again unasked; null where there is none. */
  readonly safeMethod: string | null;
  /** Whether a request asks if what is stored is still right, by validators of its URL that the page has not written. */
  readonly revalidates: boolean;
  /** Of the headers that are sent, those by which stored answers are told apart, beside those of Vary; null for all. */
  readonly keyHeaders: ReadonlySet<string> | null;
  /** Equal for policies under which equal requests may be answered with the same stored answer. */
  readonly scope: string;
  /** Equal for policies under which equal requests have equal results. */
  readonly key: string;
}

/** Whether a status is a success; a failure if the page's own test throws or returns a promise. */
export function acceptsStatus({ validateStatus }: Policy, status: number): boolean | Failure {
  try {
    const verdict = validateStatus(status);
    if (!isThenable(verdict)) return Boolean(verdict);
    verdict.then(ignore, ignore);
    return new Failure('ERR_UPSTREAM_HOOK', 'its validateStatus function returned a promise');
  } catch (cause) {
    return hookFailure('its validateStatus function threw', cause);
  }
}

function ignore(): void {}
