import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AxiosInstance } from 'axios';
import express5, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import express4 from 'express4';
import { createMashup } from '../../src/mashup.js';
import type { Outcome } from '../../src/outcome.js';
import type { Mashup } from '../../src/page-types.js';
import type { Settings } from '../../src/settings-types.js';
import { KeptConnections } from '../../src/transport/connections.js';
import type { Context, PageOptions, Upstream, UpstreamMap } from '../../src/types.js';
import { listen, listenUntil, originOf } from './backend.js';
import { ManualClock } from './clock.js';
import { closeLater } from './closing.js';
import { mashupWith } from './instance.js';

/** For `describe.each`: the versions of Express that are supported. */
export const expresses = [
  ['Express 5', express5],
  ['Express 4', express4],
] as const;

/** What a client asks for. */
export interface Client {
  path?: string;
  headers?: OutgoingHttpHeaders;
}

type Locals = Record<string, unknown> & { mashup: Record<string, Outcome> };

/** What became of a request for a page. */
export interface Visit {
  /** `res.locals`, as the handler, or the handler of errors, found it: the data, and all outcomes as `mashup`. */
  readonly locals: Locals;
  readonly data: Record<string, unknown>;
  readonly outcomes: Record<string, Outcome>;
  /** What was given to `next`; null if the handler ran. */
  readonly error: unknown;
  /** Milliseconds from before the page to the handler. */
  readonly elapsed: number;
  /** What the client got. */
  readonly response: Response;
}

interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

type Found = Pick<Visit, 'locals' | 'error' | 'elapsed'>;

// The name of a request header by which a handler knows whose visit it is.
const VISIT = 'x-visit';
let visits = 0;

/** A page on a route of an app. */
class Route {
  /** How often a handler ran for each visit. */
  readonly handled = new Map<string, number>();
  readonly #origin: string;
  readonly #began = new Map<string, number>();
  readonly #found = new Map<string, Found>();

  constructor(app: Express, origin: string, route: string, ...pages: RequestHandler[]) {
    this.#origin = origin;
    const begin: RequestHandler = (req, _res, next) => {
      this.#began.set(req.get(VISIT) ?? '', performance.now());
      next();
    };
    const handler: RequestHandler = (req, res) => {
      this.#note(req.get(VISIT), res.locals as Locals, null);
      res.json({});
    };
    const onError: ErrorRequestHandler = (error, req, res, next) => {
      this.#note(req.get(VISIT), res.locals as Locals, error);
      next(error);
    };
    app.get(route, begin, ...pages, handler, onError);
  }

  /** Asks for it once, on a connection of its own. */
  async visit({ path = '/1', headers = {} }: Client): Promise<Visit> {
    const id = `${visits++}`;
    const response = await get(this.#origin, path, { ...headers, [VISIT]: id });
    const found = this.#found.get(id);
    if (found === undefined) throw new Error(`no handler ran for ${path}: ${response.text}`);
    this.#found.delete(id);
    this.#began.delete(id);
    const { mashup: outcomes = {}, ...data } = found.locals;
    return { ...found, data, outcomes, response };
  }

  #note(id = '', locals: Locals, error: unknown): void {
    this.handled.set(id, (this.handled.get(id) ?? 0) + 1);
    this.#found.set(id, { locals: { ...locals }, error, elapsed: performance.now() - (this.#began.get(id) ?? 0) });
  }
}

/** By node:http, whose client has nothing in common with what is tested, and leaves the path as it is. */
function get(origin: string, path: string, headers: OutgoingHttpHeaders): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sending = request(origin, { path, headers, agent: false }, (response) => {
      const { statusCode: status = 0, headers } = response;
      text(response).then((text) => resolve({ status, headers, text }), reject);
    });
    sending.on('error', reject).end();
  });
}

interface Setting {
  options?: PageOptions;
  mashup?: Mashup;
  /** A middleware before the page. */
  before?: RequestHandler;
}

