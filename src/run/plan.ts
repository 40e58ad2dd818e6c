import type { CallPlan } from '../call/plan.js';
import type { PageConfig } from '../checked.js';
import type { PageGraph } from '../graph-types.js';

/** A page, checked and compiled once. */
export interface PagePlan {
  readonly names: readonly string[];
  /** In the order written. */
  readonly calls: readonly CallPlan[];
  /** Those that are deferred. */
  readonly late: readonly CallPlan[];
  readonly graph: PageGraph;
  /** Those that wait for nobody, heaviest first. */
  readonly roots: readonly CallPlan[];
  /** Whether more attempts than `concurrency` can be in flight, so that they must be counted. */
  readonly crowded: boolean;
  readonly options: PageConfig;
}
