import { createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { createMashup, type Mashup, type UpstreamMap } from '../../src/index.js';
import type { PageOptions } from '../../src/types.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;
beforeEach(async () => {
  backend = await startBackend();
  backend.answer('/a', { n: 1 }, { headers: { 'cache-control': 'max-age=60', etag: '"1"' } });
  backend.answer('/b', { n: 1 }, { headers: { 'cache-control': 'max-age=60', etag: '"1"' } });
  backend.answer('/plain', { n: 1 }, { headers: { 'cache-control': 'max-age=60' } });
  backend.answer('/bad', 1, { status: 500 });
  mashup = createMashup();
  closeLater(() => mashup.close());
});
afterEach(closeAll);

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string };
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
    res.json({ shown: true, n: handled });
  };
  async function site(...handlers: (RequestHandler | ErrorRequestHandler)[]): Promise<string> {
    handled = 0;
    const app = express();
    app.all('/page', ...(handlers as RequestHandler[]));
    return originOf(await listen(createServer(app)));
  }
  const page = (upstreams: UpstreamMap, options: PageOptions) =>
    mashup(upstreams, options) as unknown as RequestHandler;
  const a = () => ({ a: `${backend.origin}/a` });
  // As on-headers (express-session, cookie-session) does it.
  const session: RequestHandler = (_req, res, next) => {
    const inner = res.writeHead;
    res.writeHead = function (this: typeof res, ...args: unknown[]) {
      res.setHeader('Set-Cookie', 'sid=alice');
      return Reflect.apply(inner, this, args);
    } as typeof inner;
    next();
  };

  test('a session that is mounted before, and sets its cookie with the head, makes it private', async () => {
    const { headers } = await ask(await site(session, page(a(), { pageCache: true }), show));
    expect(headers['set-cookie']).toBeDefined();
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('a cookie given to writeHead makes it private', async () => {
    const { headers } = await ask(
      await site(page(a(), { pageCache: true }), ((_req, res) => {
        res.writeHead(200, { 'Set-Cookie': 'sid=alice' }).end('x');
      }) as RequestHandler),
    );
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('a page asked for with Authorization is private', async () => {
    const { headers } = await ask(await site(page(a(), { pageCache: true }), show), { authorization: 'Basic eDp5' });
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('a second page without pageCache takes the ETag back', async () => {
    const origin = await site(page(a(), { pageCache: { etag: 'v1' } }), page({ b: `${backend.origin}/b` }, {}), show);
    const { headers } = await ask(origin);
    backend.answer('/b', { n: 2 }, { headers: { 'cache-control': 'max-age=60', etag: '"2"' } });
    const second = await ask(origin, { 'if-none-match': String(headers['etag']) });
    expect(second.status).toBe(200);
  });
  test('a second page without pageCache takes "public" back', async () => {
    backend.answer('/b', 1, { headers: { 'cache-control': 'private' } });
    const { headers } = await ask(
      await site(page(a(), { pageCache: true }), page({ b: `${backend.origin}/b` }, {}), show),
    );
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('an error page that is a 200 is not public where a second page failed', async () => {
    const sorry: ErrorRequestHandler = (_e, _req, res, _next) => {
      res.status(200).send('sorry');
    };
    const { headers } = await ask(
      await site(
        page(a(), { pageCache: true }),
        page({ b: { url: `${backend.origin}/bad`, required: true } }, { pageCache: true }),
        show,
        sorry,
      ),
    );
    expect(headers['cache-control'] ?? '').not.toMatch(/public/);
  });
  test('with "partial", a client that hurries gets a page that is not stored', async () => {
    const slow = backend.asked('/slow');
    const answer = ask(
      await site(page({ a: `${backend.origin}/slow` }, { deadlineFrom: 'x-wait', pageCache: { partial: 5000 } }), show),
      { 'x-wait': '30' },
    );
    await slow;
    expect((await answer).headers['cache-control']).toBe('no-store');
  });
  test('with "partial", a fallback made from the request makes it private', async () => {
    const { headers } = await ask(
      await site(
        page(
          { a: { url: `${backend.origin}/bad`, fallback: (_e, { req }) => req.get('cookie') } },
          { pageCache: { partial: 5000 } },
        ),
        show,
      ),
      { cookie: 'sid=alice' },
    );
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('a part that was a POST makes it no-store', async () => {
    const { headers } = await ask(
      await site(page({ a: { url: `${backend.origin}/a`, method: 'POST', data: {} } }, { pageCache: true }), show),
    );
    expect(headers['cache-control']).toBe('no-store');
  });
  test('a part with Vary: * makes it no-store', async () => {
    backend.answer('/v', 1, { headers: { 'cache-control': 'max-age=60', vary: '*' } });
    const { headers } = await ask(await site(page({ a: `${backend.origin}/v` }, { pageCache: true }), show));
    expect(headers['cache-control']).toBe('no-store');
  });
  test('a part that set a cookie makes it private', async () => {
    backend.answer('/v', 1, { headers: { 'cache-control': 'max-age=60', 'set-cookie': 'sid=alice' } });
    const { headers } = await ask(await site(page({ a: `${backend.origin}/v` }, { pageCache: true }), show));
    expect(headers['cache-control']).not.toMatch(/public/);
  });
  test('a Map that has changed has no ETag that is the same', async () => {
    let n = 0;
    const origin = await site(
      page(
        { a: { url: `${backend.origin}/plain`, transformResponse: () => new Map([['n', n]]) } },
        { pageCache: { etag: 'v1' } },
      ),
      show,
    );
    const { headers } = await ask(origin);
    n = 1;
    expect((await ask(origin, { 'if-none-match': String(headers['etag']) })).status).toBe(200);
  });
  test('equal ETags of an upstream under two URLs are two pages', async () => {
    backend.answer('/l?l=de', { l: 'de' }, { headers: { 'cache-control': 'max-age=60', etag: '"v1"' } });
    backend.answer('/l?l=en', { l: 'en' }, { headers: { 'cache-control': 'max-age=60', etag: '"v1"' } });
    const origin = await site(
      page(
        { a: { url: ({ req }) => `${backend.origin}/l?l=${req.get('x-l')}`, origins: [backend.origin] } },
        { pageCache: { etag: 'v1', shared: true } },
      ),
      show,
    );
    const { headers } = await ask(origin, { 'x-l': 'de' });
    expect((await ask(origin, { 'x-l': 'en', 'if-none-match': String(headers['etag']) })).status).toBe(200);
  });
  test('an ETag and a tag header that were set before stay', async () => {
    const before: RequestHandler = (_req, res, next) => {
      res.set('ETag', '"own"').set('Surrogate-Key', 'own');
      next();
    };
    const cached = { a: { url: `${backend.origin}/a`, cache: { ttl: 60_000, tags: ['t'] } } };
    const { headers } = await ask(
      await site(before, page(cached, { pageCache: { etag: 'v1', tagHeader: 'Surrogate-Key' } }), show),
    );
    expect([headers['etag'], headers['surrogate-key']]).toEqual(['"own"', 'own']);
  });
  test('an error keeps no ETag where the handler set Cache-Control itself', async () => {
    const { headers } = await ask(
      await site(page(a(), { pageCache: { etag: 'v1' } }), ((_req, res) => {
        res.set('Cache-Control', 'max-age=1').writeHead(500).end('x');
      }) as RequestHandler),
    );
    expect(headers['etag']).toBeUndefined();
  });
  test("where Cache-Control is set between two pages, the first one's ETag does not answer for the second", async () => {
    const between: RequestHandler = (_req, res, next) => {
      res.set('Cache-Control', 'max-age=5');
      next();
    };
    const origin = await site(
      page(a(), { pageCache: { etag: 'v1' } }),
      between,
      page({ b: `${backend.origin}/b` }, { pageCache: { etag: 'v1' } }),
      show,
    );
    const { headers } = await ask(origin);
    backend.answer('/b', { n: 2 }, { headers: { 'cache-control': 'max-age=60', etag: '"2"' } });
    expect((await ask(origin, { 'if-none-match': String(headers['etag']) })).status).toBe(200);
  });
  test('equal ETags of an upstream for two users are two pages', async () => {
    backend.answer('/a', { n: 1 }, { headers: { 'cache-control': 'private, max-age=60', etag: '"1"' } });
    const origin = await site(
      page({ a: { url: `${backend.origin}/a`, forward: ['cookie'] } }, { pageCache: { etag: 'v1' } }),
      show,
    );
    const { headers } = await ask(origin, { cookie: 'sid=alice' });
    backend.answer('/a', { n: 2 }, { headers: { 'cache-control': 'private, max-age=60', etag: '"1"' } });
    expect((await ask(origin, { cookie: 'sid=bob', 'if-none-match': String(headers['etag']) })).status).toBe(200);
  });
  test('a good page is public, and is answered with a 304', async () => {
    const origin = await site(page(a(), { pageCache: { etag: 'v1' } }), show);
    const { headers } = await ask(origin);
    expect(headers['cache-control']).toMatch(/public, max-age/);
    expect((await ask(origin, { 'if-none-match': String(headers['etag']) })).status).toBe(304);
  });
});
