import { Failure } from '../errors.js';
import type { StandardIssue, StandardSchema } from '../types.js';

const MOST_ISSUES = 5;

// Libraries whose messages do not quote the data, which is nobody's business but the page's.
const discreet: ReadonlySet<string> = new Set(['zod']);

/** The schema's output, or what the data, or what it becomes, does not meet. */
export async function validate(schema: StandardSchema, data: unknown): Promise<unknown | Failure> {
  try {
    const settled = await data;
    if (settled instanceof Failure) return settled;
    const result = await schema['~standard'].validate(settled);
    if (result.issues === undefined) return result.value;
    const { vendor } = schema['~standard'];
    const issues = result.issues
      .slice(0, MOST_ISSUES)
      .map((issue) => describe(issue, vendor))
      .join('; ');
    return new Failure('ERR_UPSTREAM_SCHEMA', `its data does not meet the schema: ${issues}`, {
      issues: result.issues,
    });
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_HOOK', 'its schema threw', cause);
  }
}

function describe(issue: StandardIssue, vendor: string): string {
  const keys = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  const problem = discreet.has(vendor) ? issue.message : 'invalid';
  return keys.length === 0 ? problem : `${keys.join('.')}: ${problem}`;
}
