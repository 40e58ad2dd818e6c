import type { Clock } from '../clock.js';
import type { Failure } from '../errors.js';
import type { LimitOptions, OriginStats } from '../settings-types.js';
import { Origin } from './origin.js';

// Pages name a handful of origins, but a url function with `origins: 'public'` may name any number.
const MOST_ORIGINS = 1000;

/** What an instance knows of every origin it has talked to. */
export class Origins {
  readonly #limits: Required<LimitOptions>;
  readonly #instance: { readonly clock: Clock };
  readonly #byOrigin = new Map<string, Origin>();

  constructor(limits: Required<LimitOptions>, instance: { readonly clock: Clock }) {
    this.#limits = limits;
    this.#instance = instance;
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

  /** Refuses everybody who waits for a place at any origin. */
  refuseAll(failure: Failure): void {
    for (const origin of this.#byOrigin.values()) origin.refuseAll(failure);
  }

  stats(): Record<string, OriginStats> {
    const now = this.#instance.clock.now();
    return Object.fromEntries([...this.#byOrigin].map(([origin, known]) => [origin, known.stats(now)]));
  }

  /**
   * Forgets a tenth of the origins, of those not in use. The ones that came last go first, because the origins that pages
   * name tend to come first. Origins with an open breaker are the last to go.
   */
  #forgetIdle(): void {
    const now = this.#instance.clock.now();
    const idle = [...this.#byOrigin].reverse().filter(([, { isIdle }]) => isIdle);
    idle.sort(([, a], [, b]) => Number(a.isSickAt(now)) - Number(b.isSickAt(now)));
    for (const [origin] of idle.slice(0, MOST_ORIGINS / 10)) this.#byOrigin.delete(origin);
  }
}
