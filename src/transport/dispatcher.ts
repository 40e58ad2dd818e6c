import { isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import { BlockedError, isBlockedLiteral } from './address.js';
import type { Connection, Connections, WireHandler, WireRequest } from './wire.js';

/** Connections by a dispatcher of the user's own: an agent that goes through a proxy, a mock. */
export class DispatcherConnections implements Connections {
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  take(origin: string, publicOnly: boolean): Connection {
    return new DispatcherConnection(this.#dispatcher, publicOnly ? new URL(origin).hostname : null);
  }

  /** Nothing: the dispatcher is its owner's to close. */
  async close(): Promise<void> {}
}

class DispatcherConnection implements Connection {
  readonly reused = false;
  readonly broken = null;
  readonly #dispatcher: Dispatcher;
  readonly #publicHost: string | null;
  #abort: ((error: Error) => void) | null = null;
  #ended: Error | null = null;

  constructor(dispatcher: Dispatcher, publicHost: string | null) {
    this.#dispatcher = dispatcher;
    this.#publicHost = publicHost;
  }

  send(request: WireRequest, handler: WireHandler): void {
    // The dispatcher (or its proxy) resolves names, so only IP literals can be checked here.
    if (this.#publicHost !== null && isBlockedLiteral(this.#publicHost)) {
      handler.onError(new BlockedError(this.#publicHost));
      return;
    }
    try {
      // A copy: an interceptor may write into it, and a fixed request is shared by all visitors of a page.
      const options = { ...request, headers: [...request.headers], ...serverName(request.origin) };
      this.#dispatcher.dispatch(options as Dispatcher.DispatchOptions, {
        onConnect: (abort) => {
          this.#abort = abort;
          if (this.#ended !== null) abort(this.#ended);
          else handler.onConnect(abort as (error: Error) => void);
        },
        onResponseStarted: () => handler.onResponseStarted(),
        onHeaders: (status, rawHeaders, resume) => handler.onHeaders(status, flattened(rawHeaders), resume),
        onData: (chunk) => handler.onData(buffered(chunk)),
        onComplete: () => handler.onComplete(),
        onError: (error) => handler.onError(error),
      });
    } catch (error) {
      // For example, an interceptor threw.
      handler.onError(error as Error);
    }
  }

  /** Its connections are not ours to judge. */
  looksAgain(): boolean {
    return false;
  }

  release(): void {}

  destroy(error: Error): void {
    this.#ended = error;
    try {
      this.#abort?.(error);
    } catch {
      // The connection is the dispatcher's; the request has ended all the same.
    }
  }
}

/** The name that a certificate is checked against, which undici would take from a Host header. */
function serverName(origin: string): { servername?: string } {
  if (!origin.startsWith('https:')) return {};
  const { hostname } = new URL(origin);
  return hostname.startsWith('[') || isIP(hostname) !== 0 ? {} : { servername: hostname };
}

/** Raw headers as undici's parser gives them. Interceptors may give strings, and lists of values. */
function flattened(rawHeaders: readonly (Buffer | string | readonly (Buffer | string)[])[]): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = bytes(rawHeaders[at] as Buffer | string);
    for (const value of [rawHeaders[at + 1] ?? ''].flat() as (Buffer | string)[]) list.push(name, bytes(value));
  }
  return list;
}

function bytes(text: Buffer | string): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
}

/** Interceptors may pass on a Uint8Array that is no Buffer. */
function buffered(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
