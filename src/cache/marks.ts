import { createHash } from 'node:crypto';
import type { Entry } from './entry.js';

/** What an invalidation does: `stale` entries are revalidated before they are used again, `gone` ones are never used again. */
export type Effect = 'stale' | 'gone';

// As many as the log of a second level has.
const MOST_MARKS = 10_000;

/** The mark of a tag, of a URL, or of all entries. It tells nothing of its name, for it goes to where others may look. */
export function markOf(kind: 'tag' | 'url' | 'quota', name: string): string {
  return createHash('sha256').update(`${kind} ${name}`).digest('base64url').slice(0, 22);
}

/** The mark of a URL. Templates leave some characters as they are that a URL parser encodes, such as the apostrophe in a query. */
export function urlMark(url: string | URL): string {
  const { origin, pathname, search } = new URL(url);
  return markOf('url', origin + pathname + search);
}

/** The tag of a cache group of an origin (RFC 9875). */
export function groupTag(origin: string, group: string): string {
  return `${origin}#${group}`;
}

export const EVERYTHING = 'everything';

/**
 * Remembers which marks were made stale or gone, and when, counted in its own steps. An entry that was asked for before is
 * concerned; it is looked at when it is used, so that neither marking nor forgetting has to find entries.
 */
export class Marks {
  /** Counts the changes. */
  now = 0;
  readonly #last: Record<Effect, Map<string, number>> = { stale: new Map(), gone: new Map() };
  /** What was asked for before is gone: marks of that time have been forgotten. */
  #floor = 0;

  add(effect: Effect, mark: string): void {
    const last = this.#last[effect];
    // The latest last, so that the oldest is forgotten first.
    last.delete(mark);
    last.set(mark, ++this.now);
    if (last.size <= MOST_MARKS) return;
    for (const [oldest, at] of last) {
      this.#floor = Math.max(this.#floor, at);
      last.delete(oldest);
      return;
    }
  }

  /** Whether an entry may be used; one that has been made stale is spoilt. */
  allows(entry: Entry): boolean {
    if (entry.checkedAt === this.now) return true;
    const since = entry.askedAt;
    if (since < this.#floor || this.#isMarked('gone', entry, since)) return false;
    if (this.#isMarked('stale', entry, since)) entry.spoil();
    entry.checkedAt = this.now;
    return true;
  }

  /** Whether an entry was marked since it was asked for, and is no answer to who asked at a later moment. */
  isOutdated(entry: Entry, moment: number): boolean {
    const since = entry.askedAt;
    if (since >= moment) return false;
    return since < this.#floor || this.#isMarked('gone', entry, since) || this.#isMarked('stale', entry, since);
  }

  #isMarked(effect: Effect, { marks }: Entry, since: number): boolean {
    const last = this.#last[effect];
    if ((last.get(EVERYTHING) ?? 0) > since) return true;
    return marks.some((mark) => (last.get(mark) ?? 0) > since);
  }
}
