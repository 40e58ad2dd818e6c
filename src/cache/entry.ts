import { type Decoder, decode, type Encoded } from '../answer/decode.js';
import { checked } from '../answer/schema.js';
import type { LogPosition } from '../cache-types.js';
import { Failure } from '../errors.js';
import { hookFailure, isThenable } from '../hook.js';
import type { UpstreamResponse } from '../outcome.js';
import { freeze } from './freeze.js';

/** When an answer was made, and until when it may be used how: milliseconds of the instance's clock. */
export interface Times {
  /** When its age was nought. */
  readonly bornAt: number;
  readonly freshUntil: number;
  /** Until then it may be used while it is refreshed, and then if that fails. Both are at least `freshUntil`. */
  readonly swrUntil: number;
  readonly errorUntil: number;
}

/** What is stored of an answer. */
export interface Stored extends Times {
  readonly status: number;
  /** As it may be shown. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
  /** Why it could not be decompressed; null where it was. */
  readonly encoded: Failure | null;
  /** The request's headers that its Vary names, with their values then; null for one that was not sent. */
  readonly vary: readonly (readonly [name: string, value: string | null])[];
  /** Where the log of the second level was when it was asked for; null without one. */
  readonly position: LogPosition | null;
}

// Pages that are made again for each request have functions of their own each time.
const MOST_DECODERS = 8;
/** What an entry takes beside what is counted: its objects, and its place in the maps. */
const OVERHEAD = 2400;
const never = { over: false };

/** A stored answer. Its data is decoded once for each decoder, frozen, and shared. */
export class Entry implements Encoded {
  readonly response: UpstreamResponse;
  readonly stored: Stored;
  /** Until when it may be used: those that it was stored with, unless it was invalidated. */
  times: Times;
  /** When it was asked for, and until when it is known not to have been invalidated, as marks.ts counts. */
  readonly askedAt: number;
  checkedAt: number;
  /** By the clock, from when on it may be refreshed behind a page. */
  refreshFrom = -Infinity;
  /** An estimate of its size in memory. */
  bytes: number;
  /** What it is about, and by which marks it can be invalidated: see marks.ts. */
  tags: readonly string[] = [];
  marks: readonly string[] = [];
  /** Told when it has grown. */
  onGrowth: (() => void) | null = null;
  readonly #data = new Map<string, unknown>();
  /** Decoders whose data is a promise each time, by their keys. */
  readonly #slow = new Set<string>();

  constructor(stored: Stored, askedAt: number) {
    this.stored = stored;
    this.times = stored;
    this.askedAt = askedAt;
    this.checkedAt = askedAt;
    const { status, url, headers, body, vary } = stored;
    this.response = Object.freeze({ status, headers: freezeHeaders(headers), url });
    this.bytes = OVERHEAD + body.length + 2 * url.length + 2 * JSON.stringify([headers, vary]).length;
  }

  label(tags: readonly string[], marks: readonly string[]): void {
    this.tags = Object.freeze([...tags]);
    this.marks = marks;
    this.bytes += 2 * JSON.stringify([tags, marks]).length;
  }

  get status(): number {
    return this.stored.status;
  }

  get headers(): Record<string, string | string[]> {
    return this.response.headers;
  }

  header(name: string): string | null {
    const value = Object.hasOwn(this.headers, name) ? this.headers[name] : undefined;
    return value === undefined ? null : String(value);
  }

  get encoded(): Failure | null {
    return this.stored.encoded;
  }

  takeBody(): Buffer {
    return this.stored.body;
  }

  ownBytes(): Buffer {
    return Buffer.from(this.stored.body);
  }

  /** Whether a decoder could not read it. */
  isRefusedBy({ key }: Decoder): boolean {
    return this.#data.get(key) instanceof Failure;
  }

  /** Whether a decoder is known to give a promise each time. */
  isSlowFor({ key }: Decoder): boolean {
    return this.#slow.has(key);
  }

  /**
   * The data, or a promise of it. It is the same object for all, and frozen; but what cannot be frozen (bytes, dates, instances
   * of classes) is decoded anew each time.
   */
  read(decoder: Decoder): unknown | Failure {
    const known = this.#data.get(decoder.key);
    if (known !== undefined) return known;
    try {
      const data = checked(decode(this, decoder, never), decoder.schema);
      return isThenable(data) ? this.#readLater(decoder, data) : this.#keep(decoder, data);
    } catch (cause) {
      return this.#keep(decoder, broken(cause));
    }
  }

  /** No longer fresh, nor good enough to be used while it is refreshed; a failure may still be replaced by it. */
  spoil(): void {
    const { bornAt } = this.times;
    this.times = { ...this.times, freshUntil: bornAt, swrUntil: bornAt };
  }

  async #readLater(decoder: Decoder, data: PromiseLike<unknown>): Promise<unknown> {
    try {
      const kept = this.#keep(decoder, await data);
      if (!this.#data.has(decoder.key) && this.#slow.size < MOST_DECODERS) this.#slow.add(decoder.key);
      return kept;
    } catch (cause) {
      return this.#keep(decoder, broken(cause));
    }
  }

  #keep({ key, transformResponse, schema, responseType }: Decoder, data: unknown): unknown {
    const isJson = transformResponse.length === 0 && schema === null && responseType !== 'arraybuffer';
    const bytes = data instanceof Failure ? 0 : freeze(data, isJson && !Buffer.isBuffer(data));
    // Undefined is what a transformer may return, and means here that nothing is known.
    if (bytes === null || data === undefined || this.#data.size >= MOST_DECODERS) return data;
    this.#data.set(key, data);
    this.bytes += bytes;
    this.onGrowth?.();
    return data;
  }
}

function broken(cause: unknown): Failure {
  return hookFailure('what decodes or checks its data failed:', cause);
}

function freezeHeaders(headers: Stored['headers']): Record<string, string | string[]> {
  for (const value of Object.values(headers)) Object.freeze(value);
  return Object.freeze(headers) as Record<string, string | string[]>;
}
