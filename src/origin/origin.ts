import type { AsyncResource } from 'node:async_hooks';
import { Failure } from '../errors.js';
import type { LimitOptions, OriginStats } from '../settings-types.js';
import { afterwards } from '../soon.js';
import type { BreakerOptions } from '../types.js';
import { Breaker } from './breaker.js';
import { RetryBudget } from './budget.js';
import { LatencyWindow } from './window.js';

/** Waits for a place at an origin. Either `granted` or `refuse` is called, once, unless the origin was told to forget it. */
export interface PlaceWaiter {
  readonly scope: { readonly async: AsyncResource };
  granted(): void;
  refuse(failure: Failure): void;
}

const givenUp: ReadonlySet<string> = new Set([
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_DEADLINE',
]);

const worstFirst = ['open', 'half-open', 'closed'] as const;

/** What an instance knows of one origin: its requests in flight, its line, and its health. */
export class Origin {
  readonly latencies = new LatencyWindow();
  readonly budget: RetryBudget;
  readonly #name: string;
  readonly #limits: Required<LimitOptions>;
  readonly #breakers = new Map<string, Breaker>();
  readonly #line: PlaceWaiter[] = [];
  /** Waiters that have a place and are about to be told. */
  readonly #called = new Set<PlaceWaiter>();
  readonly #failures = new Map<string, number>();
  #answered = 0;
  #inFlight = 0;

  constructor(name: string, limits: Required<LimitOptions>) {
    this.#name = name;
    this.budget = new RetryBudget(name);
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#line.length === 0;
  }

  isSickAt(now: number): boolean {
    return [...this.#breakers.values()].some((breaker) => breaker.stateAt(now) !== 'closed');
  }

  /** Takes a place, if there is one now. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#limits.perOrigin) return false;
    this.#inFlight++;
    return true;
  }

  /** Waits in line for a place. */
  enter(waiter: PlaceWaiter): void {
    if (this.tryEnter()) waiter.granted();
    else if (this.#line.length < this.#limits.queue) this.#line.push(waiter);
    else waiter.refuse(this.#overload());
  }

  refuseAll(failure: Failure): void {
    for (const waiter of this.#line.splice(0)) {
      waiter.scope.async.runInAsyncScope(waiter.refuse, waiter, failure);
    }
  }

  /** Gives a place back. The first in line gets it. */
  leave(): void {
    const first = this.#line.shift();
    if (first === undefined) {
      this.#inFlight--;
      return;
    }
    this.#called.add(first);
    // Later, because what follows from the attempt that has ended may abort this one. In the waiter's own async context.
    afterwards(() => first.scope.async.runInAsyncScope(this.#call, this, first));
  }

  #call(waiter: PlaceWaiter): void {
    if (this.#called.delete(waiter)) waiter.granted();
  }

  /** Takes a waiter out of the line. If it has a place already, the next in line gets that. */
  forget(waiter: PlaceWaiter): void {
    if (this.#called.delete(waiter)) return this.leave();
    const at = this.#line.indexOf(waiter);
    if (at !== -1) this.#line.splice(at, 1);
  }

  answered(latency: number): void {
    this.latencies.add(latency);
    this.#answered++;
    this.leave();
  }

  /** @param lasted milliseconds */
  failed(code: string, lasted: number): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
    // The latency of an aborted attempt is not known, only a lower bound of it. That is of use only if it is a long one.
    if (givenUp.has(code) && lasted >= (this.latencies.quantile(0.95) ?? Infinity)) this.latencies.add(lasted);
    this.leave();
  }

  /** Pages with equal options share a breaker. */
  breaker(options: Required<BreakerOptions>): Breaker {
    const key = `${options.threshold} ${options.minimum} ${options.window} ${options.halfOpenAfter}`;
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      breaker = new Breaker(options, this.#name);
      this.#breakers.set(key, breaker);
    }
    return breaker;
  }

  stats(now: number): OriginStats {
    const states = [...this.#breakers.values()].map((breaker) => breaker.stateAt(now));
    return {
      inFlight: this.#inFlight,
      queued: this.#line.length,
      breaker: worstFirst.find((state) => states.includes(state)) ?? null,
      budget: this.budget.left(now),
      p50: this.latencies.quantile(0.5),
      p95: this.latencies.quantile(0.95),
      outcomes: { ...(this.#answered > 0 && { answered: this.#answered }), ...Object.fromEntries(this.#failures) },
    };
  }

  #overload(): Failure {
    const { perOrigin, queue } = this.#limits;
    return new Failure(
      'ERR_UPSTREAM_OVERLOAD',
      `${perOrigin} requests to ${this.#name} are in flight and ${queue} more are waiting already`,
    );
  }
}
