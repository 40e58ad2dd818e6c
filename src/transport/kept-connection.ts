import { isIP, type Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { buildConnector, Client } from 'undici';
import type { Clock } from '../clock.js';
import type { Names } from './lookup.js';
import { Opening, type Secure } from './opening.js';
import { noteParseErrors } from './parse-error.js';
import { turnWasLong, watchTurn } from './turns.js';
import type { Connection, WireHandler, WireRequest } from './wire.js';

// Runs have timers of their own. undici's, which are coarse above a second, are off.
const clientOptions = { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveMaxTimeout: 60_000 };

// A connector caches TLS sessions by name. A session of an internal server must not be resumed with a public one of that name.
const secureAnywhere = buildConnector({ timeout: 0 });
const securePublic = buildConnector({ timeout: 0 });

/** What the connections of one origin have in common. */
export interface Pool {
  readonly origin: string;
  readonly publicOnly: boolean;
  readonly names: Names;
  readonly clock: Clock;
  /** The answer is complete, and the connection can be used again. */
  release(connection: KeptConnection): void;
  /** The connection cannot be used any more. */
  forget(connection: KeptConnection): void;
  /** The connection is closed. */
  gone(): void;
}

/** A request as undici takes it. One object for each connection, which carries one request at a time. */
class Outgoing {
  origin = '';
  path = '';
  method = '';
  headers: string[] = [];
  body: string | Buffer | null = null;
  /**
   * The name that a certificate is checked against. undici would take it from a Host header, and open a new connection when
   * that changes.
   */
  readonly servername: string;

  constructor(servername: string) {
    this.servername = servername;
  }
}

export class KeptConnection implements Connection {
  readonly pool: Pool;
  /** Its neighbours in the list of idle connections, while it is idle. */
  older: KeptConnection | null = null;
  newer: KeptConnection | null = null;
  idle = false;
  reused = false;
  readonly #client: Client;
  readonly #outgoing: Outgoing;
  #opening: Opening | null = null;
  #socket: Socket | null = null;
  #destroyed = false;
  #lookedAgain = false;

  constructor(pool: Pool) {
    this.pool = pool;
    this.#outgoing = new Outgoing(new URL(pool.origin).hostname);
    this.#client = new Client(pool.origin, {
      ...clientOptions,
      connect: (options, opened) => this.#open(options, opened),
    });
    this.#client.on('disconnect', () => {
      // An idle connection is of no further use. Of one in use, undici tells the request, or sends it on a new socket if it has
      // not been written yet.
      if (this.idle) this.destroy(closed);
      else this.reused = false;
    });
  }

  get broken(): Error | null {
    const socket = this.#socket;
    if (socket === null || socket.errored !== null) return socket?.errored ?? null;
    // libuv tells of a reset as of an end where it comes together with the last data. But a socket that was reset has no peer
    // any more, and one that the other side has only ended has.
    return socket.readableEnded && socket.remoteAddress === undefined ? reset : null;
  }

  send(request: WireRequest, handler: WireHandler): void {
    if (this.reused) watchTurn();
    const outgoing = this.#outgoing;
    outgoing.origin = request.origin;
    outgoing.path = request.path;
    outgoing.method = request.method;
    outgoing.headers = request.headers;
    outgoing.body = request.body;
    this.#client.dispatch(outgoing as Dispatcher.DispatchOptions, handler as Dispatcher.DispatchHandler);
  }

  looksAgain(): boolean {
    if (!this.reused || this.#lookedAgain || !turnWasLong()) return false;
    this.#lookedAgain = true;
    return true;
  }

  release(): void {
    this.reused = true;
    this.#lookedAgain = false;
    this.pool.release(this);
  }

  destroy(error: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.pool.forget(this);
    this.#client.destroy(error, () => this.pool.gone());
    // undici does not cancel a connect that is under way when its client is destroyed.
    this.#opening?.cancel();
  }

  #open(options: buildConnector.Options, opened: buildConnector.Callback): void {
    const { hostname, protocol, port } = options;
    const { publicOnly, names, clock } = this.pool;
    const isSecure = protocol === 'https:';
    const target = { hostname, port: Number(port) || (isSecure ? 443 : 80), publicOnly };
    const handshake = isSecure ? secure(options, publicOnly) : null;
    this.#opening = new Opening(target, handshake, names, clock, (error, socket) => {
      this.#opening = null;
      this.#socket = socket;
      if (socket !== null) noteParseErrors(socket);
      if (error === null) opened(null, socket);
      else opened(error, null);
    });
    this.#opening.start();
  }
}

/** The TLS handshake. The certificate must be valid for the origin's own name or address. */
function secure(options: buildConnector.Options, publicOnly: boolean): Secure {
  const { hostname, host = hostname, protocol, port } = options;
  const servername = isIP(hostname) === 0 ? hostname : '';
  const connect = publicOnly ? securePublic : secureAnywhere;
  return (httpSocket, opened) => {
    const target = { hostname, host, protocol, port, servername, httpSocket };
    // undici's connector returns the socket, though its types do not say so.
    return connect(target, (error, socket) =>
      error ? opened(error, null) : opened(null, socket),
    ) as unknown as Socket;
  };
}

export const closed = new Error('the idle connection was closed');
const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
