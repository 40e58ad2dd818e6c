import dns, { type LookupAddress } from 'node:dns';
import { type Clock, systemClock } from '../clock.js';
import { askServers } from './dns.js';
import { hostsFile, type IsLocal } from './hosts.js';
import type { Ask, GiveUp, Told } from './lookup.js';

// The system's answer counts, because it knows hosts files, search domains, multicast DNS and the rest. But getaddrinfo cannot
// be canceled and holds a thread of libuv's pool until it ends, which takes 10 or 20 s if a name server is silent. libuv lets
// such work use half of the pool, so two silent names stop every other lookup of the process, by whatever library. Hence two
// kinds of places. `anyName` takes any name. `quickNames` takes names that will not hang, because the hosts file has them or a
// name server has answered a query of our own, which can be canceled. Silent names block `anyName` at most, and the others
// still go through `quickNames`.

/** How long the system has for its answer. After that, name servers are asked too, and their answer is used if it comes first. */
const PATIENCE_MS = 300;
const MOST_PLACES = 4;

export type SystemLookup = (
  name: string,
  options: { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface SystemOptions {
  readonly lookup?: SystemLookup;
  readonly servers?: Ask;
  readonly isLocal?: IsLocal;
  readonly clock?: Clock;
  /** Of libuv's pool. */
  readonly threads?: number;
}

/** Asks the operating system, so that no name delays another. */
export function askSystem({
  // Read at each call, because instrumentation and caches replace it.
  lookup = (name, options, callback) => dns.lookup(name, options, callback),
  servers = askServers(),
  isLocal = hostsFile(),
  clock = systemClock,
  threads = poolSize(process.env['UV_THREADPOOL_SIZE']),
}: SystemOptions = {}): Ask {
  const services: Services = {
    lookup,
    servers,
    isLocal,
    clock,
    // One of the threads that libuv lets lookups use is left to other code.
    anyName: new Places(Math.min(Math.floor((threads + 1) / 2) - 1, MOST_PLACES)),
    quickNames: new Places(1),
  };
  return (name, told) => {
    const question = new Question(services, name, told);
    question.start();
    return () => question.giveUp();
  };
}

/** UV_THREADPOOL_SIZE as libuv reads it. */
function poolSize(setting: string | undefined): number {
  return setting === undefined ? 4 : Math.min(Math.max(Number.parseInt(setting, 10) || 1, 1), 1024);
}

interface Services extends Required<Omit<SystemOptions, 'threads'>> {
  readonly anyName: Places;
  readonly quickNames: Places;
}

/** Bounds how many lookups run at once. The others wait in line. */
class Places {
  readonly #line = new Set<Question>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  tryEnter(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  wait(question: Question): void {
    this.#line.add(question);
  }

  forget(question: Question): void {
    this.#line.delete(question);
  }

  leave(): void {
    for (const first of this.#line) {
      this.#line.delete(first);
      return first.run(this);
    }
    this.#free++;
  }
}

class Question {
  readonly #services: Services;
  readonly #name: string;
  readonly #told: Told;
  #state: 'waiting' | 'running' | 'over' = 'waiting';
  /** The addresses that name servers gave; null if they gave none. */
  #found: readonly LookupAddress[] | null = null;
  /** Whether the system's time is up. */
  #isOverdue = false;
  #isQuick = false;
  #timer: unknown = null;
  #giveUpServers: GiveUp | null = null;

  constructor(services: Services, name: string, told: Told) {
    this.#services = services;
    this.#name = name;
    this.#told = told;
  }

  start(): void {
    const { anyName, isLocal } = this.#services;
    if (anyName.tryEnter()) {
      this.#setTimer();
      return this.run(anyName);
    }
    anyName.wait(this);
    isLocal(this.#name, (yes) => {
      if (yes) this.#isProven();
    });
    this.#askServers();
  }

  /** Asks the system. The question holds one of these places until the answer comes. */
  run(places: Places): void {
    const { lookup } = this.#services;
    this.#state = 'running';
    lookup(this.#name, { all: true }, (error, addresses) => {
      places.leave();
      if (error === null) this.#end(null, addresses);
      else if (this.#found !== null && error.code !== 'ENOTFOUND') this.#end(null, this.#found);
      else this.#end(error, []);
    });
  }

  giveUp(): void {
    this.#state = 'over';
    const { anyName, quickNames, clock } = this.#services;
    anyName.forget(this);
    quickNames.forget(this);
    clock.clear(this.#timer);
    this.#giveUpServers?.();
  }

  #askServers(): void {
    this.#giveUpServers = this.#services.servers(this.#name, (error, addresses) => {
      if (error === null) this.#found = addresses;
      // Silence proves nothing: the servers may be out of reach while the system has another way.
      else if (isSilence(error)) return;
      this.#isProven();
      this.#useFound();
    });
  }

  /** The lookup is known not to hang. */
  #isProven(): void {
    if (this.#state !== 'waiting' || this.#isQuick) return;
    const { anyName, quickNames } = this.#services;
    this.#isQuick = true;
    this.#setTimer();
    anyName.forget(this);
    if (quickNames.tryEnter()) this.run(quickNames);
    else quickNames.wait(this);
  }

  #setTimer(): void {
    this.#timer = this.#services.clock.set(
      (late) => {
        late.#isOverdue = true;
        if (late.#giveUpServers === null) late.#askServers();
        late.#useFound();
      },
      PATIENCE_MS,
      this as Question,
    );
  }

  #useFound(): void {
    if (this.#isOverdue && this.#found !== null) this.#end(null, this.#found);
  }

  #end(error: Error | null, addresses: readonly LookupAddress[]): void {
    if (this.#state === 'over') return;
    this.giveUp();
    this.#told(error, addresses);
  }
}

function isSilence(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ETIMEOUT' || code === 'ECANCELLED';
}
