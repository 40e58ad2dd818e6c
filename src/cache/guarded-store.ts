import type { CacheStore, LogPosition, LogSlice, StoreStats } from '../cache-types.js';
import { type StoreMessage, storeChannel } from '../channels.js';
import type { Clock } from '../clock.js';
import { isThenable } from '../hook.js';
import { redactText } from '../redact.js';
import { shown } from '../shown.js';

const PATIENCE_MS = 50;
/** So many failures in a row, and the store is left alone. */
const MOST_FAILURES = 5;
const SHORTEST_REST_MS = 1000;
const LONGEST_REST_MS = 30_000;
/** Calls under way at once: a store that answers in a millisecond has a handful. */
const MOST_CALLS = 1000;

// Read when the package is loaded: tests with fake timers replace the global.
const soon = setImmediate;

/** Why a call of the store has no result. It has been reported. */
export class StoreError extends Error {}

type State =
  | { readonly is: 'closed' }
  | { readonly is: 'open'; readonly until: number; readonly rest: number }
  | { readonly is: 'half-open'; readonly rest: number };

/**
 * A store as the cache can rely on it. Each call settles within the store's time, whatever the store does: it may throw, be
 * late or hang, or give something else than it should. After several failures in a row it is left alone for a while, and then
 * tried by one call. Calls reject with a {@link StoreError}.
 */
export class GuardedStore {
  readonly #store: CacheStore;
  readonly #clock: () => Clock;
  readonly #patience: number;
  #state: State = { is: 'closed' };
  #failures = 0;
  /** Of those in a row that were to store something: a store that is full still gives what it has. */
  #refusals = 0;
  #underway = 0;
  readonly #counts = { calls: 0, failures: 0, timeouts: 0, refused: 0 };

  constructor(store: CacheStore, clock: () => Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#patience = store.timeout ?? PATIENCE_MS;
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#call(() => this.#store.get(key), isValue);
  }

  set(key: string, value: Uint8Array, ms: number): Promise<unknown> {
    return this.#storing(this.#call(() => this.#store.set(key, value, ms), isAnything));
  }

  lock(key: string, token: string, ms: number): Promise<boolean> {
    return this.#storing(this.#call(() => this.#store.lock(key, token, ms), isBoolean));
  }

  unlock(key: string, token: string): Promise<unknown> {
    return this.#call(() => this.#store.unlock(key, token), isAnything);
  }

  mark(marks: readonly string[]): Promise<unknown> {
    return this.#storing(this.#call(() => this.#store.mark(marks), isAnything));
  }

  log(since: LogPosition | null): Promise<LogSlice> {
    return this.#call(() => this.#store.log(since), isSlice);
  }

  /** Whether it counts requests for all machines. */
  get takes(): boolean {
    return this.#store.take !== undefined;
  }

  /** Milliseconds until the request may be sent; 0 for now. */
  take(key: string, id: string, rate: { readonly requests: number; readonly per: number }): Promise<number> {
    return this.#storing(this.#call(() => this.#store.take?.(key, id, rate), isWait));
  }

  giveBack(key: string, id: string): Promise<unknown> {
    return this.#call(() => this.#store.giveBack?.(key, id), isAnything);
  }

  /** Never throws. What is returned ends it. */
  watch(changed: () => void): () => void {
    try {
      const stop = this.#store.watch(() => {
        // It says that it can be used again.
        if (this.#state.is === 'open') this.#state = { ...this.#state, until: this.#now };
        changed();
      });
      // Where a store returns a promise of it, all the same.
      Promise.resolve<unknown>(stop).catch((cause) => this.#failed(cause, false));
      return () => {
        if (!isThenable(stop)) return this.#stop(stop);
        Promise.resolve<unknown>(stop).then(
          (end) => this.#stop(end as () => void),
          () => {},
        );
      };
    } catch (cause) {
      this.#failed(cause, false);
      return () => {};
    }
  }

