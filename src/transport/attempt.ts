import type { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Answer } from './answer.js';
import type { Connections, WireRequest } from './connections.js';
import { decompress } from './decompress.js';
import { Exchange, type ExchangeOwner } from './exchange.js';
import { transportFailure } from './failure.js';
import { followRedirect, isRedirect } from './redirect.js';

const manyLocations = new Failure('ERR_UPSTREAM_REDIRECT', 'it redirects to more than one place');

/** What an upstream allows an attempt to do; the same for all its attempts. */
export interface AttemptRules {
  readonly maxRedirects: number;
  readonly maxContentLength: number;
  /** The same for JSON, which is parsed in one go. */
  readonly maxJson: number;
  /** The origins that the page names for this upstream; a redirect to another must be to a public address. */
  readonly listed: ReadonlySet<string>;
  /** The same for rules that are the same: the answer that one may have, the other may. */
  readonly key: string;
}

/** What attempts of one run share. */
export interface AttemptHost {
  /** Where the run began, for AsyncLocalStorage: an answer comes in the context of whoever opened the connection. */
  readonly scope: AsyncResource;
  readonly clock: Clock;
  readonly connections: Connections;
}

/** How an attempt ended. */
export type AttemptResult = Answer | Failure;

/** Who is told how an attempt ended: once, and maybe from within undici's parser, which does not bear a request on top of it. */
export interface AttemptReceiver {
  attemptEnded(result: AttemptResult): void;
}

/** Who keeps count of attempts. */
export interface AttemptObserver {
  /** An answer was complete after so many milliseconds. Of this and `failed`, one is called, once. */
  answered(latency: number): void;
  /** None was, and this is the error's code. */
  failed(code: string): void;
}

/**
 * One attempt: a request, the redirects it leads to, and the silent repetition of a request whose kept-alive connection
 * was just closed.
 */
export class Attempt implements ExchangeOwner {
  /** By the clock, when the head of the answer came; null until then. */
  firstByte: number | null = null;
  readonly #host: AttemptHost;
  readonly #rules: AttemptRules;
  readonly #observer: AttemptObserver | null;
  #sentAt = 0;
  #request: WireRequest;
  #publicOnly: boolean;
  #redirects = 0;
  #repeated = false;
  #aborted: Failure | null = null;
  #exchange: Exchange | null = null;
  #decompression: { cancel(): void } | null = null;
  #receiver: AttemptReceiver | null = null;

  constructor(host: AttemptHost, request: WireRequest, rules: AttemptRules, observer: AttemptObserver | null) {
    this.#host = host;
    this.#request = request;
    this.#rules = rules;
    this.#observer = observer;
    this.#publicOnly = !rules.listed.has(request.origin);
  }

  start(receiver: AttemptReceiver): void {
    this.#receiver = receiver;
    this.#sentAt = this.#host.clock.now();
    this.#begin(false);
  }

  /** Starts it, and resolves to the answer or to what went wrong; never rejects. */
  send(): Promise<AttemptResult> {
    return new Promise((attemptEnded) => this.start({ attemptEnded }));
  }

  /** Ends it at once with this error, if it has not ended. */
  abort(failure: Failure): void {
    this.#aborted = failure;
    this.#exchange?.abort(failure);
    this.#decompression?.cancel();
    // The exchange may be over and the next one about to begin.
    this.#end(failure);
  }

  exchangeEnded(exchange: Exchange): void {
    this.firstByte = exchange.firstByte;
    if (exchange.failure !== null) {
      if (!this.#mayRepeat(exchange)) return this.#fail(exchange.failure, exchange.answer?.status ?? 0);
      this.#repeated = true;
      return this.#startSoon(true);
    }
    const answer = exchange.answer as Answer;
    if (isRedirect(answer.status) && this.#rules.maxRedirects > 0) {
      const location = answer.single('location');
      if (location === undefined) return this.#fail(manyLocations, answer.status);
      if (location !== null) return this.#redirect(answer.status, location);
    }
    this.#read(answer);
  }

  #mayRepeat(exchange: Exchange): boolean {
    const { method } = this.#request;
    return !this.#repeated && exchange.closedUnderneath && (method === 'GET' || method === 'HEAD');
  }

  #redirect(status: number, location: string): void {
    if (++this.#redirects > this.#rules.maxRedirects) {
      const message = `it redirects more than ${this.#rules.maxRedirects} times`;
      return this.#fail(new Failure('ERR_UPSTREAM_REDIRECT', message), status);
    }
    const hop = followRedirect(this.#request, this.#publicOnly, status, location, this.#rules.listed);
    if (hop instanceof Failure) return this.#fail(hop, status);
    this.#request = hop.request;
    this.#publicOnly = hop.publicOnly;
    this.#startSoon(false);
  }

  #read(answer: Answer): void {
    const encoding = answer.body.length === 0 ? null : answer.header('content-encoding');
    if (encoding === null) return this.#end(answer);
    this.#decompression = decompress(answer, encoding, this.#rules.maxContentLength, this.#request.origin, (failure) =>
      failure === null ? this.#end(answer) : this.#fail(failure, answer.status),
    );
  }

  #startSoon(fresh: boolean): void {
    // Not from within undici's parser, which does not bear another request on top of it.
    queueMicrotask(() => {
      if (this.#aborted === null) this.#host.scope.runInAsyncScope(this.#begin, this, fresh);
    });
  }

  #begin(fresh: boolean): void {
    try {
      const { connections, clock } = this.#host;
      const connection = connections.take(this.#request.origin, this.#publicOnly, fresh);
      this.#exchange = new Exchange(connection, this.#rules.maxContentLength, clock, this);
      this.#exchange.start(this.#request);
    } catch (cause) {
      this.abort(transportFailure(cause instanceof Error ? cause : new Error(String(cause)), false));
    }
  }

  /** `status`: of the answer that is of no use; 0 where none came. */
  #fail(failure: Failure, status: number): void {
    const { code, message, cause } = failure;
    this.#end(status === 0 ? failure : new Failure(code, message, cause, status));
  }

  #end(result: AttemptResult): void {
    const receiver = this.#receiver;
    if (receiver === null) return;
    this.#receiver = null;
    // First, for what the observer lets in next may be a hedge that this makes needless.
    receiver.attemptEnded(result);
    if (result instanceof Failure) this.#observer?.failed(result.code);
    else this.#observer?.answered(this.#host.clock.now() - this.#sentAt);
  }
}
