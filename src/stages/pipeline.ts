import type { UpstreamConfig } from '../checked.js';
import { attemptTimeoutStage } from './attempt-timeout.js';
import { breakerStage } from './breaker.js';
import { coalesceStage } from './coalesce.js';
import { deadlineHeaderStage } from './deadline-header.js';
import { hedgeStage } from './hedge.js';
import { limitStage } from './limit.js';
import { quotaStage } from './quota.js';
import { retryStage } from './retry.js';
import type { Send, Stage } from './stage.js';

/** Outermost first. */
const stages: readonly Stage<unknown>[] = [
  coalesceStage,
  retryStage,
  breakerStage,
  hedgeStage,
  quotaStage,
  limitStage,
  deadlineHeaderStage,
  attemptTimeoutStage,
] as Stage<unknown>[];

/**
 * Puts together how the requests of an upstream are sent: of the stages those that it configures, and within them `attempt`.
 * @param coincides whether another call of the same run may make an equal request
 */
export function buildPipeline(upstream: UpstreamConfig, coincides: boolean, attempt: Send): Send {
  return stages.reduceRight((next, stage) => {
    const options = stage.options(upstream, coincides);
    return options === null ? next : stage.wrap(options, next);
  }, attempt);
}
