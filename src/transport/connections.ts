import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { buildConnector, Client } from 'undici';
import { BlockedError, isBlockedLiteral, publicLookup } from './address.js';
import { noteParseErrors } from './parse-error.js';
import { turnWasLong, watchTurn } from './turns.js';

/** Where a request goes and what it says: undici's own vocabulary. `headers` are name, value, name, value … */
export interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: string | Buffer | null;
}

/**
 * What undici tells of a request. These are the methods of its low-level interface, which gives headers unparsed and
 * costs no controller object.
 */
export interface WireHandler {
  onConnect(abort: (error: Error) => void): void;
  onResponseStarted(): void;
  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean;
  onData(chunk: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** A way to send one request at a time. */
export interface Connection {
  /** Whether it has carried an answer before, so that the other side may just be closing it. */
  readonly reused: boolean;
  /** The error that it was closed with; null if there was none. */
  readonly broken: Error | null;
  send(request: WireRequest, handler: WireHandler): void;
  /**
   * Whether something may have come that nobody asked for and nobody has seen: then the request that is about to be written
   * is sent anew. True once for a request.
   */
  looksAgain(): boolean;
  /** The answer is complete: others may use the connection. */
  release(): void;
  /** Closes it at once, also while it is connecting. */
  destroy(error: Error): void;
}

export interface Connections {
  /** A connection to an origin; `publicOnly` ones go to public internet addresses, and never mix with the others. */
  take(origin: string, publicOnly: boolean, fresh: boolean): Connection;
  /** Closes idle connections now and the others when they are released, or after so many ms; resolves when all are closed. */
  close(timeout?: number): Promise<void>;
}

const CONNECT_TIMEOUT = 10_000;
// The run has one timer for all its calls, so undici's own, which are coarse above a second, are off.
const clientOptions = { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveMaxTimeout: 60_000 };

const connectAnywhere = buildConnector({ timeout: CONNECT_TIMEOUT });
const connectToPublic = buildConnector({ timeout: CONNECT_TIMEOUT, lookup: publicLookup as never });

/**
 * Keep-alive connections, by origin. A connection carries one request at a time, so a pool is a stack: the one used last
 * is taken first, and the others may idle out. (undici's Pool would do, but a request that is given up while it waits
 * for a connection stays in its queue, and the socket goes on connecting.)
 */
export class KeptConnections implements Connections {
  readonly #pools = new Map<string, Pool>();
  readonly #publicPools = new Map<string, Pool>();
  #closed = false;

  take(origin: string, publicOnly: boolean, fresh: boolean): Connection {
    const pools = publicOnly ? this.#publicPools : this.#pools;
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, publicOnly, () => pools.delete(origin));
      pools.set(origin, pool);
      // After the instance was closed, what is still asked for is sent, and its connection closed at once.
      if (this.#closed) void pool.close();
    }
    return pool.take(fresh);
  }

  async close(timeout?: number): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values(), ...this.#publicPools.values()];
    const closing = Promise.all(pools.map((pool) => pool.close()));
    const late = () => {
      for (const pool of pools) pool.destroy(new ClosedError());
    };
    const timer = timeout === undefined ? null : setTimeout(late, timeout);
    await closing;
    if (timer !== null) clearTimeout(timer);
  }
}

/** What the requests end with that are still under way when an instance is closed. */
export class ClosedError extends Error {
  constructor() {
    super('the instance was closed');
  }
}

class Pool {
  readonly #idle: KeptConnection[] = [];
  readonly #all = new Set<KeptConnection>();
  /** How many are not closed yet: those of #all, and those that are being destroyed. */
  #open = 0;
  #whenEmpty: (() => void) | null = null;
  readonly #publicOnly: boolean;
  readonly #onEmpty: () => void;
  readonly origin: string;

  constructor(origin: string, publicOnly: boolean, onEmpty: () => void) {
    this.origin = origin;
    this.#publicOnly = publicOnly;
    this.#onEmpty = onEmpty;
  }

  take(fresh: boolean): KeptConnection {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) {
      idle.idle = false;
      return idle;
    }
    const connection = new KeptConnection(this, this.#publicOnly);
    this.#all.add(connection);
    this.#open++;
    return connection;
  }

  release(connection: KeptConnection): void {
    if (this.#whenEmpty !== null) return connection.destroy(closed);
    connection.idle = true;
    this.#idle.push(connection);
  }

  /** The connection is of no use any more. */
  forget(connection: KeptConnection): void {
    if (connection.idle) this.#idle.splice(this.#idle.indexOf(connection), 1);
    connection.idle = false;
    this.#all.delete(connection);
    if (this.#all.size === 0) this.#onEmpty();
  }

  destroy(error: Error): void {
    for (const connection of [...this.#all]) connection.destroy(error);
  }

  /** The connection is closed. */
  gone(): void {
    if (--this.#open === 0) this.#whenEmpty?.();
  }

  close(): Promise<void> {
    const others = this.#whenEmpty;
    return new Promise((resolve) => {
      this.#whenEmpty = () => {
        others?.();
        resolve();
      };
      for (const connection of [...this.#idle]) connection.destroy(closed);
      if (this.#open === 0) resolve();
    });
  }
}

class KeptConnection implements Connection {
  readonly #pool: Pool;
  readonly #client: Client;
  #socket: Socket | undefined;
  #destroyed = false;
  #lookedAgain = false;
  idle = false;
  reused = false;

  constructor(pool: Pool, publicOnly: boolean) {
    this.#pool = pool;
    this.#client = new Client(pool.origin, {
      ...clientOptions,
      connect: (options, callback) => {
        if (publicOnly && isBlockedLiteral(options.hostname)) {
          callback(new BlockedError(options.hostname), null);
          return;
        }
        const connect = publicOnly ? connectToPublic : connectAnywhere;
        // undici's connector returns the socket, which its types leave out.
        this.#socket = connect(options, callback) as unknown as Socket;
        noteParseErrors(this.#socket);
      },
    });
    this.#client.on('disconnect', () => {
      // Idle, it is of no further use; in use, its request is told of the end by undici.
      if (this.idle) this.destroy(closed);
    });
  }

  get broken(): Error | null {
    return this.#socket?.errored ?? null;
  }

  send(request: WireRequest, handler: WireHandler): void {
    if (this.reused) watchTurn();
    this.#client.dispatch(request as Dispatcher.DispatchOptions, handler as Dispatcher.DispatchHandler);
  }

  looksAgain(): boolean {
    if (!this.reused || this.#lookedAgain || !turnWasLong()) return false;
    this.#lookedAgain = true;
    return true;
  }

  release(): void {
    this.reused = true;
    this.#lookedAgain = false;
    this.#pool.release(this);
  }

  destroy(error: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#pool.forget(this);
    this.#client.destroy(error, () => this.#pool.gone());
    // A client that is destroyed while it connects would leave its socket to its connect timeout.
    this.#socket?.destroy();
  }
}

const closed = new Error('the idle connection was closed');
