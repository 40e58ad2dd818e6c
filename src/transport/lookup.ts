import type { LookupAddress } from 'node:dns';
import { type Clock, systemClock } from '../clock.js';

/** Called at most once, with the addresses of a name. */
export type Told = (error: Error | null, addresses: readonly LookupAddress[]) => void;

/** Cancels a question: the callback is not called. */
export type GiveUp = () => void;

/** A way to ask for the addresses of a name. */
export type Ask = (name: string, told: Told) => GiveUp;

/** How long an answer is used without asking again, and how long a failure is. */
const FRESH_MS = 5000;
const FAILED_MS = 1000;
/** How much longer an answer may be used if there is no newer one (RFC 8767). */
const STALE_MS = 3_600_000;
/** How long to wait for a newer answer while there is a stale one. */
const PATIENCE_MS = 300;
/** How long a lookup may take. Connecting has the same limit. */
const LONGEST_MS = 10_000;
// Pages name a handful of hosts, but redirects and url functions with `origins: 'public'` may name any number.
const MOST_NAMES = 1000;
const MOST_LOOKUPS = 128;
const MOST_ADDRESSES = 32;

/**
 * A cache of lookups. There is one lookup for a name at a time, shared by all who ask for it, and its answer is kept for a
 * short while. If the name server is silent or fails, the last answer is used.
 */
export class Names {
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #known = new Map<string, Name>();
  readonly #underway = new Set<Name>();

  constructor(ask: Ask, clock: Clock = systemClock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Calls `told` at once if the answer is known. */
  lookup(hostname: string, told: Told): GiveUp {
    const name = this.#find(hostname);
    const now = this.#clock.now();
    name.waiting.add(told);
    if (now < name.knownUntil) name.tellAll();
    else {
      if (name.lookup === null) this.#begin(name);
      if (name.isOverdue && now < name.usableUntil) name.tellAll();
    }
    return () => void name.waiting.delete(told);
  }

  #find(hostname: string): Name {
    let name = this.#known.get(hostname);
    if (name === undefined) {
      name = new Name(hostname);
      this.#known.set(hostname, name);
      if (this.#known.size > MOST_NAMES) this.#forgetOldest();
    }
    return name;
  }

  #forgetOldest(): void {
    for (const [hostname, { lookup }] of this.#known) {
      if (lookup !== null) continue;
      this.#known.delete(hostname);
      return;
    }
  }

  #begin(name: Name): void {
    const hasStale = this.#clock.now() < name.usableUntil;
    if (this.#underway.size >= MOST_LOOKUPS && !this.#makeRoom()) {
      return name.tellAll(hasStale ? null : tooMany());
    }
    this.#underway.add(name);
    // To the end of the map: the name that was asked for last is forgotten last.
    this.#known.delete(name.hostname);
    this.#known.set(name.hostname, name);
    const lookup: Lookup = { giveUp: nothing, limit: null, patience: null };
    name.lookup = lookup;
    lookup.limit = this.#clock.set((late) => this.#tooLate(late), LONGEST_MS, name);
    if (hasStale) lookup.patience = this.#clock.set((late) => late.useStale(), PATIENCE_MS, name);
    lookup.giveUp = this.#ask(name.hostname, (error, addresses) => {
      if (name.lookup === lookup) this.#end(name, error, addresses);
    });
  }

  /** Ends the oldest lookup whose answer nobody waits for; returns whether there was one. */
  #makeRoom(): boolean {
    for (const name of this.#underway) {
      if (name.waiting.size > 0) continue;
      this.#forgetLookup(name);
      return true;
    }
    return false;
  }

  #tooLate(name: Name): void {
    const error = new Error(`nobody said within ${LONGEST_MS} ms what ${name.hostname} means`);
    this.#end(name, Object.assign(error, { code: 'ETIMEOUT' }), []);
  }

  #end(name: Name, error: Error | null, addresses: readonly LookupAddress[]): void {
    this.#forgetLookup(name);
    const now = this.#clock.now();
    if (error === null) {
      name.isOverdue = false;
      name.error = null;
      name.addresses = addresses.length > MOST_ADDRESSES ? addresses.slice(0, MOST_ADDRESSES) : addresses;
      name.knownUntil = now + FRESH_MS;
      name.usableUntil = name.knownUntil + STALE_MS;
    } else {
      name.knownUntil = now + FAILED_MS;
      const mayBeStale = isPassing(error) && now < name.usableUntil;
      name.isOverdue = mayBeStale;
      if (!mayBeStale) name.fail(error);
    }
    name.tellAll();
  }

  #forgetLookup(name: Name): void {
    const lookup = name.lookup as Lookup;
    name.lookup = null;
    this.#underway.delete(name);
    this.#clock.clear(lookup.limit);
    if (lookup.patience !== null) this.#clock.clear(lookup.patience);
    lookup.giveUp();
  }
}

interface Lookup {
  giveUp: GiveUp;
  limit: unknown;
  patience: unknown;
}

class Name {
  readonly hostname: string;
  readonly waiting = new Set<Told>();
  lookup: Lookup | null = null;
  /** The last answer: addresses, or an error. */
  addresses: readonly LookupAddress[] = [];
  error: Error | null = null;
  /** By the clock, until when the answer is fresh. */
  knownUntil = -Infinity;
  /** By the clock, until when the answer may be used if there is no newer one. */
  usableUntil = -Infinity;
  /** Whether a new answer is late, so that the stale one is used without waiting. */
  isOverdue = false;

  constructor(hostname: string) {
    this.hostname = hostname;
  }

  tellAll(error = this.error): void {
    for (const told of this.waiting) {
      this.waiting.delete(told);
      told(error, this.addresses);
    }
  }

  useStale(): void {
    this.isOverdue = true;
    this.tellAll();
  }

  fail(error: Error): void {
    this.error = error;
    this.addresses = [];
    this.usableUntil = -Infinity;
  }
}

/** Whether an error is about the name servers and not about the name. */
function isPassing(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && code !== 'ENOTFOUND' && code !== 'ENODATA';
}

function tooMany(): Error {
  const error = new Error(`${MOST_LOOKUPS} names are being looked up already`);
  return Object.assign(error, { code: 'ERR_TOO_MANY_LOOKUPS' });
}

function nothing(): void {}
