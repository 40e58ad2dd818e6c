import type { LookupAddress } from 'node:dns';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type Clock, systemClock } from '../clock.js';

/** How long to wait for one address before the next is tried beside it. */
const ATTEMPT_DELAY_MS = 250;

export type OpenSocket = (address: string, port: number) => Socket;

/** As undici opens its sockets; Node's types do not know of `highWaterMark`. */
const socketOptions = { highWaterMark: 65_536, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
const openSocket: OpenSocket = (host, port) => connect({ ...socketOptions, host, port } as NetConnectOpts);

/** Called once, with a connected socket or with an error. */
export type Opened = (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void;

/**
 * Connects to the first of several addresses that answers ("Happy Eyeballs", RFC 8305, section 5). An attempt goes on while
 * the next one is made, and the dial fails only when all have failed. (Node's own `autoSelectFamily` gives an attempt up
 * after 250 ms if there is another address, so a slow address is lost even when the others refuse.)
 */
export class Dial {
  readonly #addresses: readonly LookupAddress[];
  readonly #port: number;
  readonly #opened: Opened;
  readonly #clock: Clock;
  readonly #open: OpenSocket;
  readonly #attempts = new Set<Socket>();
  readonly #errors: Error[] = [];
  #next = 0;
  #timer: unknown = null;
  #ended = false;

  constructor(
    addresses: readonly LookupAddress[],
    port: number,
    opened: Opened,
    clock: Clock = systemClock,
    open: OpenSocket = openSocket,
  ) {
    this.#addresses = alternating(addresses);
    this.#port = port;
    this.#opened = opened;
    this.#clock = clock;
    this.#open = open;
  }

  start(): void {
    const next = this.#addresses[this.#next++];
    if (next === undefined) return this.#end(noAddress(), null);
    const socket = this.#open(next.address, this.#port);
    this.#attempts.add(socket);
    socket.once('connect', () => this.#end(null, socket));
    socket.on('error', (error) => this.#failed(socket, error));
    if (this.#next < this.#addresses.length) {
      this.#timer = this.#clock.set((dial) => dial.start(), ATTEMPT_DELAY_MS, this as Dial);
    }
  }

  /** Ends every attempt. `opened` is not called. */
  cancel(): void {
    this.#ended = true;
    this.#clock.clear(this.#timer);
    for (const socket of this.#attempts) socket.destroy();
    this.#attempts.clear();
  }

  #failed(socket: Socket, error: Error): void {
    if (this.#ended) return;
    this.#attempts.delete(socket);
    this.#errors.push(error);
    this.#clock.clear(this.#timer);
    if (this.#next < this.#addresses.length) this.start();
    else if (this.#attempts.size === 0) {
      this.#end(this.#errors.length === 1 ? error : new AggregateError(this.#errors), null);
    }
  }

  #end(...result: Parameters<Opened>): void {
    if (this.#ended) return;
    const [, socket] = result;
    if (socket !== null) {
      this.#attempts.delete(socket);
      // The socket belongs to the caller from now on.
      socket.removeAllListeners('error');
    }
    this.cancel();
    this.#opened(...result);
  }
}

/** The addresses in their order, but the families take turns (RFC 8305, section 4). */
function alternating(addresses: readonly LookupAddress[]): readonly LookupAddress[] {
  const family = addresses[0]?.family;
  const firsts = addresses.filter((address) => address.family === family);
  const others = addresses.filter((address) => address.family !== family);
  const turns = Math.max(firsts.length, others.length);
  return Array.from({ length: turns }, (_, at) => [firsts[at], others[at]])
    .flat()
    .filter((address) => address !== undefined);
}

function noAddress(): Error {
  return Object.assign(new Error('it has no address'), { code: 'ENODATA' });
}
