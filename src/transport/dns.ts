import dns, { type LookupAddress } from 'node:dns';
import { type Clock, systemClock } from '../clock.js';
import { BlockedError, isPublicAddress } from './address.js';
import { isLocalhost } from './hosts.js';
import type { Ask, Told } from './lookup.js';

/** How long the addresses of one family wait for those of the other. */
const OTHER_FAMILY_MS = 100;

/** The part of Node's resolver that is used. */
export type Resolver = Pick<dns.Resolver, 'resolve4' | 'resolve6' | 'cancel'>;

/**
 * A new resolver for each query reads the system's configuration again (40 µs), so it never asks servers of a network that
 * the machine has left. `timeout` is that of the first try, and doubles with each further one.
 */
function systemResolver(): Resolver {
  return new dns.Resolver({ timeout: 500, tries: 5 });
}

/**
 * Asks the name servers. This needs no thread of libuv's pool and can be canceled, so a silent server blocks nothing. But it
 * does not know hosts files, search domains and the like.
 */
export function askServers(newResolver: () => Resolver = systemResolver, clock: Clock = systemClock): Ask {
  return (name, told) => {
    const query = new Query(newResolver(), clock, told);
    query.start(name);
    return () => query.giveUp();
  };
}

/**
 * Refuses names unless all their addresses are public. The connection goes to these addresses, without another lookup, so a
 * name that changes its addresses meanwhile (DNS rebinding) gains nothing.
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
      // For example, a label of the name is too long.
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
    // IPv4 first unless Node was told otherwise. Unlike getaddrinfo, two separate queries have no order of their own.
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

/** The error that says more: "no such name" holds for both families, "no such address" for one only. */
function moreTelling(before: NodeJS.ErrnoException | null, now: NodeJS.ErrnoException): Error {
  return before === null || before.code === 'ENODATA' || now.code === 'ENOTFOUND' ? now : before;
}
