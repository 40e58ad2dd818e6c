import type { Dispatcher } from 'undici';
import { BlockedError, isBlockedLiteral } from './address.js';
import type { Connection, Connections, WireHandler, WireRequest } from './connections.js';

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
    // What a name means is for the dispatcher to say (a proxy resolves it); a literal is judged here all the same.
    if (this.#publicHost !== null && isBlockedLiteral(this.#publicHost)) {
      handler.onError(new BlockedError(this.#publicHost));
      return;
    }
    try {
      this.#dispatcher.dispatch(request as Dispatcher.DispatchOptions, {
        onConnect: (abort) => {
          this.#abort = abort;
          if (this.#ended !== null) abort(this.#ended);
          else handler.onConnect(abort as (error: Error) => void);
        },
        onResponseStarted: () => handler.onResponseStarted(),
        onHeaders: (status, rawHeaders, resume) => handler.onHeaders(status, rawHeaders, resume),
        onData: (chunk) => handler.onData(chunk),
        onComplete: () => handler.onComplete(),
        onError: (error) => handler.onError(error),
      });
    } catch (error) {
      // Such as an interceptor that throws.
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
    this.#abort?.(error);
  }
}