  #stop(watching: () => void): void {
    try {
      watching();
    } catch (cause) {
      this.#failed(cause, false);
    }
  }

  stats(): StoreStats {
    const isDue = this.#state.is === 'open' && this.#now >= this.#state.until;
    return { state: isDue ? 'half-open' : this.#state.is, ...this.#counts };
  }

  get #now(): number {
    return this.#clock().now();
  }

  #call<T>(ask: () => unknown, isRight: (value: unknown) => value is T): Promise<T> {
    const problem = this.#enter();
    if (problem !== null) {
      this.#counts.refused++;
      return Promise.reject(problem);
    }
    this.#counts.calls++;
    this.#underway++;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void) => {
        if (isOver) return;
        isOver = true;
        this.#underway--;
        this.#clock().clear(timer);
        settle();
      };
      const fail = (cause: unknown, isTimeout = false) =>
        end(() => {
          this.#failed(cause, isTimeout);
          reject(new StoreError('the store failed', { cause }));
        });
      const late = () => fail(`no answer within ${this.#patience} ms`, true);
      // Where the event loop was busy, the answer may have come and not been read yet: that is done before an immediate.
      const timer = this.#clock().set(() => soon(late), this.#patience, null);
      // A native promise, because not every thenable follows the rules of promises.
      new Promise((settle) => settle(ask()))
        .then((value) => {
          if (!isRight(value)) fail('it gave something else than it should');
          else
            end(() => {
              this.#succeeded();
              resolve(value);
            });
        })
        // What it gave may throw when it is looked at, too.
        .catch(fail);
    });
  }

  /** Reports a store that answers, and stores nothing. It is used all the same. */
  #storing<T>(call: Promise<T>): Promise<T> {
    call.then(
      () => {
        if (this.#refusals >= MOST_FAILURES) report('the store of the cache stores again');
        this.#refusals = 0;
      },
      ({ cause }: StoreError) => {
        // Where it fails altogether, that has been reported.
        if (cause === undefined || this.#state.is !== 'closed') return;
        if (++this.#refusals === MOST_FAILURES) {
          report(`the store of the cache stores nothing (${describe(cause)}): pages go on with what it has`);
        }
      },
    );
    return call;
  }

  /** Why a call may not be made now; null where it may. */
  #enter(): StoreError | null {
    if (this.#underway >= MOST_CALLS) return busy;
    const state = this.#state;
    if (state.is === 'closed') return null;
    if (state.is === 'half-open' || this.#now < state.until) return resting;
    this.#state = { is: 'half-open', rest: state.rest };
    return null;
  }

  #succeeded(): void {
    this.#failures = 0;
    // What was asked before it was left alone says nothing of now.
    if (this.#state.is !== 'half-open') return;
    this.#become({ is: 'closed' });
    report('the store of the cache is used again');
  }

  #become(state: State & { readonly is: 'open' | 'closed' }): void {
    this.#state = state;
    if (storeChannel.hasSubscribers) storeChannel.publish({ state: state.is } satisfies StoreMessage);
  }

  #failed(cause: unknown, isTimeout: boolean): void {
    this.#counts.failures++;
    if (isTimeout) this.#counts.timeouts++;
    const state = this.#state;
    if (state.is === 'open' || (state.is === 'closed' && ++this.#failures < MOST_FAILURES)) return;
    const rest = state.is === 'closed' ? SHORTEST_REST_MS : Math.min(state.rest * 2, LONGEST_REST_MS);
    // Up to a fifth less, so that machines do not come back all at the same time.
    this.#become({ is: 'open', until: this.#now + rest * (1 - Math.random() / 5), rest });
    this.#failures = 0;
    // Once for each outage.
    if (state.is === 'closed') {
      report(`the store of the cache fails (${describe(cause)}): pages go on without it, and it is tried again`);
    }
  }
}

const busy = new StoreError('too many calls of the store are under way');
const resting = new StoreError('the store has failed and is left alone');

function report(message: string): void {
  process.emitWarning(message, { code: 'MASHUP_STORE' });
}

/** What a store throws may be anything, and may hold its password. */
function describe(cause: unknown): string {
  try {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    return shown(redactText(text), 200);
  } catch {
    return 'something that cannot be read';
  }
}

function isAnything(_value: unknown): _value is unknown {
  return true;
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isValue(value: unknown): value is Uint8Array | null {
  return value === null || value instanceof Uint8Array;
}

function isWait(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}

function isSlice(value: unknown): value is LogSlice {
  const { epoch, at, floor, marks } = (value ?? {}) as Partial<Record<keyof LogSlice, unknown>>;
  return (
    typeof epoch === 'string' &&
    Number.isInteger(at) &&
    Number.isInteger(floor) &&
    Array.isArray(marks) &&
    marks.every((one) => Array.isArray(one) && typeof one[0] === 'string' && Number.isInteger(one[1]))
  );
}
