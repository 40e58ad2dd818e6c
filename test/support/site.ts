import { createServer } from 'node:http';
import express5, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import express4 from 'express4';
import request, { type Response } from 'supertest';
import type { Outcome } from '../../src/outcome.js';
import type { Mashup } from '../../src/page-types.js';
import { KeptConnections } from '../../src/transport/connections.js';
import type { Context, PageOptions, UpstreamMap } from '../../src/types.js';
import { listen, originOf } from './backend.js';
import { ManualClock } from './clock.js';
import { closeLater } from './closing.js';
import { mashupWith } from './instance.js';

/** For `describe.each`: the versions of Express that are supported. */
export const expresses = [
  ['Express 5', express5],
  ['Express 4', express4],
] as const;

type Locals = Record<string, unknown> & { mashup: Record<string, Outcome> };

/** What became of a request for a page. */
export interface Visit {
  /** `res.locals`, as the handler, or the handler of errors, found it. */
  readonly locals: Locals;
  /** What was given to `next`; null if the handler ran. */
  readonly error: unknown;
  /** What the client got. */
  readonly response: Response;
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
    const seen: { locals: Locals; error: unknown } = { locals: { mashup: {} }, error: null };
    const handler: RequestHandler = (_req, res) => {
      seen.locals = { ...res.locals } as Locals;
      res.json({});
    };
    const onError: ErrorRequestHandler = (error, _req, res, next) => {
      seen.locals = { ...res.locals } as Locals;
      seen.error = error;
      next(error);
    };
    this.app.get(`${mount}/:id`, this.mashup(upstreams, options), handler, onError);
    const response = await request(this.origin).get(`${mount}/${ask}`);
    return { ...seen, response };
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
