import { Failure } from '../errors.js';
import type { UpstreamConfig } from '../plan/plan.js';
import type { Answer } from '../transport/answer.js';
import { DataAnswer } from '../transport/axios-attempt.js';
import { isThenable } from './hook.js';

/** Whether an answer's status is a success: what validateStatus says, which is the page's and may throw. */
export function accepts({ validateStatus }: UpstreamConfig, answer: Answer | DataAnswer): boolean | Failure {
  if (answer instanceof DataAnswer) return answer.accepted;
  try {
    const verdict: unknown = validateStatus(answer.status);
    if (!isThenable(verdict)) return Boolean(verdict);
    verdict.then(ignore, ignore);
    return new Failure('ERR_UPSTREAM_HOOK', 'its validateStatus function returned a promise');
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_HOOK', 'its validateStatus function threw', cause);
  }
}

function ignore(): void {}
