import { Failure } from '../errors.js';
import { hookFailure } from '../hook.js';
import { shown } from '../shown.js';
import type { StandardIssue, StandardSchema } from '../standard-schema.js';

const MOST_ISSUES = 5;

// Paths have keys of the data in them, and what a schema says may quote it: neither knows an end, nor what a line is.
const MOST_SEGMENTS = 10;
const LONGEST_SEGMENT = 40;
const LONGEST_PROBLEM = 200;
const LONGEST = 600;

// Libraries whose messages do not quote the data, which is nobody's business but the page's.
const discreet: ReadonlySet<string> = new Set(['zod']);

/** The schema's output, or what the data, or what it becomes, does not meet. */
export async function validate(schema: StandardSchema, data: unknown): Promise<unknown | Failure> {
  try {
    const settled = await data;
    if (settled instanceof Failure) return settled;
    const result = await schema['~standard'].validate(settled);
    // A transform that is not declared async may give a promise all the same.
    if (result.issues === undefined) return await result.value;
    const { vendor } = schema['~standard'];
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

function describe(issue: StandardIssue, vendor: string): string {
  const path = issue.path ?? [];
  const keys = path
    .slice(0, MOST_SEGMENTS)
    .map((segment) => shown(String(typeof segment === 'object' ? segment.key : segment), LONGEST_SEGMENT));
  if (path.length > MOST_SEGMENTS) keys.push('…');
  const problem = discreet.has(vendor) ? shown(String(issue.message), LONGEST_PROBLEM) : 'invalid';
  return keys.length === 0 ? problem : `${keys.join('.')}: ${problem}`;
}
