import type { CallPlan } from '../call/plan.js';
import type { PageConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import type { PageGraph } from '../graph-types.js';

/** A node of a dependency graph. */
export interface Node {
  readonly name: string;
  readonly waitsFor: readonly string[];
}

export interface Sorted<N extends Node> {
  readonly node: N;
  /** How many nodes wait for it, directly or not. */
  readonly weight: number;
}

/**
 * Sorts a graph so that whatever a node waits for comes before it. Each cycle is a problem that shows its path; the
 * nodes on it are left out.
 */
export function sortGraph<N extends Node>(nodes: readonly N[], problems: Problems): Sorted<N>[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const order: N[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];

  const visit = (node: N): void => {
    if (state.get(node.name) === 'done') return;
    if (state.get(node.name) === 'open') {
      const cycle = [...trail.slice(trail.indexOf(node.name)), node.name];
      problems.add(node.name, `waits for itself: ${cycle.join(' → ')}`);
      return;
    }
    state.set(node.name, 'open');
    trail.push(node.name);
    for (const name of node.waitsFor) {
      const other = byName.get(name);
      if (other !== undefined) visit(other);
    }
    trail.pop();
    state.set(node.name, 'done');
    order.push(node);
  };
  for (const node of nodes) visit(node);
  return order.map((node) => ({ node, weight: waitingFor(node.name, nodes).size }));
}

function waitingFor(name: string, nodes: readonly Node[], found = new Set<string>()): Set<string> {
  for (const node of nodes) {
    if (node.waitsFor.includes(name) && !found.has(node.name)) {
      found.add(node.name);
      waitingFor(node.name, nodes, found);
    }
  }
  return found;
}

/** What is known of a page to those who explain its runs. */
export function graphOf(calls: readonly CallPlan[], crowded: boolean, options: PageConfig): PageGraph {
  const namesOf = (plans: readonly CallPlan[]) => plans.map(({ name }) => name);
  return {
    upstreams: calls.map(({ name, waitsFor, reads, weight, config }) => {
      const { required, defer, fragment, cache, method, safe, hedge, timeout } = config;
      const isRead = method === 'GET' || method === 'HEAD' || safe;
      return {
        name,
        waitsFor: namesOf(waitsFor),
        reads: namesOf(reads),
        weight,
        required,
        deferred: defer,
        fragment,
        cached: cache !== null,
        cacheable: isRead,
        hedgeable: isRead,
        hedged: hedge !== null,
        timeout,
      };
    }),
    concurrency: options.concurrency,
    crowded,
    deadline: options.deadline,
  };
}
