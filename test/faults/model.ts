// A model of upstreams: they follow a script.
import { BlockedError } from '../../src/transport/address.js';
import { ClosedError } from '../../src/transport/connections.js';
import type { Connection, Connections, WireHandler, WireRequest } from '../../src/transport/wire.js';
import type { ManualClock } from '../support/clock.js';
import { settled } from '../support/deferred.js';

/** What one request meets. Each part comes some milliseconds after the last. */
export interface Script {
  readonly connectMs: number;
  readonly headMs: number;
  readonly bodyMs: number;
  readonly kind:
    | 'answer'
    | 'not found'
    | 'broken'
    | 'unavailable'
    | 'unavailable for a second'
    | 'bad JSON'
    | 'not modified'
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

const statuses: Partial<Record<Script['kind'], number>> = {
  'not found': 404,
  broken: 500,
  unavailable: 503,
  'unavailable for a second': 503,
  redirect: 302,
  'redirect elsewhere': 302,
};

const errors = {
  refused: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  reset: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
};

/** A request as it was sent, and what it came to. */
export interface Exchange {
  /** Its place among all that were sent: the answer's data and its cookie say it too. */
  readonly serial: number;
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly string[];
  /** Whether an earlier one led to it: a redirect, or a kept connection that broke. */
  readonly follows: boolean;
  /** Whether it was on a connection, so that the upstream may have seen it. */
  isWritten: boolean;
  isRedirect: boolean;
  /** By the clock, when it was sent. */
  readonly sentAt: number;
  /** By the clock, when the head of its answer came, and when it ended; null while that has not been. */
  headAt: number | null;
  endedAt: number | null;
  /** The status of the answer, if a whole one came. */
  status: number | null;
}

/** Connections to upstreams that follow a script, one request after the other. */
export class ScriptedConnections implements Connections {
  readonly all: ScriptedConnection[] = [];
  readonly sent: Exchange[] = [];
  /** What was done to a connection that may not be. */
  readonly misuse: string[] = [];
  readonly #clock: ManualClock;
  readonly #scripts: readonly Script[];
  readonly #onSent: (exchange: Exchange) => void;
  #isClosing = false;
  /** Called when the time is over that closing may take. */
  onCut: () => void = () => {};

  constructor(clock: ManualClock, scripts: readonly Script[], onSent: (exchange: Exchange) => void = () => {}) {
    this.#clock = clock;
    this.#scripts = scripts;
    this.#onSent = onSent;
  }

  /** Those that are neither closed nor idle. */
  get inUse(): number {
    return this.all.filter(({ state }) => state === 'in use').length;
  }

  /** The requests that wait for an answer from there; not those that were redirected, whose body may still be coming. */
  askedOf(origin: string): number {
    return this.all.filter(
      ({ state, exchange, ...one }) => state === 'in use' && one.origin === origin && exchange?.isRedirect !== true,
    ).length;
  }

  take(origin: string, publicOnly: boolean, fresh: boolean): Connection {
    const idle = fresh ? undefined : this.all.find((one) => one.state === 'idle' && one.origin === origin);
    const connection = idle ?? new ScriptedConnection(this, origin, publicOnly);
    if (idle === undefined) this.all.push(connection);
    connection.state = 'in use';
    connection.fresh = fresh;
    return connection;
  }

  follow(connection: ScriptedConnection, request: WireRequest, handler: WireHandler): void {
    const script = this.#scripts[this.sent.length % this.#scripts.length] as Script;
    const { origin, path, method, headers } = request;
    const follows = connection.fresh || path.endsWith(';') || connection.publicOnly;
    if (connection.fresh) this.#expectRepeatable(request);
    const exchange: Exchange = {
      ...{ serial: this.sent.length, origin, path, method, headers, follows },
      sentAt: this.#clock.now(),
      ...{ isWritten: false, isRedirect: false, headAt: null, endedAt: null, status: null },
    };
    this.sent.push(exchange);
    connection.exchange = exchange;
    this.#onSent(exchange);
    const gone = () => connection.state !== 'in use' || connection.handler !== handler;
    const fail = (error: Error) => {
      this.ended(exchange, null);
      handler.onError(error);
    };
    const then = (ms: number, event: () => void) =>
      this.#clock.happen(ms, () => {
        if (!gone()) event();
      });
    // Nowhere in the model is public.
    if (connection.publicOnly) return fail(new BlockedError(connection.origin));
    if (script.kind === 'no connection at once') return fail(errors.refused);
    const connectMs = connection.reused ? 0 : script.connectMs;
    if (script.kind === 'no connection') return then(connectMs, () => fail(errors.refused));
    then(connectMs, () => {
      exchange.isWritten = true;
      handler.onConnect(() => {});
      if (script.kind === 'silence') return;
      then(script.headMs, () => this.#answer(script, exchange, handler, then, fail));
    });
  }

