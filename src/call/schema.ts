import { Failure } from '../errors.js';
import type { StandardIssue, StandardSchema } from '../types.js';

/** The schema's output, or what the data, or what it becomes, does not meet. */
export async function validate(schema: StandardSchema, data: unknown): Promise<unknown | Failure> {
  try {
    const settled = await data;
    if (settled instanceof Failure) return settled;
    const result = await schema['~standard'].validate(settled);
    if (result.issues === undefined) return result.value;
    const issues = result.issues.slice(0, 5).map(describe).join('; ');
    return new Failure('ERR_UPSTREAM_SCHEMA', `its data does not meet the schema: ${issues}`, {
      issues: result.issues,
    });
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_HOOK', 'its schema threw', cause);
  }
}

function describe({ message, path = [] }: StandardIssue): string {
  const keys = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}
