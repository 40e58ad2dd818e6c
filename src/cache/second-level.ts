import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { HttpRequest } from '../transport/http-request.js';
import { decodeEntry, encodeEntry, type SharedEntry } from './encode.js';
import { Entry } from './entry.js';
import type { GuardedStore } from './guarded-store.js';
import type { Marks } from './marks.js';
import { varyValue } from './rules.js';
import type { SharedLog } from './shared-log.js';

/** Longer answers stay in memory. */
const MOST_BYTES = 1024 * 1024;
const MOST_UNSTORED = 10_000;
const nothing = new Uint8Array();
/** How long an answer that can be revalidated is kept after it may be used without that. */
const KEPT_MS = 3_600_000;
/** How long a machine may take to fetch what others wait for. After that they fetch it themselves. */
export const LOCK_MS = 3000;

/** The second level of the cache: entries as bytes in a store that machines share. Its methods reject where the store fails. */
export class SecondLevel {
  readonly log: SharedLog;
  readonly #store: GuardedStore;
  readonly #marks: Marks;
  /** Keys whose last answer could not be stored, the oldest first. */
  readonly #unstored = new Set<string>();

  constructor(store: GuardedStore, log: SharedLog, marks: Marks) {
    this.#store = store;
    this.log = log;
    this.#marks = marks;
  }

  /** The entry for a request; null where there is none that may be used, if only for revalidation. */
  async find(key: string, request: HttpRequest, clock: Clock): Promise<Entry | null> {
    const id = digest(key);
    const first = await this.#get(id, id, clock);
    if (first === null) return null;
    this.#unstored.delete(id);
    if (isFor(first, request)) return this.#entry(first, request);
    const names = first.vary.map(([name]) => name);
    const other = await this.#get(variantOf(id, names, request), id, clock);
    return other !== null && isFor(other, request) ? this.#entry(other, request) : null;
  }

  /** Stores an entry, unless it is too long. Never rejects. */
  async put(key: string, entry: Entry, request: HttpRequest, clock: Clock): Promise<void> {
    const { stored, times, tags, marks } = entry;
    const { encoded, ...others } = stored;
    const { body, position, vary, headers } = others;
    const now = clock.now();
    const kept = headers['etag'] !== undefined || headers['last-modified'] !== undefined ? KEPT_MS : 0;
    const ms = Math.max(times.freshUntil, times.swrUntil, times.errorUntil) - now + kept;
    if (encoded !== null || position === null || body.length > MOST_BYTES || ms < 1) return this.noteUnstored(key);
    const id = digest(key);
    this.#unstored.delete(id);
    const digests = vary.map(([name, value]) => [name, digest(value ?? '')] as const);
    const shared = { ...others, ...times, position, vary: digests, tags, marks, key: id };
    const bytes = encodeEntry(shared, clock.date() - now);
    const names = vary.map(([name]) => name);
    const ids = idsOf(id, names, request);
    await Promise.allSettled(ids.map((one) => this.#store.set(one, bytes, Math.ceil(ms))));
  }

  /** An answer could not be stored: nobody waits for the next one, for that would be one machine after the other. */
  noteUnstored(key: string): void {
    this.#unstored.add(digest(key));
    for (const oldest of this.#unstored) {
      if (this.#unstored.size <= MOST_UNSTORED) return;
      this.#unstored.delete(oldest);
    }
  }

  /** Puts nothing in the place of an entry. Never rejects. */
  async drop(key: string, { stored }: Entry, request: HttpRequest): Promise<void> {
    const names = stored.vary.map(([name]) => name);
    await Promise.allSettled(idsOf(digest(key), names, request).map((id) => this.#store.set(id, nothing, 1)));
  }

  /** Takes the right to fetch an answer; null where another machine has it. What is returned gives it back. */
  async lock(key: string): Promise<(() => void) | null> {
    const id = digest(key);
    if (this.#unstored.has(id)) return () => {};
    const token = randomUUID();
    if (!(await this.#store.lock(id, token, LOCK_MS))) return null;
    return () => void this.#store.unlock(id, token).catch(() => {});
  }

  async #get(id: string, key: string, clock: Clock): Promise<SharedEntry | null> {
    const bytes = await this.#store.get(id);
    return bytes === null ? null : decodeEntry(bytes, key, clock.now() - clock.date());
  }

  #entry({ tags, marks, key: _, ...stored }: SharedEntry, request: HttpRequest): Entry | null {
    const effect = this.log.effectOn(stored.position, marks);
    if (effect === 'gone') return null;
    const vary = stored.vary.map(([name]) => [name, varyValue(request, name)] as const);
    const entry = new Entry({ ...stored, vary, encoded: null }, this.#marks.now);
    entry.label(tags, marks);
    if (effect === 'stale') entry.spoil();
    return entry;
  }
}

/** Whether the values that its Vary names are those of a request. What is stored are their digests. */
function isFor({ vary }: SharedEntry, request: HttpRequest): boolean {
  return vary.every(([name, value]) => value === digest(varyValue(request, name) ?? ''));
}

/** Where the answer to a request is stored: the last one, whatever Vary names, and those that it tells apart. */
function idsOf(id: string, names: readonly string[], request: HttpRequest): string[] {
  return names.length === 0 ? [id] : [id, variantOf(id, names, request)];
}

function variantOf(id: string, names: readonly string[], request: HttpRequest): string {
  return digest(JSON.stringify([id, ...names.map((name) => [name, varyValue(request, name)])]));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
