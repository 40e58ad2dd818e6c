import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { closeLater } from './closing.js';

interface Reply {
  status?: number;
  headers?: Record<string, string | string[]>;
}

/** A request that a backend was asked, and that waits for the test to answer it. */
export class Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #onDone: () => void;
  #done = false;

  constructor(request: IncomingMessage, response: ServerResponse, onDone: () => void) {
    this.url = request.url ?? '';
    this.method = request.method ?? '';
    this.headers = request.headers;
    this.#request = request;
    this.#response = response;
    this.#onDone = onDone;
    response.once('close', () => this.#end());
  }

  /** Resolves when the connection is closed. */
  get closed(): Promise<void> {
    const { socket } = this.#request;
    return new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
  }

  /** The body that was sent, as text. */
  body(): Promise<string> {
    return text(this.#request);
  }

  /** Answers with JSON. */
  reply(data: unknown, { status = 200, headers = {} }: Reply = {}): void {
    // Before the answer can arrive, and another request be sent for it.
    this.#end();
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.#response.end(JSON.stringify(data));
  }

  /** Answers with a body that is said to be JSON. */
  replyText(text: string): void {
    this.#end();
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.end(text);
  }

  /** Answers with the head and the beginning of a body, and no more. */
  begin(text: string): void {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.write(text);
  }

  /** Closes the connection without an answer. */
  cut(): void {
    this.#end();
    this.#request.socket.destroy();
  }

  #end(): void {
    if (!this.#done) this.#onDone();
    this.#done = true;
  }
}

/** An upstream server that answers when the test tells it to, or at once where the test has said what. */
export class Backend {
  readonly origin: string;
  /** Every request, in the order they came. */
  readonly seen: string[] = [];
  /** How many requests are unanswered, and how many were at most. */
  inFlight = 0;
  most = 0;
  readonly #answers = new Map<string, [data: unknown, reply: Reply]>();
  readonly #unclaimed: Asked[] = [];
  readonly #waiting = new Set<{ url: string; resolve: (asked: Asked) => void }>();

  constructor(server: Server) {
    this.origin = originOf(server);
    server.on('request', (request, response) => this.#take(request, response));
  }

  /** From now on, requests for this path and query are answered at once. */
  answer(url: string, data: unknown, reply: Reply = {}): void {
    this.#answers.set(url, [data, reply]);
  }

  /** Requests for this path and query wait for the test again. */
  forget(url: string): void {
    this.#answers.delete(url);
  }

  /** The next request for this path and query that nobody has claimed yet; waits until there is one. */
  asked(url: string): Promise<Asked> {
    const at = this.#unclaimed.findIndex((asked) => asked.url === url);
    const [found] = at === -1 ? [] : this.#unclaimed.splice(at, 1);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.add({ url, resolve }));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const asked = new Asked(request, response, () => this.inFlight--);
    this.seen.push(asked.url);
    this.most = Math.max(this.most, ++this.inFlight);
    const answer = this.#answers.get(asked.url);
    if (answer !== undefined) return asked.reply(...answer);
    for (const waiting of this.#waiting) {
      if (waiting.url !== asked.url) continue;
      this.#waiting.delete(waiting);
      return waiting.resolve(asked);
    }
    this.#unclaimed.push(asked);
  }
}

export async function startBackend(): Promise<Backend> {
  return new Backend(await listen(createServer()));
}

/** Listens on a port of its own on 127.0.0.1, until {@link closeAll}. */
export async function listen(server: Server): Promise<Server> {
  await listenUntil(server);
  return server;
}

/** The same; what it resolves to closes the server before. */
export async function listenUntil(server: Server): Promise<() => Promise<void>> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return closeLater(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
}

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
export async function startUpstream(answer: Answer = (response) => json(response, {})): Promise<Recorder> {
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

export function json(response: ServerResponse, data: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(data));
}

/**
 * An origin where nobody listens. Its port is below those that the system gives to servers on port 0 (32768 on Linux, 49152 by
 * RFC 6335), so that no other test's server gets it meanwhile.
 */
export async function deadOrigin(): Promise<string> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if (await isFree(port)) return `http://127.0.0.1:${port}`;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createNetServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A server that does with each connection whatever the test likes, HTTP or not. */
export async function startRawBackend(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
  return originOf(server);
}

export function originOf(server: Server | NetServer): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
