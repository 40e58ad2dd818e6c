import { setImmediate } from 'node:timers';
import { type Clock, systemClock } from '../clock.js';
import { askPublic } from './dns.js';
import { IdleConnections } from './idle.js';
import { closed, KeptConnection, type Pool } from './kept-connection.js';
import { Names } from './lookup.js';
import { askSystem } from './system.js';
import type { Connection, Connections } from './wire.js';

/** Idle connections to all origins together. Origins that are asked once, in any number, must not keep theirs. */
const MOST_IDLE = 256;
/** How many turns of the event loop `close` goes on refusing new requests after its timeout. */
const MOST_TURNS = 100;

/** The lookups of names that pages name, and of names whose addresses must be public. */
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
  /** How many calls of `close` have reached their timeout and not resolved yet. */
  #cutting = 0;
  /** Whether anybody was refused a connection in this turn of the event loop. */
  #refused = false;

  constructor({ names = systemNames, clock = systemClock, mostIdle = MOST_IDLE }: KeptOptions = {}) {
    this.#names = names;
    this.#clock = clock;
    this.#open = new OpenConnections(mostIdle);
  }

  /** @throws {ClosedError} between the timeout of a `close` and its end */
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
    // An aborted request lets others start in this turn or the next, such as those that waited in line. They are refused too.
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

/** The error of requests that are still under way at the timeout of `close`. */
export class ClosedError extends Error {
  constructor() {
    super('the instance was closed');
  }
}

/** The connections of an instance that are not closed. */
class OpenConnections {
  /** How many there are, including those that are being closed. */
  count = 0;
  /** Whether connections are closed as soon as they are idle. Requests after `close` are still sent. */
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
