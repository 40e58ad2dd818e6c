import { sendAttempt } from '../call/attempt.js';
import { breakerStage } from '../call/breaker.js';
import { coalesceStage } from '../call/coalesce.js';
import { hedgeStage } from '../call/hedge.js';
import type { Send } from '../call/host.js';
import { retryStage } from '../call/retry.js';
import type { UpstreamConfig } from './plan.js';

/**
 * Puts together how an upstream's requests are sent: outermost first, coalesce → retry → breaker → hedge → attempt, of which
 * only those that it configures are there. `coincides`: another call of the same run may make an equal request.
 */
export function planSend({ coalesce, retry, breaker, hedge }: UpstreamConfig, coincides: boolean): Send {
  let send: Send = sendAttempt;
  if (hedge !== null) send = hedgeStage(hedge)(send);
  if (breaker !== null) send = breakerStage(breaker)(send);
  if (retry !== null) send = retryStage(retry)(send);
  if (coalesce) send = coalesceStage('instance')(send);
  else if (coincides) send = coalesceStage('run')(send);
  return send;
}

/** Whether a way of sending requests is one attempt and nothing else. */
export function isDirect(send: Send, { attemptTimeout, deadlineHeader }: UpstreamConfig): boolean {
  return send === sendAttempt && attemptTimeout === null && deadlineHeader === null;
}

/** Whether the requests of two upstreams can turn out equal: the one's URL may begin as the other's does. */
export function mayCoincide(a: UpstreamConfig, b: UpstreamConfig): boolean {
  if (a.method !== b.method) return false;
  const [one, other] = [literalStart(a), literalStart(b)];
  if (one.whole && other.whole) return one.text === other.text;
  return (!one.whole && other.text.startsWith(one.text)) || (!other.whole && one.text.startsWith(other.text));
}

/** How a URL begins for sure, and whether that is all of it. */
function literalStart({ url, params }: UpstreamConfig): { text: string; whole: boolean } {
  if (typeof url !== 'string') return { text: '', whole: false };
  const start = url.slice(0, url.includes('{') ? url.indexOf('{') : undefined);
  // One URL can be written in several ways: a host in capitals, no slash after it.
  const text = URL.canParse(start) ? new URL(start).href : start;
  return { text, whole: start === url && params === null };
}
