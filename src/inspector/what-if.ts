import { AsyncLocalStorage } from 'node:async_hooks';
import { type Channel, channel } from 'node:diagnostics_channel';
import type { Request, Response } from 'express';
import type { AttemptMessage } from '../channels.js';
import type { MashupInstance } from '../instance.js';
import { soon } from '../soon.js';
import { emptyScript, everyWay, type Script } from '../testing/faults.js';
import { Play } from '../testing/play.js';
import type { Connection, Connections, WireHandler, WireRequest } from '../transport/wire.js';

const COOKIE = 'mashup-what-if';
const SLOW_MS = 2000;
const MOST_SWITCHES = 20;
const MOST_BODY = 4096;

/** What an upstream can be made: slow, or one that gives this answer. */
const ways: Readonly<Record<string, Script | 'slow'>> = {
  slow: 'slow',
  '503': script('status 503'),
  drop: script('reset at once'),
  json: script('not JSON'),
};

export const wayNames: Readonly<Record<string, string>> = {
  slow: `${SLOW_MS / 1000} s slower`,
  '503': 'answers 503',
  drop: 'drops the connection',
  json: 'answers what is no JSON',
};

function script(way: string): Script {
  return { ...emptyScript, ...everyWay[way] };
}

/** The upstreams that a browser has made sick, and in which way. */
export type Switches = ReadonlyMap<string, string>;

export function switchesOf(req: Request | null | undefined): Switches {
  const found = new Map<string, string>();
  const header = req?.headers.cookie;
  if (header === undefined) return found;
  const cookie = header.split(/; */).find((one) => one.startsWith(`${COOKIE}=`));
  const pairs = new URLSearchParams(cookie?.slice(COOKIE.length + 1).replaceAll('.', '&') ?? '');
  for (const [name, way] of pairs) if (found.size < MOST_SWITCHES && Object.hasOwn(ways, way)) found.set(name, way);
  return found;
}

/** Takes the switches of a form, and has the browser remember them. False: another site has sent it. */
export async function takeSwitches(req: Request, res: Response): Promise<boolean> {
  const { origin, host } = req.headers;
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host) return false;
  const form = await formOf(req);
  const pairs = [...form]
    .filter(([name, way]) => /^[\w-]+$/.test(name) && Object.hasOwn(ways, way))
    .slice(0, MOST_SWITCHES);
  const value = pairs.map(([name, way]) => `${name}=${way}`).join('.');
  res.append('Set-Cookie', `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict${value === '' ? '; Max-Age=0' : ''}`);
  return true;
}

async function formOf(req: Request): Promise<URLSearchParams> {
  // Somebody else has read it.
  if (typeof req.body === 'object' && req.body !== null) return new URLSearchParams(req.body as Record<string, string>);
  let text = '';
  for await (const chunk of req) {
    text += String(chunk);
    if (text.length > MOST_BODY) break;
  }
  return new URLSearchParams(text.slice(0, MOST_BODY));
}

/** Makes an instance's upstreams sick for who has asked for that. @returns what undoes it */
export function sicken(instance: MashupInstance): () => void {
  const store = new AsyncLocalStorage<Switches>();
  const starts: Channel = channel('tracing:express-mashup:attempt:start');
  starts.bindStore(store, (message) => switchesOf((message as AttemptMessage).call?.run?.req));
  const { connections } = instance;
  const sick = new SickConnections(connections, instance, store);
  instance.connections = sick;
  return () => {
    starts.unbindStore(store);
    if (instance.connections === sick) instance.connections = connections;
  };
}

class SickConnections implements Connections {
  readonly #real: Connections;
  readonly #instance: MashupInstance;
  readonly #store: AsyncLocalStorage<Switches>;

  constructor(real: Connections, instance: MashupInstance, store: AsyncLocalStorage<Switches>) {
    this.#real = real;
    this.#instance = instance;
    this.#store = store;
  }

  take(origin: string, publicOnly: boolean, fresh: boolean, upstream: string): Connection {
    const way = ways[this.#store.getStore()?.get(upstream) ?? ''];
    const takeReal = () => this.#real.take(origin, publicOnly, fresh, upstream);
    return way === undefined ? takeReal() : new SickConnection(way, this.#instance, takeReal);
  }

  close(...args: Parameters<Connections['close']>): Promise<void> {
    return this.#real.close(...args);
  }
}

/** Gives an answer of its own, or asks later. */
class SickConnection implements Connection {
  readonly #way: Script | 'slow';
  readonly #instance: MashupInstance;
  readonly #takeReal: () => Connection;
  #real: Connection | null = null;
  #play: Play | null = null;
  #timer: unknown = null;
  #over = false;

  constructor(way: Script | 'slow', instance: MashupInstance, takeReal: () => Connection) {
    this.#way = way;
    this.#instance = instance;
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
    const { clock } = this.#instance;
    const way = this.#way;
    if (this.#real !== null) this.#real.send(request, handler);
    else if (way === 'slow') this.#timer = clock.set(() => this.#sendReally(request, handler), SLOW_MS, undefined);
    else {
      this.#play = new Play(way, request.method, handler, clock);
      // Later, as an answer over a network comes.
      soon(() => this.#play?.start());
    }
  }

  #sendReally(request: WireRequest, handler: WireHandler): void {
    if (this.#over) return;
    try {
      this.#real = this.#takeReal();
      this.#real.send(request, handler);
    } catch (error) {
      handler.onError(error as Error);
    }
  }

  release(): void {
    this.#stop();
    this.#real?.release();
  }

  destroy(error: Error): void {
    this.#stop();
    this.#real?.destroy(error);
  }

  #stop(): void {
    this.#over = true;
    this.#play?.stop();
    this.#play = null;
    this.#instance.clock.clear(this.#timer);
  }
}
