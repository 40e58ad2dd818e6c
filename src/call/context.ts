import type { Request } from 'express';
import type { UpstreamError } from '../errors.js';
import type { RequestSource } from '../request/plan.js';
import type { Context } from '../types.js';
import type { CallPlan } from './plan.js';
import type { CallRun } from './run.js';

/** What the callbacks and templates of one call read. Most of it is made when it is first read. */
export class CallContext implements Context, RequestSource {
  readonly item: unknown;
  readonly clientItem: boolean;
  readonly #plan: CallPlan;
  readonly #run: CallRun;
  #results: Record<string, unknown> | null = null;
  #controller: AbortController | null = null;
  #over = false;
  #ended = false;
  #error: UpstreamError | null = null;

  constructor(plan: CallPlan, run: CallRun, item?: unknown, clientItem = false) {
    this.#plan = plan;
    this.#run = run;
    this.item = item;
    this.clientItem = clientItem;
  }

  get req(): Request {
    return this.#run.req as Request;
  }

  get params(): Request['params'] {
    return this.#run.visitor.params;
  }

  get query(): Request['query'] {
    return this.#run.query;
  }

  get locals(): Readonly<Record<string, unknown>> {
    return this.#run.locals;
  }

  get results(): Readonly<Record<string, unknown>> {
    if (this.#results === null) {
      this.#results = Object.create(null) as Record<string, unknown>;
      for (const plan of this.#plan.waitsFor) this.#results[plan.name] = this.#run.outcomeOf(plan)?.data ?? null;
    }
    return this.#results;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#error ?? undefined);
    }
    return this.#controller.signal;
  }

  get context(): Context {
    return this;
  }

  get over(): boolean {
    return this.#over;
  }

  get connectionOptions(): ReadonlySet<string> {
    return this.#run.connectionOptions;
  }

  get clientHeaders(): Request['headers'] {
    return this.#run.visitor.headers;
  }

  lookup(source: string): unknown {
    switch (source) {
      case 'params':
        return this.params;
      case 'query':
        return this.query;
      case 'locals':
        return this.locals;
      case 'item':
        return this.item;
      default:
        return this.results[source];
    }
  }

  /** The call has failed. Of its callbacks only the fallback is still called. */
  fail(): void {
    this.#over = true;
  }

  /** The call has ended: aborts the signal, with the error as its reason if there is one. */
  end(error: UpstreamError | null): void {
    this.#over = true;
    this.#ended = true;
    this.#error = error;
    this.#controller?.abort(error ?? undefined);
  }
}
