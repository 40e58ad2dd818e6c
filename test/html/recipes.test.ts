import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import compression from 'compression';
import { Eta } from 'eta';
import express, { type RequestHandler } from 'express';
import { createElement as element, Suspense, use } from 'react';
import { renderToPipeableStream } from 'react-dom/server';
import { html, late, send, sendView } from '../../src/html/index.js';
import { describeWith } from '../setup/tools.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { startNginx } from '../support/nginx.js';
import { newMashup } from '../support/site.js';
import { filled, Reader, site } from './reader.js';

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});
afterEach(closeAll);

const reviewsPage = () =>
  newMashup()({ reviews: { url: `${backend.origin}/reviews`, defer: true } }) as unknown as RequestHandler;

function Reviews({ reviews }: { reviews: Promise<string[] | null> }) {
  return element('ul', null, ...(use(reviews) ?? ['none']).map((one) => element('li', { key: one }, one)));
}

describe('React 19, with use()', () => {
  const errors: unknown[] = [];
  beforeEach(() => {
    errors.length = 0;
  });

  const open = () =>
    site(express, reviewsPage(), (_req, res, next) => {
      const page = element(
        'html',
        null,
        element(
          'body',
          null,
          element('h1', null, 'City'),
          element(
            Suspense,
            { fallback: element('p', null, 'Coming') },
            element(Reviews, { reviews: res.locals['reviews'] }),
          ),
        ),
      );
      const { pipe, abort } = renderToPipeableStream(page, {
        nonce: 'abc',
        onShellReady: () => {
          res.type('html');
          pipe(res);
        },
        onShellError: next,
        onError: (error) => void errors.push(error),
      });
      res.on('close', () => abort());
    });

  test('shows the page, and then the reviews', async () => {
    const url = await open();
    const asked = backend.asked('/reviews');
    const reader = await new Reader(url).has('Coming');
    (await asked).reply(['<good>']);
    await reader.ended();
    expect(reader.end).toBe('whole');
    expect(reader.text).toMatch(/<div hidden id="S:0"><ul><li>&lt;good&gt;<\/li><\/ul><\/div><script nonce="abc">/);
    expect(errors).toEqual([]);
  });

  test('shows that there are none where they failed', async () => {
    backend.answer('/reviews', 0, { status: 500 });
    expect((await new Reader(await open()).ended()).text).toContain('<li>none</li>');
  });

  test('ends the call when the client leaves', async () => {
    const url = await open();
    const asked = backend.asked('/reviews');
    const reader = await new Reader(url).has('Coming');
    const { closed } = await asked;
    reader.leave();
    await closed;
  });
});

test('Eta, with sendView()', async () => {
  const views = await mkdtemp(join(tmpdir(), 'mashup-views-'));
  closeLater(() => rm(views, { recursive: true }));
  await writeFile(join(views, 'city.eta'), '<body><%= it.title %>: <%~ it.late.reviews %></body>');
  await writeFile(join(views, 'reviews.eta'), '<% it.data?.forEach((one) => { %><p><%= one %></p><% }) %>');
  const eta = new Eta({ views });
  const withEta = () =>
    express()
      .engine('eta', (path, locals, done) => {
        try {
          done(null, eta.renderString(eta.readFile(path), locals));
        } catch (error) {
          done(error);
        }
      })
      .set('views', views)
      .set('view engine', 'eta');
  const url = await site(withEta, reviewsPage(), (_req, res) =>
    sendView(res, 'city', { late: { reviews: 'reviews' }, locals: { title: '<City>' } }),
  );
  const asked = backend.asked('/reviews');
  const reader = await new Reader(url).has('<?end>');
  (await asked).reply(['<good>']);
  expect(filled((await reader.ended()).text)).toBe('<body>&lt;City&gt;: <p>&lt;good&gt;</p></body>');
});

test('plain res.write()', async () => {
  const url = await site(express, reviewsPage(), async (_req, res) => {
    res.type('html').write('<h1>City</h1>');
    res.end(`<p>${JSON.stringify(await res.locals['reviews'])}</p>`);
  });
  const asked = backend.asked('/reviews');
  const reader = await new Reader(url).has('City');
  (await asked).reply(['good']);
  expect((await reader.ended()).text).toBe('<h1>City</h1><p>["good"]</p>');
});

/** Reads what was compressed as it comes; resolves when that has some text in it. */
async function readGzip(url: string, has: string): Promise<{ text: () => string; ended: Promise<unknown> }> {
  let text = '';
  const gunzip = createGunzip().setEncoding('utf8');
  const sending = request(url, { agent: false, headers: { 'accept-encoding': 'gzip' } }, (response) => {
    expect(response.headers['content-encoding']).toBe('gzip');
    response.pipe(gunzip);
  });
  sending.end();
  closeLater(() => sending.destroy());
  const ended = new Promise((resolve) => gunzip.once('end', resolve));
  await new Promise<void>((resolve) => {
    gunzip.on('data', (more: string) => {
      text += more;
      if (text.includes(has)) resolve();
    });
  });
  return { text: () => text, ended };
}

const streamed: RequestHandler = (_req, res) =>
  send(
    res,
    html`<body>${'early '.repeat(500)}${late(res.locals['reviews'] as Promise<string[]>, { ok: (all) => all })}</body>`,
  );

test('the middleware that compresses sends each part when it is there', async () => {
  const url = await site(express, compression(), reviewsPage(), streamed);
  const asked = backend.asked('/reviews');
  const { text, ended } = await readGzip(url, '<?end>');
  (await asked).reply(['good']);
  await ended;
  expect(filled(text())).toBe(`<body>${'early '.repeat(500)}good</body>`);
});

describeWith('nginx', 'behind nginx', (program) => {
  // The file that the docs show, with ports of the test's own.
  const recipe = fileURLToPath(new URL('../../docs/nginx-streaming.conf', import.meta.url));

  test('each part comes when it is there, compressed', async () => {
    const app = express();
    app.get('/', reviewsPage(), streamed);
    app.get('/up', (_req, res) => void res.end());
    const origin = originOf(await listen(createServer(app)));
    const shown = await readFile(recipe, 'utf8');
    const nginx = await startNginx(program, (_directory, port) =>
      shown.replace('127.0.0.1:3000', origin.replace('http://', '')).replace('127.0.0.1:8080', `127.0.0.1:${port}`),
    );
    const asked = backend.asked('/reviews');
    const { text, ended } = await readGzip(nginx, '<?end>');
    (await asked).reply(['good']);
    await ended;
    expect(filled(text())).toBe(`<body>${'early '.repeat(500)}good</body>`);
  });
});
