/** Who waits for its turn; once that is over, it is not to cost anything more. */
export interface Waiting {
  readonly over: boolean;
}

interface Entry {
  readonly cost: number;
  readonly who: Waiting | null;
  readonly resolve: () => void;
}

// As it is when the package is loaded: a test may put another in its place that waits for the test.
const soon = setImmediate;

/**
 * How much of one kind of work is done in one turn of the event loop, over all that is under way in the process. Answers come
 * many at a time, and what takes a millisecond each would together keep timers and other requests waiting.
 */
export class TurnShare {
  readonly #most: number;
  #spent = 0;
  #scheduled = false;
  #waiting: Entry[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether work of this cost may be done now; it counts if so. The first of a turn may, whatever it costs. */
  take(cost: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(cost)) return false;
    this.spend(cost);
    return true;
  }

  /** Whether there is anything left of this turn. */
  get isSpent(): boolean {
    return this.#spent >= this.#most;
  }

  /** Counts work that has been done. */
  spend(cost: number): void {
    this.#spent += cost;
    this.#schedule();
  }

  /** Resolves when work of this cost may be done, in the order asked; for those who are over it counts nothing. */
  wait(cost: number, who: Waiting | null): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ cost, who, resolve });
      this.#schedule();
    });
  }

  #fits(cost: number): boolean {
    return this.#spent === 0 || this.#spent + cost <= this.#most;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    soon(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    this.#spent = 0;
    let next = 0;
    for (; next < this.#waiting.length; next++) {
      const { cost, who, resolve } = this.#waiting[next] as Entry;
      if (!who?.over) {
        if (!this.#fits(cost)) break;
        this.spend(cost);
      }
      resolve();
    }
    if (next > 0) this.#waiting = this.#waiting.slice(next);
  };
}
