import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { once } from 'node:events';
import { isIP } from 'node:net';

/** What is said of a name: its addresses, a code that is no success (RFC 1035, section 4.1.1), or null for nothing at all. */
export type Say = readonly string[] | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED' | null;

const codes = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };
const A = 1;
const AAAA = 28;

/** A name server on 127.0.0.1, over UDP. A name that it was told nothing about does not exist. */
export class NameServer {
  readonly names = new Map<string, Say>();
  /** Names of which nothing is said about addresses of this family. */
  readonly mute = new Map<string, 4 | 6>();
  /** The questions that came: a name, and the family that was asked for. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message, { port, address }) => {
      const answer = this.#answer(message);
      if (answer !== null) socket.send(answer, port, address);
    });
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }

  /** A resolver that asks this server and no other. */
  resolver(): Resolver {
    const resolver = new Resolver({ timeout: 60_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`]);
    return resolver;
  }

  #answer(message: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = message[at] as number; length > 0; length = message[at] as number) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = message.readUInt16BE(at + 1);
    const question = message.subarray(12, at + 5);
    const name = labels.join('.').toLowerCase();
    const family = type === A ? 4 : 6;
    this.asked.push(`${name} ${family}`);
    const say = this.names.get(name) ?? (this.names.has(name) ? null : 'NXDOMAIN');
    if (say === null || this.mute.get(name) === family) return null;
    const addresses = typeof say === 'string' ? [] : say.filter((address) => isIP(address) === family);
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    // A response, recursion desired and available.
    head.writeUInt16BE(0x8180 | (typeof say === 'string' ? codes[say] : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(addresses.length, 6);
    return Buffer.concat([head, question, ...addresses.map((address) => record(address, family))]);
  }
}

/** A record of the name that was asked for (a pointer to the question), which may be kept for a minute. */
function record(address: string, family: 4 | 6): Buffer {
  const data = family === 4 ? Buffer.from(address.split('.').map(Number)) : bytesOf6(address);
  const head = Buffer.from([0xc0, 12, 0, family === 4 ? A : AAAA, 0, 1, 0, 0, 0, 60, 0, data.length]);
  return Buffer.concat([head, data]);
}

function bytesOf6(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const before = groups(left);
  const after = groups(right);
  const all = [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group: number) => [group >> 8, group & 255]));
}
