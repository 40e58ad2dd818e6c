import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { closeLater } from './closing.js';

/** What becomes of what a client sends: it is passed on, or the connection is cut, or nothing moves on it any more. */
export type Fate = 'pass' | 'cut' | 'silence';

/** A way to a Redis server on which connections can be lost. Gives its port. */
export async function startRelay(port: number, decide: (sent: string, connection: number) => Fate): Promise<number> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const number = connections++;
    const upstream = connect(port, '127.0.0.1');
    let isSilent = false;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      const fate = decide(String(data), number);
      isSilent ||= fate === 'silence';
      if (fate === 'cut') client.destroy();
      else if (!isSilent) upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (!isSilent) client.write(data);
    });
  });
  return await listening(server, sockets);
}

/** A server that says something to each client, and nothing else. Gives its port. */
export async function startImpostor(greet: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
    greet(socket);
  });
  return await listening(server, sockets);
}

async function listening(server: ReturnType<typeof createServer>, sockets: ReadonlySet<Socket>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}
