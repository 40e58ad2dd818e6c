import { type Failure, UpstreamError } from '../errors.js';
import type { UpstreamResponse } from '../outcome.js';
import type { CallPlan, UpstreamRequest } from '../plan/plan.js';
import { redactUrl } from '../transport/answer.js';

/** A failure as users meet it: with whose it is, and where, and safe to show. */
export function callError(
  failure: Failure,
  { name, config }: CallPlan,
  request: UpstreamRequest | null,
  answer: UpstreamResponse | null,
  attempts: number,
): UpstreamError {
  const url = answer?.url ?? (request === null ? null : redactUrl(request.origin + request.path));
  const where = url === null ? '' : ` (${config.method} ${url})`;
  return new UpstreamError(failure.code, `upstream '${name}': ${failure.message}${where}`, {
    upstream: name,
    url,
    upstreamStatus: failure.upstreamStatus ?? answer?.status ?? null,
    attempts,
    cause: failure.cause,
  });
}
