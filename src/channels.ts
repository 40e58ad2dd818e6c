// Channels of node:diagnostics_channel. Nothing is made for them, and nothing published, where nobody listens.
import { type Channel, channel } from 'node:diagnostics_channel';
import type { Request } from 'express';
import type { CacheRecord } from './cache-types.js';
import type { UpstreamError } from './errors.js';
import type { Outcome } from './outcome.js';

/** Of `tracing:express-mashup:run:*`: one visitor's request going through a page. Times are milliseconds of `performance.now()`'s kind. */
export interface RunMessage {
  /** The client's request; null for `page.run()` without one. */
  readonly req: Request | null;
  /** The names of the page's upstreams, in the order written. */
  readonly upstreams: readonly string[];
  readonly began: number;
  /** When the handler ran, or the run was given up; null before. What is deferred may still be under way then. */
  ended: number | null;
  /** Of all upstreams, in the order written; null before. Those that are deferred may be pending, and are filled in when they end. */
  outcomes: readonly Outcome[] | null;
  /** Of a required upstream that failed. Canceled runs have none. */
  error: UpstreamError | null;
}

/** Of `tracing:express-mashup:call:*`: one upstream in one run. A fan-out is one call. */
export interface CallMessage {
  readonly name: string;
  /** The run's, where somebody listened when it began. */
  readonly run: RunMessage | null;
  readonly began: number;
  /** Null before its end. */
  outcome: Outcome | null;
  error: UpstreamError | null;
}

/** Why an attempt is made: for a call, once more after a failure, because another is slow, or behind the page for the cache. */
export type AttemptKind = 'first' | 'retry' | 'hedge' | 'refresh';

/** Of `tracing:express-mashup:attempt:*`: one request, with the redirects that it leads to. */
export interface AttemptMessage {
  /** Of the call that it was begun for, or that had a stale copy while it is refreshed, where somebody listened. */
  readonly call: CallMessage | null;
  readonly kind: AttemptKind;
  /** Whether other calls may get its answer too, so that it does not end with its call. */
  readonly shared: boolean;
  /** The name of the upstream. */
  readonly upstream: string;
  readonly method: string;
  /** Without credentials and the values of its query. */
  readonly url: string;
  readonly began: number;
  /** Sent besides those of the request, where they are there when the start has been published. No key of sharing contains them. */
  readonly headers: Record<string, string>;
  /** Whether a kept connection was used; null before the end, and with an axios instance. */
  reused: boolean | null;
  firstByte: number | null;
  ended: number | null;
  /** Of the answer; null where there was none. */
  status: number | null;
  /** Why there was no answer. */
  error: { readonly code: string; readonly message: string } | null;
}

/** Of `express-mashup:cache`: what the cache did for a call. */
export interface CacheMessage {
  readonly upstream: string;
  readonly record: CacheRecord;
}

/** Of `express-mashup:breaker`: a breaker of an origin has another state. */
export interface BreakerMessage {
  readonly origin: string;
  readonly state: 'closed' | 'open' | 'half-open';
}

/** Of `express-mashup:budget`: a retry or a hedge was not made, for the origin's budget was used up. */
export interface BudgetMessage {
  readonly origin: string;
}

/** Of `express-mashup:store`: the store of the cache is used, or is left alone. */
export interface StoreMessage {
  readonly state: 'closed' | 'open';
}

/** The five channels of something that begins and ends, as node:diagnostics_channel's `tracingChannel(name)` has them. */
class Traced<Message extends object> {
  readonly start: Channel;
  readonly #end: Channel;
  readonly #asyncStart: Channel;
  readonly #asyncEnd: Channel;
  readonly #error: Channel;

  constructor(name: string) {
    this.start = channel(`tracing:express-mashup:${name}:start`);
    this.#end = channel(`tracing:express-mashup:${name}:end`);
    this.#asyncStart = channel(`tracing:express-mashup:${name}:asyncStart`);
    this.#asyncEnd = channel(`tracing:express-mashup:${name}:asyncEnd`);
    this.#error = channel(`tracing:express-mashup:${name}:error`);
  }

  /** Whether anybody listens. */
  get on(): boolean {
    return (
      this.start.hasSubscribers ||
      this.#asyncEnd.hasSubscribers ||
      this.#end.hasSubscribers ||
      this.#asyncStart.hasSubscribers ||
      this.#error.hasSubscribers
    );
  }

  /** Begins it, in the stores that are bound to the start. */
  run(message: Message, begin: () => void): void {
    this.start.runStores(message, begin);
    this.#end.publish(message);
  }

  /** It has ended. */
  ended(message: Message & { readonly error: unknown }): void {
    if (message.error !== null) this.#error.publish(message);
    this.#asyncStart.publish(message);
    this.#asyncEnd.publish(message);
  }
}

export const runs = new Traced<RunMessage>('run');
export const calls = new Traced<CallMessage>('call');
export const attempts = new Traced<AttemptMessage>('attempt');

export const cacheChannel: Channel = channel('express-mashup:cache');
export const breakerChannel: Channel = channel('express-mashup:breaker');
export const budgetChannel: Channel = channel('express-mashup:budget');
export const storeChannel: Channel = channel('express-mashup:store');
