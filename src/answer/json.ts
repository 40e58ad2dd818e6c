import { Failure } from '../errors.js';

/**
 * How many bytes of JSON an answer may have by default. JSON is parsed on the event loop in one go. Ordinary JSON takes about
 * 1 ms for 100 KB. Hostile JSON (many brackets, many names) takes up to 10 ms, and its time grows faster than its length. At
 * this limit, ordinary JSON takes 3 ms and hostile JSON 20 ms.
 */
const MOST_JSON = 256 * 1024;

/** How many bytes of JSON an upstream's answer may have: its maxContentLength if the page gave one, else the default. */
export function mostJson(config: { readonly maxContentLength: number; readonly given: ReadonlySet<string> }): number {
  return config.given.has('maxContentLength') ? config.maxContentLength : Math.min(config.maxContentLength, MOST_JSON);
}

export function jsonTooLarge(limit: number): Failure {
  return new Failure(
    'ERR_UPSTREAM_TOO_LARGE',
    `its JSON is larger than ${limit} bytes, the default for JSON; set maxContentLength to allow more`,
  );
}
