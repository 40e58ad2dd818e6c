/** An upstream, as those who explain a run need to know it. */
export interface GraphNode {
  readonly name: string;
  /** Those that it waits for, and of these the ones whose data it reads. */
  readonly waitsFor: readonly string[];
  readonly reads: readonly string[];
  /** How many wait for it: the heaviest gets a slot first. */
  readonly weight: number;
  readonly required: boolean;
  readonly deferred: boolean;
  readonly fragment: boolean;
  /** Whether it is cached; and whether it could be. */
  readonly cached: boolean;
  readonly cacheable: boolean;
  /** Whether it may be asked twice at once. */
  readonly hedgeable: boolean;
  readonly hedged: boolean;
  /** Milliseconds; null where only the page's deadline holds. */
  readonly timeout: number | null;
}

/** What a page knows before it runs: the same object for all of its runs. */
export interface PageGraph {
  /** In the order written. */
  readonly upstreams: readonly GraphNode[];
  readonly concurrency: number;
  /** Whether it can have more requests in flight than that. */
  readonly crowded: boolean;
  /** Milliseconds. */
  readonly deadline: number;
}
