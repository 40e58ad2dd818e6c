import dns, { type LookupAddress } from 'node:dns';
import { type Clock, systemClock } from '../clock.js';
import { BlockedError, isPublicAddress } from './address.js';
import { isLocalhost } from './hosts.js';
import type { Ask, Told } from './lookup.js';

/** How long the addresses of one family wait for those of the other. */
const OTHER_FAMILY_MS = 100;

/** As much of node's resolver as is used. */
export type Resolver = Pick<dns.Resolver, 'resolve4' | 'resolve6' | 'cancel'>;

/**
 * Reads the system's configuration anew every time, 40 µs, lest it ask servers of a network that the machine has left. The
 * time limit is that of the first try; it doubles from try to try.
 */
function systemResolver(): Resolver {
  return new dns.Resolver({ timeout: 500, tries: 5 });
}

/**
 * Asks the name servers. This does not use libuv's pool and can be given up, so a server that is silent holds nothing. It
 * knows nothing of hosts files, search domains and the like.
 */
export function askServers(newResolver: () => Resolver = systemResolver, clock: Clock = systemClock): Ask {
  return (name, told) => {
    const query = new Query(newResolver(), clock, told);
    query.start(name);
    return () => query.giveUp();
  };
}

/**
 * Tells only names all whose addresses are public ones. They are what is connected to, so a name that changes its addresses
 * cannot lead elsewhere.
 */
export function askPublic(ask: Ask = askServers()): Ask {
  return (name, told) => {
    if (isLocalhost(name)) {
      told(new BlockedError(name), []);
      return () => {};
    }
    return ask(name, (error, addresses) => {
      const isPublic = addresses.length > 0 && addresses.every(({ address }) => isPublicAddress(address));
      if (error !== null || isPublic) told(error, addresses);
      else told(new BlockedError(name), []);
    });
  };
}

/** One name, asked for its IPv4 and IPv6 addresses at once. */
class Query {
  readonly #resolver: Resolver;
  readonly #clock: Clock;
  #told: Told | null;
  #left = 2;
  #timer: unknown = null;
  #v4: readonly string[] = [];
  #v6: readonly string[] = [];
  #error: Error | null = null;

  constructor(resolver: Resolver, clock: Clock, told: Told) {
    this.#resolver = resolver;
    this.#clock = clock;
    this.#told = told;
  }

  start(name: string): void {
    try {
      this.#resolver.resolve4(name, (error, addresses) => {
        this.#v4 = addresses ?? [];
        this.#answered(error);
      });
      this.#resolver.resolve6(name, (error, addresses) => {
        this.#v6 = addresses ?? [];
        this.#answered(error);
      });
    } catch (error) {
      // Such as a name with a label that is too long.
      this.#end(error as Error, []);
    }
  }

  giveUp(): void {
    this.#told = null;
    this.#stop();
  }

  #answered(error: Error | null): void {
    if (this.#told === null) return;
    if (error !== null) this.#error = moreTelling(this.#error, error);
    if (--this.#left === 0) this.#finish();
    // Some servers never answer about IPv6.
    else if (error === null) this.#timer = this.#clock.set(() => this.#finish(), OTHER_FAMILY_MS, null);
  }

  #finish(): void {
    const v4 = this.#v4.map((address) => ({ address, family: 4 }));
    const v6 = this.#v6.map((address) => ({ address, family: 6 }));
    // IPv4 first unless Node was told otherwise: there is no order here to keep, as there is in what the system says.
    const all = dns.getDefaultResultOrder() === 'ipv6first' ? [...v6, ...v4] : [...v4, ...v6];
    this.#end(all.length > 0 ? null : this.#error, all);
  }

  #end(error: Error | null, addresses: readonly LookupAddress[]): void {
    const told = this.#told;
    this.#told = null;
    this.#stop();
    told?.(error, addresses);
  }

  #stop(): void {
    if (this.#timer !== null) this.#clock.clear(this.#timer);
    this.#timer = null;
    this.#resolver.cancel();
  }
}

/** "No such name" settles both questions, and "no such address" only one of them. */
function moreTelling(before: NodeJS.ErrnoException | null, now: NodeJS.ErrnoException): Error {
  return before === null || before.code === 'ENODATA' || now.code === 'ENOTFOUND' ? now : before;
}
