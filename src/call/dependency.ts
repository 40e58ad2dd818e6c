import { Failure } from '../errors.js';
import type { CallPlan } from './plan.js';
import type { CallRun } from './run.js';

/** What keeps a call from starting: an upstream whose data it reads and that has failed or was skipped. */
export function blockerOf({ reads, config }: CallPlan, run: CallRun): Failure | 'skipped' | null {
  for (const other of reads) {
    const outcome = run.outcomeOf(other);
    // A required upstream must have data, so it fails where another would be skipped.
    if (outcome?.status === 'skipped' && !config.required) return 'skipped';
    if (outcome?.status === 'skipped') {
      return new Failure('ERR_UPSTREAM_DEPENDENCY', `it needs '${other.name}', which was skipped`);
    }
    if (outcome?.status === 'error') {
      return new Failure('ERR_UPSTREAM_DEPENDENCY', `it needs '${other.name}', which failed`, outcome.error);
    }
  }
  return null;
}
