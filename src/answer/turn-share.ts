/** Waits for its turn. Once it is over, no more work is done for it. */
export interface Waiting {
  readonly over: boolean;
}

interface Entry {
  readonly cost: number;
  readonly who: Waiting | null;
  readonly resolve: () => void;
}

// Read when the package is loaded: tests with fake timers replace the global.
const soon = setImmediate;

/**
 * Bounds how much of one kind of work is done in one turn of the event loop, over the whole process. Answers come many at a
 * time: a millisecond for each would together delay timers and other requests.
 */
export class TurnShare {
  readonly #most: number;
  #spent = 0;
  #scheduled = false;
  #waiting: Entry[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether work of this cost may be done now. If so, it is counted. The first work of a turn may, whatever it costs. */
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

  /** Resolves when work of this cost may be done, in the order asked. It is not counted for those who are over. */
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
