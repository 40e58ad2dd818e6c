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
  /** And when its deferred upstreams are to have ended. */
  readonly lateEndsAt: number;
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
  /** What the promises of what is deferred have given. */
  readonly lateData: Record<string, unknown> = {};
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
    lateEndsAt: number,
    isHurried: boolean,
  ) {
    this.name = name;
    this.page = page;
    this.entries = entries;
    this.began = began;
    this.endsAt = endsAt;
    this.lateEndsAt = lateEndsAt;
    this.isHurried = isHurried;
  }

  /** Whether nothing is to be under way for it any more. */
  get isOver(): boolean {
    return this.hasLeft || (this.hasEnded && !this.isLate);
  }

  /** Outcomes and data of what it has waited for, as JSON. */
  get whatEnded(): string {
    const names = this.entries.flatMap(({ defer }, at) => (defer ? [] : [`u${at}`]));
    return JSON.stringify(names.map((name) => [this.outcomes?.[name], this.data[name]]));
  }

  /** Whether it has what it waits for. */
  get hasEnded(): boolean {
    return this.ends.length > 0;
  }

  /** Whether something is still under way that it does not wait for. */
  get isLate(): boolean {
    return Object.values(this.outcomes ?? {}).some(({ status }) => status === 'pending');
  }

  /** By when an upstream of it is to have ended. */
  endOf({ defer }: Entry): number {
    return defer ? this.lateEndsAt : this.endsAt;
  }

  /** Whether one of its upstreams has this path. */
  asksFor(path: string): boolean {
    return this.entries.some((entry, at) => {
      const start = pathOf(this.page, at, entry, this.name).replace('{item}', '');
      return path === start || path.startsWith(`${start}?`) || (entry.items !== null && path.startsWith(start));
    });
  }
}
