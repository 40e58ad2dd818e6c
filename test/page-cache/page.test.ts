import { createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { PageCacheOptions } from '../../src/cache-types.js';
import { createMashup, type Mashup, type UpstreamMap } from '../../src/index.js';
import { lines, problemsOf } from '../config/problems.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;

beforeEach(async () => {
  backend = await startBackend();
  backend.answer('/a', { n: 1 }, { headers: { 'cache-control': 'max-age=60', etag: '"1"' } });
  backend.answer('/private', 1, { headers: { 'cache-control': 'private, max-age=60' } });
  mashup = createMashup();
  closeLater(() => mashup.close());
});
afterEach(closeAll);

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

function ask(origin: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(`${origin}/page`, { headers, method, agent: false }, async (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) });
    })
      .on('error', reject)
      .end();
  });
}

describe.each(expresses)('%s', (_name, express) => {
  let handled = 0;
  const show: RequestHandler = (_req, res) => {
    handled++;
    res.json({ shown: true });
  };

  async function site(...handlers: (RequestHandler | ErrorRequestHandler)[]): Promise<string> {
    handled = 0;
    const app = express();
    app.all('/page', ...(handlers as RequestHandler[]));
    return originOf(await listen(createServer(app)));
  }

  const a = (): UpstreamMap => ({ a: `${backend.origin}/a` });
  const page = (pageCache: boolean | PageCacheOptions, upstreams: UpstreamMap = a()) =>
    mashup(upstreams, { pageCache }) as unknown as RequestHandler;

  test('a page says for how long it may be kept', async () => {
    const origin = await site(page(true), show);
    const { headers } = await ask(origin);
    expect(headers['cache-control']).toMatch(/^public, max-age=(59|60)$/);
    expect((await ask(origin, {}, 'HEAD')).headers['cache-control']).toMatch(/^public/);
    expect((await ask(origin, {}, 'POST')).headers).not.toHaveProperty('cache-control');
  });

  test('a page without the option says nothing', async () => {
    expect((await ask(await site(page(false), show))).headers).not.toHaveProperty('cache-control');
  });

  test('with an ETag, who has the page gets a 304, and the handler does not run', async () => {
    const origin = await site(page({ etag: 'v1', tagHeader: 'Surrogate-Key' }), show);
    const { headers } = await ask(origin);
    expect(headers['etag']).toMatch(/^W\/"/);
    const again = await ask(origin, { 'if-none-match': String(headers['etag']) });
    expect(again).toMatchObject({ status: 304, body: '' });
    expect(again.headers).toMatchObject({ etag: headers['etag'], 'cache-control': headers['cache-control'] });
    expect(handled).toBe(1);
    expect((await ask(origin, { 'if-none-match': '"other"' })).status).toBe(200);
    backend.answer('/a', { n: 2 }, { headers: { 'cache-control': 'max-age=60', etag: '"2"' } });
    expect((await ask(origin, { 'if-none-match': String(headers['etag']) })).status).toBe(200);
    backend.answer('/a', { n: 1 }, { status: 500 });
    const broken = await ask(origin, { 'if-none-match': String(headers['etag']) });
    expect(broken).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  });

  test('what depends on the visitor is private; other forwarded headers are named by Vary', async () => {
    const forwards = (...forward: string[]) => ({ a: { url: `${backend.origin}/a`, forward } });
    const language = await ask(await site(page(true, forwards('accept-language')), show));
    expect(language.headers['cache-control']).toMatch(/^public/);
    expect(language.headers['vary']).toMatch(/accept-language/i);
    for (const name of ['cookie', 'authorization', 'x-api-key', 'x-auth-token', 'x-session']) {
      const { headers } = await ask(await site(page(true, forwards(name)), show));
      expect(headers['cache-control']).toMatch(/^private/);
      expect(headers['vary']).toBeUndefined();
    }
    const others: UpstreamMap[] = [
      { a: { url: () => `${backend.origin}/a`, origins: [backend.origin] } },
      { a: { url: `${backend.origin}/a`, headers: () => ({}) } },
      { a: { url: `${backend.origin}/a`, when: () => true } },
      { a: { url: `${backend.origin}/a`, each: () => [1] } },
      { a: { url: `${backend.origin}/a`, auth: { username: 'u', password: 'p' } } },
      { a: `${backend.origin}/{locals.name}` },
    ];
    const name: RequestHandler = (_req, res, next) => {
      res.locals['name'] = 'a';
      next();
    };
    for (const upstreams of others) {
      const { headers } = await ask(await site(name, page(true, upstreams), show));
      expect(headers['cache-control']).toMatch(/^private/);
    }
  });

  test('what the handler sets wins, and so does what was set before', async () => {
    const own: RequestHandler = (_req, res) => void res.set('Cache-Control', 'max-age=1').set('ETag', '"own"').json(1);
    expect((await ask(await site(page({ etag: true }), own))).headers).toMatchObject({
      'cache-control': 'max-age=1',
      etag: '"own"',
    });
    const before: RequestHandler = (_req, res, next) => {
      res.set('Cache-Control', 'max-age=2');
      next();
    };
    expect((await ask(await site(before, page(true), show))).headers['cache-control']).toBe('max-age=2');
  });

  test('an error page is not kept as the page would be', async () => {
    const broken: RequestHandler = () => {
      throw new Error('the view is broken');
    };
    const onError: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).send('sorry');
    const wrong: RequestHandler = (_req, res) => void res.status(404).send('nothing here');
    const raw: RequestHandler = (_req, res) => void res.writeHead(503).end();
    for (const handlers of [[broken, onError], [wrong], [raw]]) {
      const { status, headers } = await ask(await site(page({ etag: true, tagHeader: 'Cache-Tag' }), ...handlers));
      expect(status).toBeGreaterThanOrEqual(404);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['etag'] ?? '').not.toMatch(/^W\/"[\w-]{27}"$/);
    }
  });

  test('a required upstream that fails leaves nothing to keep', async () => {
    const onError: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(502).send('sorry');
    const origin = await site(page(true, { a: { url: `${backend.origin}/missing`, required: true } }), show, onError);
    const asked = ask(origin);
    (await backend.asked('/missing')).reply(1, { status: 500 });
    expect((await asked).headers).not.toHaveProperty('cache-control');
  });

  test('a page that sets a cookie is not public', async () => {
    const cookie: RequestHandler = (_req, res) => void res.cookie('sid', '1').json(1);
    expect((await ask(await site(page(true), cookie))).headers['cache-control']).toMatch(/^private, max-age=/);
  });

  test('two pages on one request have the stricter of both', async () => {
    const other = page({ tagHeader: 'Surrogate-Key' }, { b: `${backend.origin}/private` });
    for (const pages of [
      [page({ etag: true }), other],
      [other, page({ etag: true })],
    ]) {
      const { headers } = await ask(await site(...pages, show));
      expect(headers['cache-control']).toMatch(/^private, max-age=/);
      expect(headers['etag'] ?? '').not.toMatch(/^W\/"[\w-]{27}"$/);
    }
  });

  test('the tags of what is cached are in the header, whoever stored it', async () => {
    const cached = { a: { url: `${backend.origin}/a`, cache: { ttl: 60_000, tags: ['a', 'all'] } } };
    const origin = await site(page({ tagHeader: 'Surrogate-Key' }, cached), show);
    for (const _ of [1, 2]) expect((await ask(origin)).headers['surrogate-key']).toBe('a all');
    expect((await ask(await site(page({ tagHeader: 'Cache-Tag' }, cached), show))).headers['cache-tag']).toBe('a,all');
    expect((await ask(await site(page({ tagHeader: 'Cache-Tag' }), show))).headers).not.toHaveProperty('cache-tag');
  });

  test('where the head is sent already, nothing is set', async () => {
    const early: RequestHandler = (_req, res, next) => {
      res.write('x');
      next();
    };
    const end: RequestHandler = (_req, res) => void res.end();
    expect((await ask(await site(early, page(true), end))).headers).not.toHaveProperty('cache-control');
  });
});

test.each([
  [{ pageCache: 1 }, 'options.pageCache: expected true, or an object of options, but was given 1'],
  [{ pageCache: { maxAge: 0 } }, 'options.pageCache.maxAge: expected milliseconds, more than 0, but was given 0'],
  [{ pageCache: { ttl: 1 } }, /^options\.pageCache\.ttl: is not an option/],
  [{ pageCache: { etag: 1 } }, 'options.pageCache.etag: expected true or false, or a string, but was given 1'],
  [{ pageCache: { tagHeader: 'a b' } }, 'options.pageCache.tagHeader: is not a valid header name'],
])('wrong options are refused: %j', (options, message) => {
  const [line = ''] = lines(problemsOf({ a: 'http://a.example.com/' }, options));
  expect(line).toMatch(message);
});
