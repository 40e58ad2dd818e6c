import type { AsyncResource } from 'node:async_hooks';
import type { Result } from '../answer/answer.js';
import type { Policy } from '../answer/policy.js';
import type { Followed, WireAnswer } from '../answer/wire-answer.js';
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import { soon } from '../soon.js';
import type { Generations } from './closed.js';
import { decompress } from './decompress.js';
import { Exchange, type ExchangeOwner } from './exchange.js';
import { transportFailure } from './failure.js';
import type { HttpRequest } from './http-request.js';
import { followRedirect, isRedirect } from './redirect.js';
import type { Connections } from './wire.js';

const manyLocations = new Failure('ERR_UPSTREAM_REDIRECT', 'it redirects to more than one place');

/** The job that an attempt works for, as far as the transport knows it. */
export interface AttemptOwner {
  readonly scope: AttemptScope;
  readonly policy: Policy;
  /** The head of an answer has come; null: the head that came before does not count any more. */
  headCame(at: number | null): void;
  /** Called once, with the result of the attempt, in the scope's async context and never from within undici's parser. */
  settle(result: Result): void;
}

/** What the attempts of one run share. */
export interface AttemptScope extends Generations {
  readonly instance: Generations['instance'] & { readonly clock: Clock; readonly connections: Connections };
  /** The async context of the run, for AsyncLocalStorage. Answers come in the context in which the connection was opened. */
  readonly async: AsyncResource;
}

/**
 * One attempt: a request, the redirects it leads to, and the silent repetition of a request whose kept-alive connection
 * was just closed.
 */
export class WireAttempt implements ExchangeOwner {
  readonly #owner: AttemptOwner;
  #request: HttpRequest;
  #publicOnly: boolean;
  /** Null where there was no redirect. */
  #followed: Followed[] | null = null;
  #repeated = false;
  #exchange: Exchange | null = null;
  /** The exchange of a redirect that was followed while its body was still coming. */
  #redirecting: Exchange | null = null;
  #decompression: { cancel(): void } | null = null;
  /** The result, once it is known. The owner is told in a microtask. */
  #result: Result | null = null;
  #told = false;

  constructor(owner: AttemptOwner, request: HttpRequest) {
    this.#owner = owner;
    this.#request = request;
    this.#publicOnly = !owner.policy.listed.has(request.origin);
  }

  get maxContentLength(): number {
    return this.#owner.policy.maxContentLength;
  }

  /** Whether the last of its requests used a kept connection; null where there was none. */
  get reused(): boolean | null {
    return this.#exchange?.reused ?? null;
  }

  start(): void {
    this.#begin(false);
  }

  /** Ends it at once with this failure, unless its owner has been told of another result. */
  abort(failure: Failure): void {
    if (this.#told) return;
    this.#told = true;
    // Without effect if the exchange is over and the next one has not begun.
    this.#exchange?.abort(failure);
    this.#redirecting?.drop();
    this.#decompression?.cancel();
    this.#owner.settle(failure);
  }

  /** A redirect is followed from its head: its body may be slow, broken or without an end. */
  headCame(answer: WireAnswer): boolean {
    this.#owner.headCame(this.#owner.scope.instance.clock.now());
    const { maxRedirects } = this.#owner.policy;
    if (!isRedirect(answer.status) || maxRedirects === 0) return false;
    const location = answer.single('location');
    if (location === null) return false;
    this.#redirecting?.drop();
    this.#redirecting = this.#exchange;
    this.#exchange = null;
    if (location === undefined) this.#fail(manyLocations, answer.status);
    else this.#redirect(answer, location, maxRedirects);
    return true;
  }

  exchangeEnded(exchange: Exchange): void {
    if (this.#told) return;
    if (exchange.failure !== null) {
      if (!this.#mayRepeat(exchange)) return this.#fail(exchange.failure, exchange.answer?.status ?? 0);
      this.#repeated = true;
      return this.#beginSoon(true);
    }
    this.#read(exchange.answer as WireAnswer);
  }

  #mayRepeat(exchange: Exchange): boolean {
    const { method } = this.#request;
    if (this.#repeated || !exchange.closedUnderneath) return false;
    // By its name, for an axios instance's interceptor may have changed the method.
    return method === 'GET' || method === 'HEAD' || method === this.#owner.policy.safeMethod;
  }

  #redirect(answer: WireAnswer, location: string, most: number): void {
    const { status } = answer;
    const { origin, path } = this.#request;
    this.#followed ??= [];
    if (this.#followed.push({ url: origin + path, answer }) > most) {
      return this.#fail(new Failure('ERR_UPSTREAM_REDIRECT', `it redirects more than ${most} times`), status);
    }
    const hop = followRedirect(this.#request, this.#publicOnly, status, location, this.#owner.policy);
    if (hop instanceof Failure) return this.#fail(hop, status);
    this.#request = hop.request;
    this.#publicOnly = hop.publicOnly;
    this.#beginSoon(false);
  }

  #read(answer: WireAnswer): void {
    if (this.#followed !== null) answer.via = this.#followed;
    const encoding = answer.body.length === 0 ? null : answer.header('content-encoding');
    if (encoding === null) return this.#end(answer);
    const { origin } = this.#request;
    this.#decompression = decompress(answer, encoding, this.maxContentLength, origin, (failure) =>
      failure === null ? this.#end(answer) : this.#fail(failure, answer.status),
    );
  }

  /** In a microtask, because undici's parser is not reentrant. */
  #beginSoon(fresh: boolean): void {
    soon(() => {
      if (!this.#told) this.#owner.scope.async.runInAsyncScope(this.#begin, this, fresh);
    });
  }

  #begin(fresh: boolean): void {
    try {
      const { scope, policy } = this.#owner;
      const { origin } = this.#request;
      const connection = scope.instance.connections.take(origin, this.#publicOnly, fresh, policy.upstream);
      this.#exchange = new Exchange(connection, this.#request, this);
      this.#exchange.start();
    } catch (cause) {
      this.#end(transportFailure(cause instanceof Error ? cause : new Error(String(cause)), false));
    }
  }

  /** `status`: of the answer that failed; 0 if none came. */
  #fail(failure: Failure, status: number): void {
    const { code, message, cause } = failure;
    this.#end(status === 0 ? failure : new Failure(code, message, cause, status));
  }

  #end(result: Result): void {
    if (this.#result !== null) return;
    this.#result = result;
    soon(() => this.#owner.scope.async.runInAsyncScope(this.#tell, this));
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#redirecting?.drop();
    this.#owner.settle(this.#result as Result);
  }
}
