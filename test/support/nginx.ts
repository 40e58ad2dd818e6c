import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeLater } from './closing.js';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts an nginx that ends with the test; its origin.
 * @param configure what stands in its `http { … }`, given a folder of its own and the port to listen to
 */
export async function startNginx(
  program: string,
  configure: (directory: string, port: number) => string,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mashup-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const file = join(directory, 'nginx.conf');
  const main = `daemon off; master_process off; error_log stderr; pid ${join(directory, 'pid')}; events {}`;
  await writeFile(file, `${main}\nhttp { access_log off; ${temporary.join(' ')}\n${configure(directory, port)}\n}`);
  const nginx: ChildProcess = spawn(program, ['-p', directory, '-c', file], { stdio: 'ignore' });
  closeLater(async () => {
    if (nginx.exitCode === null && nginx.kill('SIGKILL')) await once(nginx, 'exit');
    await rm(directory, { recursive: true, force: true });
  });
  const origin = `http://127.0.0.1:${port}`;
  while (!(await isUp(`${origin}/up`))) await new Promise((resolve) => setTimeout(resolve, 20));
  return origin;
}

async function isUp(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).text();
    return true;
  } catch {
    return false;
  }
}
