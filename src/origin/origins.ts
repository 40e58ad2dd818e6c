import { Failure } from '../errors.js';
import type { OriginStats } from '../types.js';
import { Breaker, type BreakerOptions } from './breaker.js';
import { RetryBudget } from './budget.js';
import { Flights } from './coalesce.js';
import type { Abortable, Task } from './host.js';
import { afterwards } from './soon.js';
import { LatencyWindow } from './window.js';

export interface Limits {
  /** Attempts in flight at once to one origin. */
  readonly perOrigin: number;
  /** How many more may wait; further ones fail at once. */
  readonly queue: number;
}

// Page authors name a handful; callbacks with `origins: 'public'` may name any number.
const MOST_ORIGINS = 1000;

/** What an instance knows of every origin it has talked to. */
export class Origins {
  /** The requests under way that calls of any run may share. */
  readonly flights = new Flights('instance');
  readonly #limits: Limits;
  readonly #byOrigin = new Map<string, Origin>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  of(origin: string): Origin {
    let known = this.#byOrigin.get(origin);
    if (known === undefined) {
      if (this.#byOrigin.size >= MOST_ORIGINS) this.#forgetIdle();
      known = new Origin(origin, this.#limits);
      this.#byOrigin.set(origin, known);
    }
    return known;
  }

  stats(now: number): Record<string, OriginStats> {
    return Object.fromEntries([...this.#byOrigin].map(([origin, known]) => [origin, known.stats(now)]));
  }

  /**
   * Makes room, a tenth: of what is not in use, what came last, for pages' own origins came first. What is known to be sick
   * goes only where there is nothing else.
   */
  #forgetIdle(): void {
    const idle = [...this.#byOrigin].reverse().filter(([, { isIdle }]) => isIdle);
    idle.sort(([, a], [, b]) => Number(a.isSick) - Number(b.isSick));
    for (const [origin] of idle.slice(0, MOST_ORIGINS / 10)) this.#byOrigin.delete(origin);
  }
}

/** One origin: how much is under way to it, and how it has been doing. */
export class Origin {
  readonly latencies = new LatencyWindow();
  readonly budget = new RetryBudget();
  readonly #name: string;
  readonly #limits: Limits;
  readonly #breakers = new Map<string, Breaker>();
  readonly #line: Waiter[] = [];
  readonly #failures = new Map<string, number>();
  #answered = 0;
  #inFlight = 0;

  constructor(name: string, limits: Limits) {
    this.#name = name;
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#line.length === 0;
  }

  get isSick(): boolean {
    return [...this.#breakers.values()].some(({ state }) => state !== 'closed');
  }

  /** Takes a place, if there is one now. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#limits.perOrigin) return false;
    this.#inFlight++;
    return true;
  }

  /** Waits in line for a place. */
  enter(task: Task, take: TakePlace): void {
    if (this.tryEnter()) return take(null);
    if (this.#line.length >= this.#limits.queue) return take(this.#overload());
    const waiter = new Waiter(this, task, take);
    this.#line.push(waiter);
    task.underway = waiter;
  }

  /** Gives a place back: to the first in line. */
  leave(): void {
    const first = this.#line.shift();
    if (first === undefined) this.#inFlight--;
    else first.granted();
  }

  /** Takes somebody out of the line; returns whether it was in it. */
  forget(waiter: Waiter): boolean {
    const at = this.#line.indexOf(waiter);
    if (at !== -1) this.#line.splice(at, 1);
    return at !== -1;
  }

  answered(latency: number): void {
    this.latencies.add(latency);
    this.#answered++;
    this.leave();
  }

  failed(code: string): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
    this.leave();
  }

  /** Pages with equal options share a breaker. */
  breaker(options: BreakerOptions): Breaker {
    const key = `${options.threshold} ${options.minimum} ${options.window} ${options.halfOpenAfter}`;
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      breaker = new Breaker(options);
      this.#breakers.set(key, breaker);
    }
    return breaker;
  }

  stats(now: number): OriginStats {
    const states = [...this.#breakers.values()].map(({ state }) => state);
    return {
      inFlight: this.#inFlight,
      queued: this.#line.length,
      breaker: states.find((state) => state !== 'closed') ?? states[0] ?? null,
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

class Waiter implements Abortable {
  readonly firstByte = null;
  readonly #origin: Origin;
  readonly #task: Task;
  #take: TakePlace | null;

  constructor(origin: Origin, task: Task, take: TakePlace) {
    this.#origin = origin;
    this.#task = task;
    this.#take = take;
  }

  granted(): void {
    // In a context of its own, and when all is done that follows from the attempt that has ended: that may make this needless.
    afterwards(() => this.#task.host.scope.runInAsyncScope(this.#tell, this, null));
  }

  abort(failure: Failure): void {
    const wasGranted = !this.#origin.forget(this) && this.#take !== null;
    if (wasGranted) this.#origin.leave();
    this.#tell(failure);
  }

  #tell(refusal: Failure | null): void {
    const take = this.#take;
    this.#take = null;
    take?.(refusal);
  }
}

/** Told once: null with a place, or why there is none. It does not throw. */
type TakePlace = (refusal: Failure | null) => void;
