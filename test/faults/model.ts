// A model of everything around a run: time that passes when it is told to, and upstreams that follow a script.
import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/clock.js';
import { BlockedError } from '../../src/transport/address.js';
import type { Connection, Connections, WireHandler, WireRequest } from '../../src/transport/wire.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly ring: () => void;
}

/** Two lists of timers: those of what is tested, of which none may be left, and those of the model itself. */
export class ManualClock implements Clock {
  readonly timers = new Set<Timer>();
  readonly #events = new Set<Timer>();
  #now = 0;
  #order = 0;

  now(): number {
    return this.#now;
  }

  set<T>(callback: (argument: T) => void, ms: number, argument: T): unknown {
    return this.#add(this.timers, ms, () => callback(argument));
  }

  clear(timer: unknown): void {
    this.timers.delete(timer as Timer);
  }

  /** Something that happens outside of what is tested. */
  happen(ms: number, event: () => void): void {
    this.#add(this.#events, ms, event);
  }

  /** Lets time pass to the next thing that happens; false if there is none. */
  async step(): Promise<boolean> {
    const all = [...this.timers, ...this.#events].sort((a, b) => a.at - b.at || a.order - b.order);
    const [next] = all;
    if (next === undefined) return false;
    this.#now = next.at;
    this.timers.delete(next);
    this.#events.delete(next);
    next.ring();
    await settle();
    return true;
  }

  #add(timers: Set<Timer>, ms: number, ring: () => void): Timer {
    const timer = { at: this.#now + ms, order: this.#order++, ring };
    timers.add(timer);
    return timer;
  }
}

/** Until every promise that can be settled is. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What one request meets. Each part comes some milliseconds after the last. */
export interface Script {
  readonly connectMs: number;
  readonly headMs: number;
  readonly bodyMs: number;
  readonly kind:
    | 'answer'
    | 'not found'
    | 'bad JSON'
    | 'redirect'
    | 'redirect elsewhere'
    | 'informational'
    | 'too large'
    | 'no connection'
    | 'no connection at once'
    | 'silence'
    | 'stall'
    | 'reset'
    | 'reset mid-body'
    | 'closed under it';
}

const errors = {
  refused: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  reset: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
};

/** Connections to upstreams that follow a script, one request after the other. */
export class ScriptedConnections implements Connections {
  readonly all: ScriptedConnection[] = [];
  /** The most that were in use at once. */
  peak = 0;
  readonly #clock: ManualClock;
  readonly #scripts: readonly Script[];
  #next = 0;

  constructor(clock: ManualClock, scripts: readonly Script[]) {
    this.#clock = clock;
    this.#scripts = scripts;
  }

  take(origin: string, publicOnly: boolean, fresh: boolean): Connection {
    const idle = fresh ? undefined : this.all.find((one) => one.state === 'idle' && one.origin === origin);
    const connection = idle ?? new ScriptedConnection(this, origin, publicOnly);
    if (idle === undefined) this.all.push(connection);
    connection.state = 'in use';
    this.peak = Math.max(this.peak, this.all.filter(({ state }) => state === 'in use').length);
    return connection;
  }

  follow(connection: ScriptedConnection, request: WireRequest, handler: WireHandler): void {
    const script = this.#scripts[this.#next++ % this.#scripts.length] as Script;
    const clock = this.#clock;
    const gone = () => connection.state !== 'in use' || connection.handler !== handler;
    const fail = (error: Error) => handler.onError(error);
    const then = (ms: number, event: () => void) =>
      clock.happen(ms, () => {
        if (!gone()) event();
      });
    // Nowhere in the model is public.
    if (connection.publicOnly) return fail(new BlockedError(connection.origin));
    if (script.kind === 'no connection at once') return fail(errors.refused);
    const connectMs = connection.reused ? 0 : script.connectMs;
    if (script.kind === 'no connection') return then(connectMs, () => fail(errors.refused));
    then(connectMs, () => {
      handler.onConnect(() => {});
      if (script.kind === 'silence') return;
      then(script.headMs, () => this.#answer(script, request, handler, then, fail));
    });
  }

  async close(): Promise<void> {}

  #answer(
    { kind, bodyMs }: Script,
    request: WireRequest,
    handler: WireHandler,
    then: (ms: number, event: () => void) => void,
    fail: (error: Error) => void,
  ): void {
    if (kind === 'reset' || kind === 'closed under it') return fail(errors.reset);
    handler.onResponseStarted();
    const head = (status: number, headers: Record<string, string>) =>
      handler.onHeaders(
        status,
        Object.entries(headers)
          .flat()
          .map((text) => Buffer.from(text)),
        () => {},
      );
    if (kind === 'informational') head(103, {});
    const location = kind === 'redirect' ? `${request.path}.` : 'http://127.0.0.1:1/';
    if (kind.startsWith('redirect')) head(302, { location });
    else head(kind === 'not found' ? 404 : 200, { 'content-type': 'application/json' });
    if (kind === 'stall') return;
    then(bodyMs, () => {
      if (kind === 'reset mid-body') return fail(errors.reset);
      const body = JSON.stringify({ path: request.path });
      if (kind === 'too large') handler.onData(Buffer.alloc(2000));
      else if (!kind.startsWith('redirect')) handler.onData(Buffer.from(kind === 'bad JSON' ? body.slice(1) : body));
      then(0, () => handler.onComplete());
    });
  }
}

class ScriptedConnection implements Connection {
  state: 'in use' | 'idle' | 'closed' = 'in use';
  reused = false;
  readonly broken = null;
  handler: WireHandler | null = null;
  /** What was done to it that may not be. */
  readonly misuse: string[] = [];
  readonly origin: string;
  readonly publicOnly: boolean;
  readonly #upstreams: ScriptedConnections;

  constructor(upstreams: ScriptedConnections, origin: string, publicOnly: boolean) {
    this.#upstreams = upstreams;
    this.origin = origin;
    this.publicOnly = publicOnly;
  }

  send(request: WireRequest, handler: WireHandler): void {
    if (this.state !== 'in use') this.misuse.push(`a request on a connection that is ${this.state}`);
    this.handler = handler;
    this.#upstreams.follow(this, request, handler);
  }

  looksAgain(): boolean {
    return false;
  }

  release(): void {
    if (this.state !== 'in use') this.misuse.push(`the release of a connection that is ${this.state}`);
    this.state = 'idle';
    this.reused = true;
  }

  destroy(error: Error): void {
    if (this.state !== 'in use') this.misuse.push(`the end of a connection that is ${this.state}`);
    this.state = 'closed';
    // As undici does. Nobody may be impressed by it.
    this.handler?.onError(error);
  }
}

/** As much of an Express response as a page touches. */
export class ModelResponse extends EventEmitter {
  readonly locals: Record<string, unknown> = Object.create(null);
  readonly headersSent = false;
  closed = false;

  append(): void {}

  leave(): void {
    this.closed = true;
    this.emit('close');
  }
}
