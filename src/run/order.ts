import type { CallPlan } from '../plan/plan.js';

/** Which of two calls goes first: the one that more others wait for; of equals, the one written first. */
export function heaviestFirst(a: CallPlan, b: CallPlan): number {
  return b.weight - a.weight || a.index - b.index;
}
