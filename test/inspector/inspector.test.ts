import { createServer } from 'node:http';
import type { RequestHandler } from 'express';
import { isConfigError, type Mashup, type UpstreamMap } from '../../src/index.js';
import { type Inspector, type InspectorOptions, inspector } from '../../src/inspector/index.js';
import type { PageOptions } from '../../src/types.js';
import { Reader } from '../html/reader.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { expresses, newMashup } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;
beforeEach(async () => {
  backend = await startBackend();
  backend.answer('/a', { id: 7 });
  backend.answer('/b/7', 'b');
  backend.answer('/bad', 0, { status: 503 });
  mashup = newMashup();
});
afterEach(closeAll);

const url = (path: string) => backend.origin + path;
const made = (options?: InspectorOptions): Inspector => {
  const one = inspector(options);
  closeLater(() => one.close());
  return one;
};

describe.each(expresses)('the inspector on %s', (_name, express) => {
  /** An app with an inspector and a page at each path. */
  async function open(
    pages: Record<string, [UpstreamMap, PageOptions?]>,
    options: InspectorOptions = {},
  ): Promise<(path: string, headers?: Record<string, string>) => Promise<Reader>> {
    const app = express();
    app.use('/_mashup', made({ instance: mashup, ...options }));
    for (const [path, [upstreams, pageOptions]] of Object.entries(pages)) {
      app.get(path, mashup(upstreams, pageOptions ?? {}) as unknown as RequestHandler, async (_req, res) => {
        await res.locals['later'];
        res.send('ok');
      });
    }
    const origin = originOf(await listen(createServer(app)));
    return async (path, headers = {}) => await new Reader(origin + path, { headers }).ended();
  }

  test('shows the last runs, the latest first, and each of them', async () => {
    const get = await open({
      '/shop/:id': [
        { a: url('/a'), b: { url: url('/b/{a.id}'), timeout: 1000 }, bad: { url: url('/bad'), fallback: 0 } },
      ],
      '/plain': [{ a: url('/a') }],
    });
    expect((await get('/_mashup')).text).toContain('No page has run yet');
    await get('/shop/1?token=secret');
    await get('/plain');
    const list = await get('/_mashup/');
    expect(list.headers['content-security-policy']).toContain("default-src 'none'");
    expect(list.headers['cache-control']).toBe('no-store');
    expect([...list.text.matchAll(/runs\/(\d+)">([^<]+)/g)].map(([, id, title]) => [id, title])).toEqual([
      ['2', 'GET /plain'],
      ['1', 'GET /shop/1?token=…'],
    ]);
    expect(list.text).toContain('bad ERR_UPSTREAM_STATUS');
    const run = await get('/_mashup/runs/1');
    for (const text of [
      'Started after a',
      'held up the page',
      'ERR_UPSTREAM_STATUS',
      'it answered 503',
      `GET ${url('/b/7')}`,
    ]) {
      expect(run.text).toContain(text);
    }
    expect(run.text).toContain('aria-label="a starts at once; b after a; bad starts at once"');
    expect(run.text).not.toContain('secret');
  });

  test('shows what was filled in later, and what failed', async () => {
    const get = await open({
      '/': [{ later: { url: url('/later'), defer: true } }],
      '/no': [{ a: { url: url('/bad'), required: true } }],
    });
    const asked = backend.asked('/later');
    const page = get('/');
    // The response must not end before, or the call is given up.
    await asked.then((one) => one.reply(1));
    await page;
    await settled();
    await get('/no');
    expect((await get('/_mashup/runs/1')).text).toMatch(
      /later<\/strong> <span class="status success">success<\/span> <span class="mark">filled in later/,
    );
    expect((await get('/_mashup/')).text).toMatch(/<span class="fate failed">failed/);
  });

  test('keeps so many runs', async () => {
    const get = await open({ '/': [{ a: url('/a') }] }, { runs: 3 });
    for (let count = 0; count < 5; count++) await get('/');
    expect([...(await get('/_mashup/')).text.matchAll(/href="\/_mashup\/runs\/(\d+)"/g)].map(([, id]) => id)).toEqual([
      '5',
      '4',
      '3',
    ]);
    const gone = await get('/_mashup/runs/1');
    expect([gone.status, gone.text]).toEqual([404, expect.stringContaining('not kept any more')]);
  });

  test('shows the health of origins and the cache', async () => {
    const get = await open({ '/': [{ a: { url: url('/a'), cache: 60_000 } }] });
    await get('/');
    const { text } = await get('/_mashup/health');
    expect(text).toContain(backend.origin);
    expect(text).toContain('answered 1');
    expect(text).toMatch(/<dt>misses<\/dt><dd>1/);
  });

  test('shows markup in names, URLs, codes and items as text', async () => {
    const hostile = '<script>alert(1)</script>"\'';
    backend.answer(`/x/${encodeURIComponent(hostile)}`, 0, { status: 500 });
    const get = await open({
      '/:id': [{ a: url('/x/{params.id}'), all: { url: url('/x/{item}'), each: () => [hostile] } }],
    });
    await get(`/${encodeURIComponent(hostile)}?${encodeURIComponent(hostile)}=1`);
    for (const path of ['/_mashup/', '/_mashup/runs/1', '/_mashup/health']) {
      const { text } = await get(path);
      expect(text).not.toContain('<script>alert');
      expect(text.match(/<script/g)).toHaveLength(1);
    }
  });

  test('exports HAR with numbers everywhere, and the status 0 for no answer', async () => {
    const get = await open({
      '/': [
        {
          a: url('/a?x=secret'),
          b: { url: url('/b/{a.id}'), after: ['a'] },
          none: 'http://127.0.0.1:1/',
          post: { url: url('/a'), method: 'POST', data: 'secret' },
        },
      ],
    });
    backend.answer('/a?x=secret', { id: 7 });
    await get('/');
    await get('/');
    const all = await get('/_mashup/runs.har');
    expect(all.headers['content-disposition']).toMatch(/^attachment; filename="?runs\.har"?$/);
    expect(all.text).not.toContain('secret');
    const { log } = JSON.parse(all.text);
    expect(log).toMatchObject({ version: '1.2', creator: { name: 'express-mashup' } });
    expect(log.pages.map(({ id }: { id: string }) => id)).toEqual(['run-2', 'run-1']);
    const one = JSON.parse((await get('/_mashup/runs/1.har')).text).log;
    expect(one.pages).toHaveLength(1);
    expect(one.entries).toHaveLength(4);
    for (const { time, timings, request, response, startedDateTime, pageref } of one.entries) {
      expect(pageref).toBe('run-1');
      expect(new Date(startedDateTime).toISOString()).toBe(startedDateTime);
      expect(time).toBeGreaterThanOrEqual(0);
      for (const value of Object.values(timings)) expect(typeof value).toBe('number');
      const { blocked, send, wait, receive } = timings;
      expect(blocked + send + wait + receive).toBeCloseTo(time, 2);
      expect([request.headersSize, request.bodySize, response.headersSize, response.bodySize]).toEqual([
        -1, -1, -1, -1,
      ]);
      expect(JSON.stringify([request, response])).not.toContain('null');
    }
    const statuses = Object.fromEntries(
      one.entries.map((entry: { request: { url: string; method: string }; response: { status: number } }) => [
        `${entry.request.method} ${entry.request.url}`,
        entry.response.status,
      ]),
    );
    expect(statuses).toEqual({
      [`GET ${url('/a?x=…')}`]: 200,
      [`GET ${url('/b/7')}`]: 200,
      [`POST ${url('/a')}`]: 200,
      'GET http://127.0.0.1:1/': 0,
    });
  });

  test('gives commands and a fixture to copy, without secrets', async () => {
    backend.answer("/it's", 1);
    const get = await open({
      '/': [
        {
          a: { url: url("/it's"), auth: { username: 'u', password: 'secret' }, headers: { 'x-key': 'secret' } },
          post: { url: url('/bad'), method: 'POST', data: 'secret' },
          none: 'http://127.0.0.1:1/',
        },
      ],
    });
    await get('/');
    const { text } = await get('/_mashup/runs/1');
    expect(text).not.toContain('secret');
    const plain = text.replaceAll('&#39;', "'").replaceAll('&quot;', '"');
    expect(plain).toContain(`curl -sS '${url("/it'\\''s")}'`);
    expect(plain).toContain(`curl -sS -X POST '${url('/bad')}'`);
    expect(plain).toContain('"post": { status: 503 },');
    expect(plain).toContain('"none": { error: "ERR_UPSTREAM_CONNECT" },');
  });

  test('has no route that changes anything, and none for other paths', async () => {
    const get = await open({});
    expect((await get('/_mashup/other')).status).toBe(404);
    expect((await get('/_mashup/runs/x')).status).toBe(404);
    const app = express().use('/_mashup', made({ instance: mashup }));
    const origin = originOf(await listen(createServer(app)));
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await new Reader(`${origin}/_mashup/`, { method }).ended()).status).toBe(404);
    }
    expect((await new Reader(`${origin}/_mashup/`, { method: 'HEAD' }).ended()).status).toBe(200);
  });

  describe('may be looked at', () => {
    const environment = process.env['NODE_ENV'];
    afterEach(() => {
      process.env['NODE_ENV'] = environment;
    });
    const paths = ['/', '/health', '/runs.har', '/runs/1', '/runs/1.har', '/events', '/inspector.css', '/inspector.js'];

    test('by nobody in production', async () => {
      const get = await open({});
      process.env['NODE_ENV'] = 'production';
      for (const path of paths) expect([path, (await get(`/_mashup${path}`)).status]).toEqual([path, 404]);
    });

    test('elsewhere by this machine, and not through a proxy or by another name', async () => {
      const get = await open({});
      expect((await get('/_mashup/')).status).toBe(200);
      for (const headers of [
        { 'x-forwarded-for': '127.0.0.1' },
        { forwarded: 'for=127.0.0.1' },
        { host: 'evil.example.com' },
        { host: 'x' },
      ]) {
        for (const path of paths) expect([path, (await get(`/_mashup${path}`, headers)).status]).toEqual([path, 404]);
      }
      for (const host of ['localhost:3000', 'app.localhost', '[::1]:80', '127.0.0.1']) {
        expect((await get('/_mashup/', { host })).status).toBe(200);
      }
    });

    test.each<[string, InspectorOptions['allow'], number]>([
      ['says yes', () => true, 200],
      ['says yes later', async () => true, 200],
      ['says no', () => false, 404],
      ['says something else', () => 'yes' as never, 404],
      [
        'throws',
        () => {
          throw new Error('no');
        },
        404,
      ],
      ['rejects', () => Promise.reject(new Error('no')), 404],
    ])('in production where allow %s: %p, %d', async (_what, allow, status) => {
      const get = await open({}, { allow: allow as () => boolean });
      process.env['NODE_ENV'] = 'production';
      for (const path of paths.filter((one) => !one.startsWith('/runs/') && one !== '/events')) {
        expect([path, (await get(`/_mashup${path}`, { host: 'shop.example.com' })).status]).toEqual([path, status]);
      }
    });
  });
});

