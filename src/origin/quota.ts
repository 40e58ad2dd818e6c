import { Reservation } from './budget.js';

/** How many requests may be sent in how many milliseconds. */
export interface Rate {
  readonly requests: number;
  readonly per: number;
}

// Of 8 bytes each.
const MOST_SLOTS = 10_000;

/**
 * Tells whether more requests keep to a rate: at most `requests` in any `per` ms. It remembers when each of the last
 * `requests` was sent. Where that is more than 10,000, a slot stands for several, by the time of the last of them: it may
 * then refuse 0.02 % too many, and never allows one too many.
 */
export class RequestWindow {
  readonly rate: Rate;
  /** How many requests a slot stands for. */
  readonly #each: number;
  readonly #slots: number;
  /** A ring that grows to its size when it is needed. */
  readonly #times: number[] = [];
  #newest = -1;
  /** How many requests more the newest slot can stand for. */
  #room = 0;
  /** The time that the newest slot took the place of. It may still count where others, of a larger rate, sent more than this allows. */
  #replaced: number | undefined;

  constructor(rate: Rate, mostSlots = MOST_SLOTS) {
    this.rate = rate;
    this.#each = Math.ceil(rate.requests / mostSlots);
    this.#slots = Math.floor(rate.requests / this.#each);
  }

  /** How many requests it remembers: what its slots stand for, which may be a little less than the rate. */
  get capacity(): number {
    return this.#slots * this.#each;
  }

  add(now: number, count = 1): void {
    for (let left = count; left > 0; ) {
      if (this.#room === 0) {
        this.#newest = (this.#newest + 1) % this.#slots;
        this.#room = this.#each;
        this.#replaced = this.#times[this.#newest];
      }
      const taken = Math.min(this.#room, left);
      this.#room -= taken;
      left -= taken;
      this.#times[this.#newest] = now;
    }
  }

  /** In how many milliseconds so many more may be sent at once; Infinity where that is never. */
  wait(more: number, now: number): number {
    const needed = Math.ceil((more - this.#room) / this.#each);
    if (needed <= 0) return this.#left(this.#replaced, now);
    // The newest slot, as long as it is not full, is in use.
    if (needed > this.#slots - Math.sign(this.#room)) return Infinity;
    return this.#left(this.#times[(this.#newest + needed) % this.#slots], now);
  }

  /** Whether all that it remembers is too long ago to matter. */
  isOverAt(now: number): boolean {
    return this.#newest === -1 || this.#left(this.#times[this.#newest], now) === 0;
  }

  /** Takes over what another remembers of the same requests. */
  learn(other: RequestWindow): void {
    // The last ones fill it, and what would be overwritten is left out: rates may have any size.
    const { requests } = this.rate;
    const enough = Math.min(other.#slots, Math.ceil(requests / other.#each));
    for (let at = other.#slots - enough + 1; at <= other.#slots; at++) {
      const time = other.#times[(other.#newest + at) % other.#slots];
      if (time !== undefined) this.add(time, Math.min(other.#each, requests));
    }
  }

  /** How many milliseconds what was sent at a time counts yet. */
  #left(time: number | undefined, now: number): number {
    return time === undefined ? 0 : Math.max(0, this.rate.per - (now - time));
  }
}

const MOST_WINDOWS = 20;

/** Requests that are counted together. Each is held to its own upstream's rate. */
export class Quota {
  /** Those that remember most come first. */
  readonly #windows: RequestWindow[] = [];
  /** How many requests it has let pass that wait to be sent. */
  #reserved = 0;

  /** Keeps room for a request, until it is known whether it is sent; or says in how many ms one may ask again. */
  reserve(rate: Rate, now: number): Reservation | number {
    const wait = this.#windowOf(rate).wait(this.#reserved + 1, now);
    if (wait > 0) return wait;
    this.#reserved++;
    return new Reservation((sentAt) => {
      this.#reserved--;
      if (sentAt !== null) for (const window of this.#windows) window.add(sentAt);
    });
  }

  /** Whether nothing is lost when it is forgotten. */
  isOverAt(now: number): boolean {
    return this.#reserved === 0 && this.#windows.every((window) => window.isOverAt(now));
  }

  #windowOf(rate: Rate): RequestWindow {
    const windows = this.#windows;
    const known = windows.find((one) => one.rate.requests === rate.requests && one.rate.per === rate.per);
    if (known !== undefined) return known;
    const window = new RequestWindow(rate);
    if (windows[0] !== undefined) window.learn(windows[0]);
    windows.push(window);
    windows.sort((a, b) => b.capacity - a.capacity);
    // Pages may be made again and again, each time with other numbers. The last knows nothing that the first does not.
    if (windows.length > MOST_WINDOWS) windows.pop();
    return window;
  }
}

// As many as there are origins that an instance remembers.
const MOST_QUOTAS = 1000;

/** The quotas of an instance. */
export class Quotas {
  // Page authors name a handful.
  readonly #named = new Map<string, Quota>();
  readonly #byOrigin = new Map<string, Quota>();

  named(name: string): Quota {
    return this.#named.get(name) ?? make(this.#named, name);
  }

  /** That of upstreams with equal rates at one origin. */
  ofOrigin(origin: string, { requests, per }: Rate, now: number): Quota {
    const numbers = `${requests} ${per}`;
    const key = `${numbers} ${origin}`;
    return this.#byOrigin.get(key) ?? this.#make(key, numbers, now);
  }

  /**
   * Where a visitor can choose origins there may be more of them than can be remembered. What an origin was sent must not be
   * forgotten while it counts, so those that are too many share one quota, until all of it is over.
   */
  #make(key: string, numbers: string, now: number): Quota {
    const known = this.#byOrigin;
    if (known.size >= MOST_QUOTAS) {
      for (const [one, quota] of known) if (quota.isOverAt(now)) known.delete(one);
    }
    const shared = known.get(numbers);
    if (shared !== undefined && !shared.isOverAt(now)) return shared;
    if (known.size < MOST_QUOTAS) return make(known, key);
    return shared ?? make(known, numbers);
  }
}

function make(quotas: Map<string, Quota>, key: string): Quota {
  const quota = new Quota();
  quotas.set(key, quota);
  return quota;
}
