import type { Outcome } from '../../src/index.js';
import { type Entry, pathOf } from './inputs.js';

/** One client's way through a page. */
export class Visit {
  readonly name: string;
  readonly page: number;
  readonly entries: readonly Entry[];
  /** By the clock: when it began, and when it is to have ended. */
  readonly began: number;
  readonly endsAt: number;
  /** Whether the client waits less than the page would. */
  readonly isHurried: boolean;
  /** When and with what `next` was called, or `page.run()` ended. */
  readonly ends: { readonly at: number; readonly error: unknown }[] = [];
  hasLeft = false;
  /** Whether the instance was closed meanwhile, and its time for that is over: nothing is sent any more. */
  isCut = false;
  /** Null where there are none: a run without Express that failed gives no outcomes. */
  outcomes: Record<string, Outcome> | null = null;
  data: Record<string, unknown> = {};
  /** What outcomes and data were when it ended, as JSON. */
  atEnd = '';
  /** How many hooks of its page are at work for it. */
  hooks = 0;

  constructor(
    name: string,
    page: number,
    entries: readonly Entry[],
    began: number,
    endsAt: number,
    isHurried: boolean,
  ) {
    this.name = name;
    this.page = page;
    this.entries = entries;
    this.began = began;
    this.endsAt = endsAt;
    this.isHurried = isHurried;
  }

  get isOver(): boolean {
    return this.hasLeft || this.ends.length > 0;
  }

  /** Whether one of its upstreams has this path. */
  asksFor(path: string): boolean {
    return this.entries.some((entry, at) => {
      const start = pathOf(this.page, at, entry, this.name).replace('{item}', '');
      return path === start || path.startsWith(`${start}?`) || (entry.items !== null && path.startsWith(start));
    });
  }
}