  ended(exchange: Exchange, status: number | null): void {
    if (exchange.endedAt !== null) return;
    exchange.endedAt = this.#clock.now();
    exchange.status = status;
  }

  /** As the kept ones do it: those in use close when they are released, or all together after so many ms. */
  async close(timeout?: number, onCut?: () => void): Promise<void> {
    this.#isClosing = true;
    for (const one of this.all) if (one.state === 'idle') one.state = 'closed';
    if (timeout !== undefined) {
      this.#clock.happen(timeout, () => {
        if (!this.#isClosing) return;
        this.onCut();
        onCut?.();
        for (const one of this.all) if (one.state === 'in use') one.handler?.onError(new ClosedError());
      });
    }
    do await settled();
    while (this.inUse > 0);
    this.#isClosing = false;
    if (timeout === undefined) return;
    this.onCut();
    onCut?.();
  }

  /** What becomes of a connection whose answer is complete. */
  get kept(): 'idle' | 'closed' {
    return this.#isClosing ? 'closed' : 'idle';
  }

  #expectRepeatable({ origin, path, method }: WireRequest): void {
    const before = this.sent.findLast((one) => one.origin === origin && one.path === path && one.method === method);
    if (method !== 'GET' && method !== 'QUERY' && before?.isWritten !== false)
      this.misuse.push(`${method} ${path} is sent twice`);
  }

  #answer(
    { kind, bodyMs }: Script,
    exchange: Exchange,
    handler: WireHandler,
    then: (ms: number, event: () => void) => void,
    fail: (error: Error) => void,
  ): void {
    if (kind === 'reset' || kind === 'closed under it') return fail(errors.reset);
    handler.onResponseStarted();
    if (kind === 'informational') handler.onHeaders(103, [], () => {});
    const isConditional = exchange.headers.includes('if-none-match');
    const status = kind === 'not modified' && isConditional ? 304 : (statuses[kind] ?? 200);
    const headers = {
      'content-type': 'application/json',
      etag: '"always"',
      'set-cookie': `serial=${exchange.serial}`,
      ...(status === 302 && { location: kind === 'redirect' ? `${exchange.path};` : 'http://127.0.0.1:1/' }),
      ...(status === 503 && { 'retry-after': kind === 'unavailable' ? '0' : '1' }),
    };
    exchange.headAt = this.#clock.now();
    exchange.isRedirect = status === 302;
    const raw = Object.entries(headers).flat();
    handler.onHeaders(
      status,
      raw.map((text) => Buffer.from(text)),
      () => {},
    );
    if (kind === 'stall') return;
    then(bodyMs, () => {
      if (kind === 'reset mid-body') return fail(errors.reset);
      const body = JSON.stringify({ path: exchange.path, serial: exchange.serial });
      if (kind === 'too large') handler.onData(Buffer.alloc(2000));
      else if (status !== 302 && status !== 304)
        handler.onData(Buffer.from(kind === 'bad JSON' ? body.slice(1) : body));
      then(0, () => {
        this.ended(exchange, status);
        handler.onComplete();
      });
    });
  }
}

class ScriptedConnection implements Connection {
  state: 'in use' | 'idle' | 'closed' = 'in use';
  reused = false;
  /** Whether it was asked for because another broke. */
  fresh = false;
  readonly broken = null;
  handler: WireHandler | null = null;
  exchange: Exchange | null = null;
  readonly origin: string;
  readonly publicOnly: boolean;
  readonly #upstreams: ScriptedConnections;

  constructor(upstreams: ScriptedConnections, origin: string, publicOnly: boolean) {
    this.#upstreams = upstreams;
    this.origin = origin;
    this.publicOnly = publicOnly;
  }

  send(request: WireRequest, handler: WireHandler): void {
    this.#expectInUse('a request on');
    this.handler = handler;
    this.#upstreams.follow(this, request, handler);
  }

  looksAgain(): boolean {
    return false;
  }

  release(): void {
    this.#expectInUse('the release of');
    this.state = this.#upstreams.kept;
    this.reused = true;
  }

  destroy(error: Error): void {
    this.#expectInUse('the end of');
    this.state = 'closed';
    if (this.exchange !== null) this.#upstreams.ended(this.exchange, null);
    // As undici does. Nobody may be impressed by it.
    this.handler?.onError(error);
  }

  #expectInUse(what: string): void {
    if (this.state !== 'in use') this.#upstreams.misuse.push(`${what} a connection that is ${this.state}`);
  }
}
