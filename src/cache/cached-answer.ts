import type { Answer } from '../answer/answer.js';
import type { Decoder } from '../answer/decode.js';
import { acceptsStatus, type Policy } from '../answer/policy.js';
import { once } from '../answer/single-headers.js';
import type { CacheRecord } from '../cache-types.js';
import type { Failure } from '../errors.js';
import type { OutcomeSource, UpstreamResponse } from '../outcome.js';
import type { Entry } from './entry.js';

/** An answer that is stored, or could be. */
export class CachedAnswer implements Answer {
  readonly entry: Entry;
  readonly source: OutcomeSource;
  /** How it came about. */
  readonly how: CacheRecord['status'];
  /** Why it was not stored after all; null where it was. */
  readonly unstored: string | null;
  /** Its data, where it was read before; else undefined. */
  readonly #data: unknown;

  constructor(
    entry: Entry,
    source: OutcomeSource,
    how: CacheRecord['status'],
    unstored: string | null = null,
    data: unknown = undefined,
  ) {
    this.#data = data;
    this.entry = entry;
    this.source = source;
    this.how = how;
    this.unstored = unstored;
  }

  get status(): number {
    return this.entry.status;
  }

  get url(): string {
    return this.entry.stored.url;
  }

  header(name: string): string | null {
    return this.entry.header(name);
  }

  single(name: string): string | null | undefined {
    const value = this.header(name);
    return value === null ? null : once(value);
  }

  accepted(policy: Policy): boolean | Failure {
    return acceptsStatus(policy, this.status);
  }

  read(decoder: Decoder): unknown | Failure {
    return this.#data === undefined ? this.entry.read(decoder) : this.#data;
  }

  forFollower(): CachedAnswer {
    // That it is stale matters more than that it is shared.
    return this.how === 'stale' ? this : new CachedAnswer(this.entry, 'shared', this.how, this.unstored);
  }

  response(): UpstreamResponse {
    return this.entry.response;
  }
}

/** An answer whose data cannot be used. */
export class UnreadableAnswer implements Answer {
  readonly source: OutcomeSource;
  readonly #answer: Answer;
  readonly #failure: Failure;

  constructor(answer: Answer, failure: Failure) {
    this.source = answer.source;
    this.#answer = answer;
    this.#failure = failure;
  }

  get status(): number {
    return this.#answer.status;
  }

  get url(): string {
    return this.#answer.url;
  }

  header(name: string): string | null {
    return this.#answer.header(name);
  }

  single(name: string): string | null | undefined {
    return this.#answer.single(name);
  }

  accepted(): Failure {
    return this.#failure;
  }

  read(): Failure {
    return this.#failure;
  }

  forFollower(): UnreadableAnswer {
    return new UnreadableAnswer(this.#answer.forFollower(), this.#failure);
  }

  response(): UpstreamResponse {
    return this.#answer.response();
  }
}
