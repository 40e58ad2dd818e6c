import { setImmediate } from 'node:timers';
import { type Clock, systemClock } from '../clock.js';
import { askPublic } from './dns.js';
import { IdleConnections } from './idle.js';
import { closed, KeptConnection, type Pool } from './kept-connection.js';
import { Names } from './lookup.js';
import { askSystem } from './system.js';
import type { Connection, Connections } from './wire.js';

/** Idle connections to all origins together. A page's own origins need few; any number of others may be asked once. */
const MOST_IDLE = 256;
/** How many turns of the event loop `close` goes on refusing those who come, once its time is over. */
const MOST_TURNS = 100;

/** What names mean: those that a page names, and those that must be public. */
export interface NameServices {
  readonly anywhere: Names;
  readonly publicOnly: Names;
}

// For all instances, as they share the threads that lookups need.
const systemNames: NameServices = { anywhere: new Names(askSystem()), publicOnly: new Names(askPublic()) };

/** What tests replace. */
export interface KeptOptions {
  readonly names?: NameServices;
  readonly clock?: Clock;
  readonly mostIdle?: number;
}

/**
 * Keep-alive connections, by origin. A connection carries one request at a time, so a pool is a stack: the one used last
 * is taken first, and the others may idle out. (undici's Pool would do, but a request that is given up while it waits
 * for a connection stays in its queue, and the socket goes on connecting.)
 */
export class KeptConnections implements Connections {
  readonly #pools = new Map<string, OriginPool>();
  readonly #publicPools = new Map<string, OriginPool>();
  readonly #names: NameServices;
  readonly #clock: Clock;
  readonly #open: OpenConnections;
  /** How many calls of `close` have run out of time, and whether anybody was refused a connection lately. */
  #cutting = 0;
  #refused = false;

  constructor({ names = systemNames, clock = systemClock, mostIdle = MOST_IDLE }: KeptOptions = {}) {
    this.#names = names;
    this.#clock = clock;
    this.#open = new OpenConnections(mostIdle);
  }

  /** @throws {ClosedError} while the instance is being closed and what was under way is cut off. */
  take(origin: string, publicOnly: boolean, fresh: boolean): Connection {
    if (this.#cutting > 0) {
      this.#refused = true;
      throw new ClosedError();
    }
    const pools = publicOnly ? this.#publicPools : this.#pools;
    let pool = pools.get(origin);
    if (pool === undefined) {
      const names = publicOnly ? this.#names.publicOnly : this.#names.anywhere;
      pool = new OriginPool(origin, publicOnly, names, this.#clock, this.#open, () => pools.delete(origin));
      pools.set(origin, pool);
    }
    return pool.take(fresh);
  }

  async close(timeout?: number, onCut?: () => void): Promise<void> {
    const open = this.#open;
    open.closeIdle();
    let isCutting = false;
    const cut = () => {
      isCutting = true;
      this.#cutting++;
      onCut?.();
      open.destroyAll(new ClosedError());
    };
    const timer = timeout === undefined ? null : this.#clock.set(cut, timeout, undefined);
    // What is cut off lets others go on, in the same turn or the next: those that waited in line, or for another's answer.
    let turns = 0;
    do {
      await open.allClosed();
      this.#refused = false;
      await new Promise((resolve) => setImmediate(resolve));
    } while (open.count > 0 || (this.#refused && ++turns < MOST_TURNS));
    if (isCutting) this.#cutting--;
    if (timer === null) return;
    this.#clock.clear(timer);
    // With no connection open, something may still be about to ask for one: a retry in its back-off, a run in a callback.
    onCut?.();
  }
}

/** What the requests end with that are still under way when an instance is closed. */
export class ClosedError extends Error {
  constructor() {
    super('the instance was closed');
  }
}

/** The connections of an instance that are not closed. */
class OpenConnections {
  /** How many there are, those included that are being closed. */
  count = 0;
  /** Whether they are closed as soon as they are idle. What is still asked for, once the instance was closed, is sent. */
  isClosing = false;
  readonly idle: IdleConnections;
  readonly #usable = new Set<KeptConnection>();
  readonly #whenClosed: (() => void)[] = [];

  constructor(mostIdle: number) {
    this.idle = new IdleConnections(mostIdle);
  }

  add(connection: KeptConnection): void {
    this.count++;
    this.#usable.add(connection);
  }

  forget(connection: KeptConnection): void {
    this.#usable.delete(connection);
  }

  gone(): void {
    if (--this.count > 0) return;
    for (const resolve of this.#whenClosed.splice(0)) resolve();
  }

  closeIdle(): void {
    this.isClosing = true;
    this.idle.closeAll();
  }

  destroyAll(error: Error): void {
    for (const connection of [...this.#usable]) connection.destroy(error);
  }

  allClosed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.count === 0) resolve();
      else this.#whenClosed.push(resolve);
    });
  }
}

class OriginPool implements Pool {
  readonly origin: string;
  readonly publicOnly: boolean;
  readonly names: Names;
  readonly clock: Clock;
  readonly #open: OpenConnections;
  readonly #onEmpty: () => void;
  readonly #idle: KeptConnection[] = [];
  #count = 0;

  constructor(
    origin: string,
    publicOnly: boolean,
    names: Names,
    clock: Clock,
    open: OpenConnections,
    onEmpty: () => void,
  ) {
    this.origin = origin;
    this.publicOnly = publicOnly;
    this.names = names;
    this.clock = clock;
    this.#open = open;
    this.#onEmpty = onEmpty;
  }

  take(fresh: boolean): KeptConnection {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) {
      this.#open.idle.remove(idle);
      return idle;
    }
    const connection = new KeptConnection(this);
    this.#open.add(connection);
    this.#count++;
    return connection;
  }

  release(connection: KeptConnection): void {
    if (this.#open.isClosing) return connection.destroy(closed);
    this.#idle.push(connection);
    this.#open.idle.add(connection);
  }

  forget(connection: KeptConnection): void {
    if (connection.idle) {
      this.#idle.splice(this.#idle.indexOf(connection), 1);
      this.#open.idle.remove(connection);
    }
    this.#open.forget(connection);
    if (--this.#count === 0) this.#onEmpty();
  }

  gone(): void {
    this.#open.gone();
  }
}
