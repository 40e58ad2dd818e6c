import type { UpstreamConfig } from '../checked.js';
import { attemptTimeoutStage } from './attempt-timeout.js';
import { breakerStage } from './breaker.js';
import { cacheStage } from './cache.js';
import { coalesceStage } from './coalesce.js';
import { deadlineHeaderStage } from './deadline-header.js';
import { fillStage } from './fill.js';
import { hedgeStage } from './hedge.js';
import { invalidateStage } from './invalidate.js';
import { limitStage } from './limit.js';
import { quotaStage } from './quota.js';
import { retryStage } from './retry.js';
import type { Send, Stage } from './stage.js';

/** Outermost first. */
const stages: readonly Stage<unknown>[] = [
  invalidateStage,
  cacheStage,
  coalesceStage,
  fillStage,
  retryStage,
  breakerStage,
  hedgeStage,
  quotaStage,
  limitStage,
  deadlineHeaderStage,
  attemptTimeoutStage,
] as Stage<unknown>[];

/**
 * Wraps `attempt` in the stages that an upstream configures.
 * @param coincides whether another call of the same run may make an equal request
 */
export function buildPipeline(upstream: UpstreamConfig, coincides: boolean, attempt: Send): Send {
  return stages.reduceRight((next, stage) => {
    const options = stage.options(upstream, coincides);
    return options === null ? next : stage.wrap(options, next);
  }, attempt);
}
