import { AsyncResource } from 'node:async_hooks';
import type { LookupAddress } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { BlockedError, isPublicAddress } from './address.js';
import { Dial, type Opened } from './dial.js';
import type { GiveUp, Names } from './lookup.js';

/** The time limit for lookup, connect and TLS handshake together. */
const LONGEST_MS = 10_000;

// A connection outlives the request that it is opened for. Opened in that request's async context, it would keep the
// application's AsyncLocalStorage store alive, and expose it to other requests.
const nobody = new AsyncResource('EXPRESS_MASHUP_CONNECTIONS');

export interface Target {
  /** As in a URL, but an IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly publicOnly: boolean;
}

/** Starts TLS on a connected socket. */
export type Secure = (socket: Socket, opened: Opened) => Socket;

/** A connection that is being opened. */
export class Opening {
  readonly #target: Target;
  readonly #secure: Secure | null;
  readonly #names: Names;
  readonly #clock: Clock;
  readonly #opened: Opened;
  #ended = false;
  #timer: unknown = null;
  #leave: GiveUp | null = null;
  #dial: Dial | null = null;
  #socket: Socket | null = null;

  constructor(target: Target, secure: Secure | null, names: Names, clock: Clock, opened: Opened) {
    this.#target = target;
    this.#secure = secure;
    this.#names = names;
    this.#clock = clock;
    this.#opened = opened;
  }

  start(): void {
    nobody.runInAsyncScope(this.#begin, this);
  }

  /** Ends it at once. `opened` is not called. */
  cancel(): void {
    this.#ended = true;
    this.#clock.clear(this.#timer);
    this.#leave?.();
    this.#dial?.cancel();
    this.#socket?.destroy();
  }

  #begin(): void {
    this.#timer = this.#clock.set((late) => late.#fail(timeout()), LONGEST_MS, this as Opening);
    const { hostname, publicOnly } = this.#target;
    const family = isIP(hostname);
    if (family === 0) {
      this.#leave = this.#names.lookup(hostname, (error, addresses) => {
        if (error !== null) this.#fail(error);
        else this.#connect(addresses);
      });
    } else if (publicOnly && !isPublicAddress(hostname)) this.#fail(new BlockedError(hostname));
    else this.#connect([{ address: hostname, family }]);
  }

  #connect(addresses: readonly LookupAddress[]): void {
    if (this.#ended) return;
    const dialled: Opened = (error, socket) => {
      if (error !== null) this.#fail(error);
      else if (this.#secure === null) this.#succeed(socket);
      else this.#handshake(this.#secure, socket);
    };
    this.#dial = new Dial(addresses, this.#target.port, dialled, this.#clock);
    this.#dial.start();
  }

  #handshake(secure: Secure, connected: Socket): void {
    this.#socket = secure(connected, (error, socket) => {
      if (error !== null) this.#fail(error);
      else this.#succeed(socket);
    });
  }

  #succeed(socket: Socket): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clock.clear(this.#timer);
    this.#opened(null, socket);
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.cancel();
    this.#opened(error, null);
  }
}

function timeout(): Error {
  return Object.assign(new Error(`none within ${LONGEST_MS} ms`), { code: 'UND_ERR_CONNECT_TIMEOUT' });
}
