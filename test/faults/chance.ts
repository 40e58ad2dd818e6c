import { settled } from '../support/deferred.js';

/**
 * What depends on chance or on the speed of the machine, the same for the same seed: the jitter of a back-off, and whether what
 * holds the event loop for long puts off the rest to another turn.
 */
export class Chance {
  readonly #random = Math.random;
  readonly #performance = globalThis.performance;
  #state: number;
  #now = 0;
  #hasPassed = false;

  constructor(seed: number) {
    this.#state = seed & 0x7fffffff;
  }

  install(): void {
    Math.random = () => this.#next();
    globalThis.performance = { now: () => this.#pass() } as typeof performance;
  }

  uninstall(): void {
    Math.random = this.#random;
    globalThis.performance = this.#performance;
  }

  /** Resolves when nothing is put off any more. */
  async settled(): Promise<void> {
    while (this.#hasPassed) {
      this.#hasPassed = false;
      await settled();
    }
  }

  #pass(): number {
    if (this.#next() < 0.1) {
      this.#now += 10;
      this.#hasPassed = true;
    }
    return this.#now;
  }

  #next(): number {
    this.#state = (Math.imul(this.#state, 48271) + 11) & 0x7fffffff;
    return this.#state / 0x80000000;
  }
}
