import type { Answer } from '../answer/answer.js';
import { type Failure, UpstreamError } from '../errors.js';
import { shown } from '../shown.js';
import type { UpstreamRequest } from '../transport/http-request.js';
import type { CallPlan } from './plan.js';

/** Turns a failure into the error that users see: it names the upstream and the URL, and is safe to show. */
export function callError(
  failure: Failure,
  { name, config }: CallPlan,
  request: UpstreamRequest | null,
  answer: Answer | null,
  attempts: number,
): UpstreamError {
  const url = answer?.url ?? request?.url ?? null;
  const where = url === null ? '' : ` (${config.method} ${shown(url)})`;
  return new UpstreamError(failure.code, `upstream '${name}': ${failure.message}${where}`, {
    upstream: name,
    url,
    upstreamStatus: failure.upstreamStatus ?? answer?.status ?? null,
    attempts,
    cause: failure.cause,
    byClient: failure.byClient,
  });
}
