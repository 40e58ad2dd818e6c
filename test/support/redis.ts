import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeLater } from './closing.js';

/** A Redis server of a test's own, on 127.0.0.1, that can be paused, killed and started again. */
export class RedisServer {
  readonly port: number;
  readonly #program: string;
  readonly directory: string;
  #process: ChildProcess | null = null;

  constructor(program: string, port: number, directory: string) {
    this.#program = program;
    this.port = port;
    this.directory = directory;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(...args: readonly string[]): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory, '--save', ''];
    this.#process = spawn(this.#program, [...own, '--appendonly', 'no', ...args], { stdio: 'ignore' });
    while (!(await this.#answers())) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    if (process === null || process.exitCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  /** Sends a command, and returns what the server answers as it is on the wire. */
  async send(...command: readonly string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
    socket.write(`*${command.length}\r\n${parts.join('')}`);
    const answer = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    socket.destroy();
    return String(answer[0]);
  }

  async #answers(): Promise<boolean> {
    return (await this.send('PING').catch(() => '')).startsWith('+PONG');
  }
}

export async function startRedis(program: string, ...args: readonly string[]): Promise<RedisServer> {
  const server = new RedisServer(program, await freePort(), await mkdtemp(join(tmpdir(), 'mashup-redis-')));
  closeLater(async () => {
    await server.kill();
    await rm(server.directory, { recursive: true, force: true });
  });
  await server.start(...args);
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
