import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import {
  createMashup,
  type Mashup,
  type Outcome,
  type PageOptions,
  type Upstream,
  type UpstreamMap,
} from '../../src/index.js';
import { listen, originOf } from '../support/backend.js';
import { closeLater } from '../support/closing.js';

/** A request as it came to an upstream. */
export interface Sent {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The names as they were written. */
  readonly rawHeaders: string[];
  readonly body: Buffer;
}

/** A server that keeps what it was sent. */
export interface Recorder {
  readonly origin: string;
  readonly sent: readonly Sent[];
  /** How many connections were made to it. */
  readonly connections: number;
  /** The only request that it was sent. */
  readonly only: Sent;
}

type Answer = (response: ServerResponse, sent: Sent) => unknown;

/** Starts a server that answers as it is told, after it has read the whole request; `{}` as JSON if it is not told. */
export async function startUpstream(answer: Answer = answerNothing): Promise<Recorder> {
  const sent: Sent[] = [];
  let connections = 0;
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers, rawHeaders } = incoming;
    const one = { method, url, headers, rawHeaders, body: await buffer(incoming) };
    sent.push(one);
    await answer(response, one);
  });
  server.on('connection', () => connections++);
  await listen(server);
  return {
    origin: originOf(server),
    sent,
    get connections() {
      return connections;
    },
    get only() {
      const [first, ...rest] = sent;
      if (first === undefined || rest.length > 0) throw new Error(`it was sent ${sent.length} requests`);
      return first;
    },
  };
}

function answerNothing(response: ServerResponse): void {
  response.setHeader('content-type', 'application/json').end('{}');
}

/** What a client asks for. */
export interface Client {
  path?: string;
  headers?: OutgoingHttpHeaders;
}

/** What the handler of a page found. */
export interface Visit {
  readonly locals: Record<string, unknown>;
  readonly outcomes: Record<string, Outcome>;
  /** What was given to `next`, if the handler did not run. */
  readonly error: unknown;
}

interface Setting {
  options?: PageOptions;
  mashup?: Mashup;
  /** A middleware before the page. */
  before?: RequestHandler;
}

/** Serves a page on the route `/:id` of an app; the function that is returned asks for it. */
export async function openPage(
  upstreams: UpstreamMap,
  { options = {}, mashup = newMashup(), before = (_req, _res, next) => next() }: Setting = {},
): Promise<(client?: Client) => Promise<Visit>> {
  let visit: Visit = { locals: {}, outcomes: {}, error: null };
  const onError: ErrorRequestHandler = (error, _req, res, _next) => {
    visit = { locals: {}, outcomes: {}, error };
    res.status(500).end();
  };
  const app = express();
  app.get('/:id', before, mashup(upstreams, options), (_req, res) => {
    const { mashup: outcomes, ...locals } = res.locals;
    visit = { locals, outcomes, error: null };
    res.end();
  });
  app.use(onError);
  const origin = originOf(await listen(createServer(app)));
  return async ({ path = '/1', headers = {} } = {}) => {
    await new Promise((resolve, reject) => {
      const sending = request(origin, { path, headers, agent: false }, (response) =>
        response.resume().on('end', resolve),
      );
      sending.on('error', reject).end();
    });
    return visit;
  };
}

export function newMashup(...settings: Parameters<typeof createMashup>): Mashup {
  const mashup = createMashup(...settings);
  closeLater(() => mashup.close());
  return mashup;
}

/** Asks one upstream by way of a page. */
export async function ask(
  entry: Upstream,
  client: Client = {},
  setting: Setting = {},
): Promise<{ data: unknown; outcome: Outcome }> {
  const { locals, outcomes, error } = await (await openPage({ it: entry }, setting))(client);
  if (error !== null) throw error;
  return { data: locals['it'], outcome: outcomes['it'] as Outcome };
}