/** A page on the route `/:id` of an app of its own: what asks for it. */
export interface OpenPage {
  (client?: Client): Promise<Visit>;
  /** How often a handler ran for each request. */
  readonly handled: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export async function openPage(
  upstreams: UpstreamMap,
  { options = {}, mashup = newMashup(), before = (_req, _res, next) => next() }: Setting = {},
): Promise<OpenPage> {
  const app = express5();
  const server = createServer(app);
  const close = await listenUntil(server);
  const route = new Route(app, originOf(server), '/:id', before, mashup(upstreams, options));
  return Object.assign((client: Client = {}) => route.visit(client), { handled: route.handled, close });
}

/** Asks one upstream by way of a page. */
export async function ask(
  entry: Upstream,
  client: Client = {},
  setting: Setting = {},
): Promise<{ data: unknown; outcome: Outcome }> {
  const { data, outcomes, error } = await (await openPage({ it: entry }, setting))(client);
  if (error !== null) throw error;
  return { data: data['it'], outcome: outcomes['it'] as Outcome };
}

/** Asks one upstream by way of a page of this axios instance. */
export function askBy(
  axios: AxiosInstance,
  entry: Upstream,
  client?: Client,
): Promise<{ data: unknown; outcome: Outcome }> {
  return ask(entry, client, { mashup: newMashup({ axios }) });
}

/** Asks a page of this axios instance, whose time is the clock's. */
export async function visitBy(axios: AxiosInstance, upstreams: UpstreamMap, clock: ManualClock): Promise<Visit> {
  const mashup = mashupWith({ clock, axios });
  closeLater(() => mashup.close());
  return await (await openPage(upstreams, { mashup }))();
}

export function newMashup(settings?: Settings): Mashup {
  const mashup = createMashup(settings);
  closeLater(() => mashup.close());
  return mashup;
}

class CountedConnections extends KeptConnections {
  taken = 0;

  override take(...args: Parameters<KeptConnections['take']>): ReturnType<KeptConnections['take']> {
    this.taken++;
    return super.take(...args);
  }
}

/** An Express app with an instance of its own, whose time stands still. */
export class Site {
  readonly clock = new ManualClock();
  readonly #connections = new CountedConnections();
  readonly mashup: Mashup = mashupWith({ clock: this.clock, connections: this.#connections });
  readonly app: Express;
  readonly origin: string;
  #pages = 0;

  constructor(app: Express, origin: string) {
    this.app = app;
    this.origin = origin;
  }

  /** How many requests were begun; those that have not reached their upstream yet included. */
  get begun(): number {
    return this.#connections.taken;
  }

  /** Makes a page on the route `/:id` of a mount point of its own, and asks for it once. `ask` is what stands for `:id`. */
  async visit(upstreams: UpstreamMap, options: PageOptions = {}, ask = '1'): Promise<Visit> {
    const mount = `/page${++this.#pages}`;
    const route = new Route(this.app, this.origin, `${mount}/:id`, this.mashup(upstreams, options));
    return await route.visit({ path: `${mount}/${ask}` });
  }
}

export async function startSite(express: typeof express5 = express5): Promise<Site> {
  const app = express();
  const site = new Site(app, originOf(await listen(createServer(app))));
  closeLater(() => site.mashup.close());
  return site;
}

/** Tells when calls have ended, by the signal that callbacks are given. */
export class Ends {
  #count = 0;
  #waiting: { count: number; resolve: () => void } | null = null;

  /** A `when` that lets its call pass, and counts its end. */
  readonly watch = ({ signal }: Context): boolean => {
    signal.addEventListener('abort', () => {
      this.#count++;
      if (this.#waiting !== null && this.#count >= this.#waiting.count) this.#waiting.resolve();
    });
    return true;
  };

  /** Resolves when that many calls have ended. */
  reach(count: number): Promise<void> {
    if (this.#count >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
    });
  }
}
