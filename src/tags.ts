import type { Outcome } from './outcome.js';

const tags = new WeakMap<Outcome, readonly string[]>();

/** Notes what the data of an outcome is about. Not in the outcome itself, which is for everybody to see. */
export function noteTags(outcome: Outcome, names: readonly string[]): void {
  tags.set(outcome, names);
}

/** The tags of the data of an outcome. */
export function tagsOf(outcome: Outcome): readonly string[] {
  return tags.get(outcome) ?? [];
}
