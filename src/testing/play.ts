import type { Clock } from '../clock.js';
import { noteFailure } from '../seam.js';
import type { WireHandler } from '../transport/wire.js';
import type { Script } from './faults.js';

const PIECES = 10;

interface Step {
  /** Milliseconds after the step before. */
  readonly after: number;
  act(): void;
}

/** An answer that is being given, step by step, to whoever asked. */
export class Play {
  readonly #clock: Clock;
  readonly #steps: Step[];
  #timer: unknown = null;
  #over = false;

  /** @param method of the request: HEAD has no body */
  constructor(script: Script, method: string, handler: WireHandler, clock: Clock) {
    this.#clock = clock;
    this.#steps = stepsOf(script, method, handler);
  }

  start(): void {
    this.#next();
  }

  /** Nothing more comes. */
  stop(): void {
    this.#over = true;
    if (this.#timer !== null) this.#clock.clear(this.#timer);
    this.#timer = null;
  }

  #next(): void {
    for (;;) {
      const step = this.#over ? undefined : this.#steps[0];
      if (step === undefined) return;
      if (step.after > 0) {
        this.#timer = this.#clock.set(() => this.#fire(), step.after, undefined);
        return;
      }
      this.#steps.shift()?.act();
    }
  }

  #fire(): void {
    this.#timer = null;
    if (this.#over) return;
    this.#steps.shift()?.act();
    this.#next();
  }
}

function stepsOf(script: Script, method: string, handler: WireHandler): Step[] {
  const { status, delay, drip, end, place } = script;
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  const body = hasBody ? script.body : Buffer.alloc(0);
  const connects = end !== 'ERR_UPSTREAM_CONNECT' && end !== 'ERR_UPSTREAM_BLOCKED';
  const connect: Step = { after: 0, act: () => handler.onConnect(ignore) };
  const head: Step = {
    after: delay,
    act() {
      handler.onResponseStarted();
      handler.onHeaders(status, rawHeaders(script, hasBody), ignore);
    },
  };
  const finish = (after: number): Step[] => (end === 'stall' ? [] : [{ after, act: () => finishBy(end, handler) }]);
  if (place === 'head' && end !== 'whole') return [...(connects ? [connect] : []), ...finish(delay)];
  // A copy: a page may get the bytes themselves.
  const sent = Buffer.from(end === 'whole' ? body : body.subarray(0, body.length >> 1));
  return [connect, head, ...pieces(sent, drip, handler), ...finish(0)];
}

function pieces(body: Buffer, drip: number, handler: WireHandler): Step[] {
  if (body.length === 0) return [];
  const size = drip === 0 ? body.length : Math.ceil(body.length / PIECES);
  const count = Math.ceil(body.length / size);
  return Array.from({ length: count }, (_, at) => ({
    after: drip / count,
    act: () => void handler.onData(body.subarray(at * size, (at + 1) * size)),
  }));
}

function finishBy(end: Exclude<Script['end'], 'stall'>, handler: WireHandler): void {
  if (end === 'whole') handler.onComplete();
  else if (end === 'reset') handler.onError(coded('read ECONNRESET', 'ECONNRESET'));
  else if (end === 'truncate') handler.onError(coded('other side closed', 'UND_ERR_SOCKET'));
  else handler.onError(noteFailure(new Error('its mock says so'), end));
}

function coded(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

function rawHeaders({ headers, body }: Script, hasBody: boolean): Buffer[] {
  const own = hasBody && !headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
  const all = own ? [...headers, ['content-length', String(body.length)] as const] : headers;
  return all.flat().map((text) => Buffer.from(text, 'latin1'));
}

function ignore(): void {}
