import { createServer, type Server, type Socket } from 'node:net';

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** The head, request line included, without the empty line. */
  readonly head: string;
  /** How many requests this connection has carried before. */
  readonly before: number;
}

/** What an upstream does: on a connection at once, and when a request's head has come. */
export interface Behaviour {
  onAccept?(socket: Socket): void;
  onRequest?(socket: Socket, request: RawRequest): void;
}

/** An HTTP answer as text; the length is that of the body. */
export function answer(body: string, headers = 'content-type: text/plain', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\n${headers}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** What a healthy upstream says: the path that was asked, as JSON. */
export const healthy: Behaviour = {
  onRequest(socket, { method, path }) {
    const body = JSON.stringify({ path });
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(method === 'HEAD' ? head : head + body);
  },
};

/** An upstream over a raw socket, so that it can say whatever it likes. Its behaviour can be changed at any time. */
export class RawUpstream {
  /** The connections that are open now. */
  readonly sockets = new Set<Socket>();
  /** The heads of all requests so far. */
  readonly heads: string[] = [];
  accepted = 0;
  behaviour: Behaviour;
  readonly #server: Server;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(behaviour: Behaviour = healthy, host = '127.0.0.1'): Promise<RawUpstream> {
    const upstream = new RawUpstream(behaviour);
    await new Promise<void>((resolve) => upstream.#server.listen(0, host, resolve));
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** No connection is accepted from now on. */
  async refuse(): Promise<void> {
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.refuse();
  }

  #accept(socket: Socket): void {
    this.accepted++;
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    this.behaviour.onAccept?.(socket);
    let text = '';
    let needed = 0;
    let before = 0;
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.length < needed) return;
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        needed = end + 4 + length;
        if (text.length < needed) return;
        text = text.slice(needed);
        needed = 0;
        this.heads.push(head);
        const [method = '', path = ''] = head.split(' ');
        this.behaviour.onRequest?.(socket, { method, path, head, before: before++ });
      }
    });
  }
}

/** Writes one piece after the other, every few milliseconds, for as long as somebody listens. */
export function drip(socket: Socket, pieces: Iterable<string | Buffer>, everyMs: number): void {
  const iterator = pieces[Symbol.iterator]();
  const timer = setInterval(() => {
    const { done, value } = iterator.next();
    if (done || socket.destroyed) clearInterval(timer);
    else write(socket, value);
  }, everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** Writes the same again and again, as fast as it is taken. */
export function flood(socket: Socket, piece: string | Buffer): void {
  const again = () => {
    while (!socket.destroyed && socket.write(piece, 'latin1'));
  };
  socket.on('drain', again);
  again();
}

export function* endlessly<T>(piece: T): Generator<T> {
  for (;;) yield piece;
}

/** Does something later, unless the connection is closed before. */
export function later(socket: Socket, ms: number, action: () => void): void {
  const timer = setTimeout(() => {
    if (!socket.destroyed) action();
  }, ms);
  socket.on('close', () => clearTimeout(timer));
}

function write(socket: Socket, piece: string | Buffer): void {
  if (typeof piece === 'string') socket.write(piece, 'latin1');
  else socket.write(piece);
}