test('tells open lists of new runs, and of what ends later, as they come', async () => {
  const [, express] = expresses[0];
  const app = express().use('/_mashup', made({ instance: mashup }));
  app.get(
    '/',
    mashup({ a: url('/a'), later: { url: url('/later'), defer: true } }) as unknown as RequestHandler,
    (_req, res) => {
      res.write('begun');
      void (res.locals['later'] as Promise<unknown>).then(() => res.end());
    },
  );
  const origin = originOf(await listen(createServer(app)));
  const events = await new Reader(`${origin}/_mashup/events`).has(': open');
  expect(events.headers['content-type']).toBe('text/event-stream');
  const page = await new Reader(origin).has('begun');
  await events.has('<a href="/_mashup/runs/1">GET /</a>');
  const before = events.text.length;
  (await backend.asked('/later')).reply(1);
  await page.ended();
  await events.until(({ text }) => text.length > before && text.endsWith('\n\n'));
  for (const line of events.text.split('\n')) expect(line).toMatch(/^(?:|: .*|event: run|data: .*)$/);
  // More than this many are refused.
  const others = await Promise.all(
    Array.from({ length: 19 }, () => new Reader(`${origin}/_mashup/events`).has(': open')),
  );
  expect((await new Reader(`${origin}/_mashup/events`).ended()).status).toBe(503);
  others[0]?.leave();
  await settled();
  for (let status = 503; status === 503; ) {
    const reader = new Reader(`${origin}/_mashup/events`);
    await reader.until(({ status }) => status !== 0);
    status = reader.status;
  }
});

test('runs without a response are shown, too', async () => {
  const [, express] = expresses[0];
  const app = express().use('/_mashup', made({ instance: mashup }));
  const origin = originOf(await listen(createServer(app)));
  await mashup({ a: url('/a') }).run();
  expect((await new Reader(`${origin}/_mashup/`).ended()).text).toContain('RUN page.run()');
});

test('what is closed records nothing more', async () => {
  const [, express] = expresses[0];
  const one = made({ instance: mashup });
  const origin = originOf(await listen(createServer(express().use('/_mashup', one))));
  one.close();
  await mashup({ a: url('/a') }).run();
  expect((await new Reader(`${origin}/_mashup/`).ended()).text).toContain('No page has run yet');
});

test('wrong options are a config error', () => {
  const wrong = (options: unknown) => {
    try {
      inspector(options as never).close();
      return '';
    } catch (error) {
      return isConfigError(error) ? error.message : 'another error';
    }
  };
  expect(wrong({ instance: {}, allow: true, runs: 0, run: 1 })).toMatch(
    /options\.instance: expected a mashup.*options\.allow: expected a function.*options\.runs: expected a whole number.*options\.run: is not an option: did you mean 'runs'/s,
  );
  expect(wrong(null)).toContain('options: expected an object');
});
