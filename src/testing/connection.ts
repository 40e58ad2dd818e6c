import type { Clock } from '../clock.js';
import { isThenable } from '../hook.js';
import { noteFailure } from '../seam.js';
import { soon } from '../soon.js';
import { isBlockedLiteral } from '../transport/address.js';
import type { Connection, WireHandler, WireRequest } from '../transport/wire.js';
import type { Script } from './faults.js';
import { Play } from './play.js';

/** A mistake of the test: something is not mocked, or a mock does not work. */
export class MockMistake extends Error {
  override readonly name = 'MockMistake';
}

/** What a request gets. */
export type Found = 'pass' | MockMistake | { answer(): Script | PromiseLike<Script> };

/** Who knows the mocks. */
export interface MockHost {
  readonly clock: Clock;
  find(upstream: string, request: WireRequest): Found;
  opened(connection: MockedConnection): void;
  closed(connection: MockedConnection): void;
  mistake(message: string, cause?: unknown): MockMistake;
}

/** Answers one request as its mock says, without a network. */
export class MockedConnection implements Connection {
  readonly #host: MockHost;
  readonly #upstream: string;
  /** What must be public; null where any address may be connected to. */
  readonly #publicHost: string | null;
  readonly #takeReal: () => Connection;
  #real: Connection | null = null;
  #handler: WireHandler | null = null;
  #play: Play | null = null;

  constructor(host: MockHost, upstream: string, publicHost: string | null, takeReal: () => Connection) {
    this.#host = host;
    this.#upstream = upstream;
    this.#publicHost = publicHost;
    this.#takeReal = takeReal;
  }

  get reused(): boolean {
    return this.#real?.reused ?? false;
  }

  get broken(): Error | null {
    return this.#real?.broken ?? null;
  }

  looksAgain(): boolean {
    return this.#real?.looksAgain() ?? false;
  }

  send(request: WireRequest, handler: WireHandler): void {
    if (this.#real !== null) return this.#real.send(request, handler);
    if (this.#publicHost !== null && isBlockedLiteral(this.#publicHost)) {
      const blocked = new Error(`${this.#publicHost} is not a public internet address`);
      return handler.onError(noteFailure(blocked, 'ERR_UPSTREAM_BLOCKED'));
    }
    const found = this.#host.find(this.#upstream, request);
    if (found === 'pass') {
      this.#real = this.#takeReal();
      return this.#real.send(request, handler);
    }
    this.#handler = handler;
    this.#host.opened(this);
    // Later, as an answer over a network comes.
    soon(() => {
      if (found instanceof MockMistake) this.fail(found);
      else this.#ask(found.answer, request.method);
    });
  }

  release(): void {
    this.#end();
    this.#real?.release();
  }

  destroy(error: Error): void {
    this.#end();
    this.#real?.destroy(error);
  }

  /** Ends the answer with an error, if it has not ended. */
  fail(error: Error): void {
    const handler = this.#end();
    handler?.onError(error);
  }

  #ask(answer: () => Script | PromiseLike<Script>, method: string): void {
    if (this.#handler === null) return;
    try {
      const script = answer();
      if (!isThenable(script)) return this.#give(script, method);
      script.then(
        (later) => this.#give(later, method),
        (thrown) => this.#threw(thrown),
      );
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  #give(script: Script, method: string): void {
    if (this.#handler === null) return;
    this.#play = new Play(script, method, this.#handler, this.#host.clock);
    this.#play.start();
  }

  #threw(thrown: unknown): void {
    // What was thrown is the test's own, and is shown to it alone.
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    this.fail(this.#host.mistake(`the mock of '${this.#upstream}' failed: ${why}`, thrown));
  }

  #end(): WireHandler | null {
    const handler = this.#handler;
    this.#handler = null;
    this.#play?.stop();
    this.#host.closed(this);
    return handler;
  }
}
