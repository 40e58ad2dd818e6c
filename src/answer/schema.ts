import { Failure } from '../errors.js';
import { hookFailure } from '../hook.js';
import { incompleteOf, ourVendor } from '../seam.js';
import { shown } from '../shown.js';
import type { StandardIssue, StandardSchema } from '../standard-schema.js';

const MOST_ISSUES = 5;

// Paths contain keys of the data, and messages may quote the data: both can be of any length, and have line breaks.
const MOST_SEGMENTS = 10;
const LONGEST_SEGMENT = 40;
const LONGEST_PROBLEM = 200;
const LONGEST = 600;

// Libraries whose messages never quote the data, so that they can be shown.
const discreet: ReadonlySet<string> = new Set(['zod']);

/** Data that is not all there, and why. */
export class PartialData {
  readonly data: unknown;
  readonly failure: Failure;

  constructor(data: unknown, failure: Failure) {
    this.data = data;
    this.failure = failure;
  }
}

/** The data, checked by the schema if there is one; a PartialData where one of ours found only a part. */
export function checked(data: unknown, schema: StandardSchema | null): unknown | Failure {
  return schema === null || data instanceof Failure ? data : validate(schema, data);
}

/** The schema's output for the data (which may be a promise), or a failure that says what does not meet the schema. */
async function validate(schema: StandardSchema, data: unknown): Promise<unknown | Failure> {
  try {
    const settled = await data;
    if (settled instanceof Failure) return settled;
    const result = await schema['~standard'].validate(settled);
    const { vendor } = schema['~standard'];
    // Some libraries give a promise as the value if a transform returned one.
    if (result.issues === undefined) return vendor === ourVendor ? whole(result.value) : await result.value;
    const issues = result.issues
      .slice(0, MOST_ISSUES)
      .map((issue) => describe(issue, vendor))
      .join('; ');
    return new Failure('ERR_UPSTREAM_SCHEMA', `its data does not meet the schema: ${shown(issues, LONGEST)}`, {
      issues: result.issues,
    });
  } catch (cause) {
    return hookFailure('its schema threw', cause);
  }
}

function whole(value: unknown): unknown | Failure {
  const found = incompleteOf(value);
  if (found === null) return value;
  return found.data === null ? found.failure : new PartialData(found.data, found.failure);
}

function describe(issue: StandardIssue, vendor: string): string {
  const path = issue.path ?? [];
  const keys = path
    .slice(0, MOST_SEGMENTS)
    .map((segment) => shown(String(typeof segment === 'object' ? segment.key : segment), LONGEST_SEGMENT));
  if (path.length > MOST_SEGMENTS) keys.push('…');
  const problem = discreet.has(vendor) ? shown(String(issue.message), LONGEST_PROBLEM) : 'invalid';
  return keys.length === 0 ? problem : `${keys.join('.')}: ${problem}`;
}
