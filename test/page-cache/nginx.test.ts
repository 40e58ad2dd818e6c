import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';
import { createMashup, type PageCacheOptions, type UpstreamMap } from '../../src/index.js';
import { describeWith } from '../setup/tools.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { startNginx } from '../support/nginx.js';

afterEach(closeAll);

// The file that the docs show, with ports and folders of the test's own.
const recipe = fileURLToPath(new URL('../../docs/nginx-cache.conf', import.meta.url));

/** An nginx as the docs configure it, in front of an app. */
async function startNginxAsShown(program: string, app: string): Promise<string> {
  const shown = await readFile(recipe, 'utf8');
  return await startNginx(program, (directory, port) =>
    shown
      .replace('/var/cache/nginx/pages', join(directory, 'pages'))
      .replace('127.0.0.1:3000', app.replace('http://', ''))
      .replace('127.0.0.1:8080', `127.0.0.1:${port}`),
  );
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
    nginx = await startNginxAsShown(program, originOf(await listen(createServer(app))));
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
