import { Failure } from '../errors.js';

/**
 * How many bytes of JSON an answer may have unless the page says otherwise. JSON is parsed on the event loop and in one go:
 * ordinary text takes about 1 ms for 100 KB, but text that is made to be slow (many brackets, many names) takes up to ten, and
 * what it takes grows faster than its length. So much is 3 ms of the one, and 20 ms of the other.
 */
export const MOST_JSON = 256 * 1024;

/** How many bytes of JSON an upstream's answer may have: what its page gave, or else the default. */
export function mostJson(config: { readonly maxContentLength: number; readonly given: ReadonlySet<string> }): number {
  return config.given.has('maxContentLength') ? config.maxContentLength : Math.min(config.maxContentLength, MOST_JSON);
}

export function jsonTooLarge(limit: number): Failure {
  return new Failure(
    'ERR_UPSTREAM_TOO_LARGE',
    `its JSON is larger than ${limit} bytes, the default for JSON; set maxContentLength to allow more`,
  );
}
