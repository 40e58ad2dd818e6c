import type { UpstreamErrorCode } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { incomplete, ourVendor } from '../seam.js';
import { shown } from '../shown.js';
import type { StandardSchema } from '../standard-schema.js';

const code: UpstreamErrorCode = 'ERR_UPSTREAM_GRAPHQL';
const MOST_NAMED = 3;
const LONGEST_PATH = 80;

/**
 * Reads the data out of a GraphQL response (GraphQL specification, section 7.1, "Response Format"). Errors beside data make it
 * incomplete; without data the call has failed.
 */
export const answerSchema: StandardSchema<unknown, never> = {
  '~standard': {
    version: 1,
    vendor: ourVendor,
    validate: (response) => ({ value: dataOf(response) as never }),
  },
};

function dataOf(response: unknown): unknown {
  if (!isPlainObject(response)) return incomplete(null, code, 'its answer is no GraphQL response');
  const { data = null, errors } = response;
  if (Array.isArray(errors) && errors.length > 0) return incomplete(data, code, describe(errors), { errors });
  return data === null ? incomplete(null, code, 'its answer has neither data nor errors') : data;
}

/** Where the errors are and of which kind. Not their messages, which may quote the variables. */
function describe(errors: readonly unknown[]): string {
  const named = errors.slice(0, MOST_NAMED).flatMap(nameOf);
  const more = named.length > 0 && errors.length > MOST_NAMED ? ', …' : '';
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
  return `it answered with ${count}${named.length > 0 ? `: ${named.join(', ')}${more}` : ''}`;
}

function nameOf(error: unknown): string[] {
  const { path, extensions } = isPlainObject(error) ? error : {};
  const kind = isPlainObject(extensions) ? extensions['code'] : undefined;
  const words = [
    typeof kind === 'string' && /^\w{1,40}$/.test(kind) ? kind : 'error',
    Array.isArray(path) && path.length > 0
      ? `at ${shown(path.slice(0, LONGEST_PATH).map(stepOf).join('.'), LONGEST_PATH)}`
      : '',
  ];
  const name = words.filter((word) => word !== '').join(' ');
  return name === 'error' ? [] : [name];
}

/** A name or an index. Anything else is made no text of, for that may throw. */
function stepOf(step: unknown): string {
  return typeof step === 'string' ? step.slice(0, LONGEST_PATH) : typeof step === 'number' ? String(step) : '?';
}
