import { get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { UpstreamErrorCode } from '../../src/errors.js';
import type { Mashup, Outcome, PageOptions, UpstreamMap } from '../../src/index.js';

/** What a page answers in these tests. */
export interface PageReport {
  data: Record<string, unknown>;
  outcomes: Record<string, Pick<Outcome, 'status' | 'attempts'> & { code: UpstreamErrorCode | null }>;
  /** Milliseconds from before the middleware to the handler. */
  elapsed: number;
}

/** A page in an Express app that listens on a port of its own. */
export class TestPage {
  /** How often the handler ran, by the request's id. */
  readonly handled = new Map<string, number>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(mashup: Mashup, upstreams: UpstreamMap, options: PageOptions): Promise<TestPage> {
    const app = express();
    const page = new TestPage(await listen(app));
    app.get(
      '/page/:id',
      (_req, res, next) => {
        res.set('x-began', String(performance.now()));
        next();
      },
      mashup(upstreams, options) as express.RequestHandler,
      (req: express.Request, res: express.Response) => {
        const elapsed = performance.now() - Number(res.get('x-began'));
        const id = String(req.params['id']);
        page.handled.set(id, (page.handled.get(id) ?? 0) + 1);
        res.json(report(res.locals, Object.keys(upstreams), elapsed));
      },
    );
    return page;
  }

  get(id: string): Promise<PageReport> {
    return getJson(this.#server, `/page/${id}`) as Promise<PageReport>;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function listen(app: express.Express): Promise<Server> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Asks by node:http, whose client has nothing in common with what is tested, and on a connection of its own. */
export function getJson(server: Server, path: string): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (res) => {
      res.setEncoding('utf8');
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => {
        try {
          resolve(JSON.parse(text));
        } catch {
          reject(new Error(`not JSON: ${text.slice(0, 500)}`));
        }
      });
    }).on('error', reject);
  });
}

function report(locals: Record<string, unknown>, names: string[], elapsed: number): PageReport {
  const outcomes = locals['mashup'] as Record<string, Outcome>;
  const data = names.map((name) => [name, readable(locals[name])]);
  const summaries = names.map((name) => {
    const { status, attempts, error } = outcomes[name] as Outcome;
    return [name, { status, attempts, code: error?.code ?? null }];
  });
  return { data: Object.fromEntries(data), outcomes: Object.fromEntries(summaries), elapsed };
}

function readable(data: unknown): unknown {
  return Buffer.isBuffer(data) ? data.toString('latin1') : data;
}

/** Waits until something is so; the milliseconds that it took, or null if it was not so within the limit. */
export async function until(isSo: () => boolean, limitMs: number): Promise<number | null> {
  const began = performance.now();
  while (!isSo()) {
    if (performance.now() - began > limitMs) return null;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}
