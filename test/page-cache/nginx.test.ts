import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';
import { createMashup, type PageCacheOptions, type UpstreamMap } from '../../src/index.js';
import { describeWith } from '../setup/tools.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';

afterEach(closeAll);

// The file that the docs show, with ports and folders of the test's own.
const recipe = fileURLToPath(new URL('../../docs/nginx-cache.conf', import.meta.url));

async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function startNginx(program: string, app: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mashup-nginx-'));
  const port = await freePort();
  const http = (await readFile(recipe, 'utf8'))
    .replace('/var/cache/nginx/pages', join(directory, 'pages'))
    .replace('127.0.0.1:3000', app.replace('http://', ''))
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  const file = join(directory, 'nginx.conf');
  const main = `daemon off; master_process off; error_log stderr; pid ${join(directory, 'pid')}; events {}`;
  await writeFile(file, `${main}\nhttp { access_log off; ${temporary.join(' ')}\n${http}\n}`);
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

describeWith('nginx', 'nginx in front of pages that say how they may be cached', (program) => {
  let backend: Backend;
  let nginx: string;
  const handled: Record<string, number> = {};
  const mashup = () => {
    const made = createMashup();
    closeLater(() => made.close());
    return made;
  };

  async function start(pages: Record<string, [UpstreamMap, PageCacheOptions]>): Promise<void> {
    const app = express();
    const made = mashup();
    for (const [path, [upstreams, pageCache]] of Object.entries(pages)) {
      handled[path] = 0;
      const show: RequestHandler = (_req, res) => {
        handled[path] = (handled[path] ?? 0) + 1;
        res.json({ of: path, a: res.locals['a'] });
      };
      app.get(path, made(upstreams, { pageCache }) as unknown as RequestHandler, show);
    }
    nginx = await startNginx(program, originOf(await listen(createServer(app))));
  }

  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(nginx + path, { headers: { connection: 'close', ...headers } });
    return { cache: response.headers.get('x-cache'), body: (await response.json()) as { a: unknown } };
  };

  beforeEach(async () => {
    backend = await startBackend();
    backend.answer('/a', 'data', { headers: { 'cache-control': 'max-age=60' } });
    backend.answer('/now', 'data', { headers: { 'cache-control': 'max-age=0', etag: '"1"' } });
  });

  test('a page is kept by nginx: the app is asked once', async () => {
    await start({ '/page': [{ a: `${backend.origin}/a` }, {}] });
    expect(await ask('/page')).toMatchObject({ cache: 'MISS', body: { a: 'data' } });
    expect(await ask('/page')).toMatchObject({ cache: 'HIT', body: { a: 'data' } });
    expect(handled['/page']).toBe(1);
    expect(backend.seen).toHaveLength(1);
  });

  test('a page with a fallback, or with a missing part, is not kept', async () => {
    backend.answer('/broken', 0, { status: 500 });
    await start({
      '/fallback': [{ a: { url: `${backend.origin}/broken`, fallback: 'instead' } }, {}],
      '/missing': [{ a: `${backend.origin}/broken`, b: `${backend.origin}/a` }, {}],
    });
    for (const path of ['/fallback', '/missing']) {
      for (const _ of [1, 2]) expect((await ask(path)).cache).toBe('MISS');
      expect(handled[path]).toBe(2);
    }
  });

  test('a page that is private, or personal, is not kept', async () => {
    backend.answer('/private', 0, { headers: { 'cache-control': 'private, max-age=60' } });
    await start({
      '/private': [{ a: `${backend.origin}/private` }, {}],
      '/personal': [{ a: { url: `${backend.origin}/a`, forward: ['cookie'] } }, {}],
    });
    for (const path of ['/private', '/personal']) {
      for (const cookie of ['alice', 'bob']) expect((await ask(path, { cookie })).cache).toBe('MISS');
    }
  });

  test('pages that differ by a forwarded header are kept apart', async () => {
    await start({ '/page': [{ a: { url: `${backend.origin}/a`, forward: ['accept-language'] } }, {}] });
    for (const cache of ['MISS', 'HIT']) {
      for (const language of ['nb', 'fr']) {
        expect((await ask('/page', { 'accept-language': language })).cache).toBe(cache);
      }
    }
  });

  test('a page with an ETag is revalidated: the handler does not run again', async () => {
    await start({ '/page': [{ a: { url: `${backend.origin}/a` } }, { etag: 'v1', maxAge: 1000 }] });
    expect((await ask('/page')).cache).toBe('MISS');
    let cache: string | null = 'HIT';
    while (cache === 'HIT') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ({ cache } = await ask('/page'));
    }
    expect(cache).toBe('REVALIDATED');
    expect(handled['/page']).toBe(1);
  });
});
