import { createServer } from 'node:http';
import { jest } from '@jest/globals';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { type HtmlValue, html, late, raw, type SendOptions, send } from '../../src/html/index.js';
import type { Outcome } from '../../src/index.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { expresses, newMashup } from '../support/site.js';
import { filled, Reader, site } from './reader.js';

let backend: Backend;
let warnings: string[];

beforeEach(async () => {
  backend = await startBackend();
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((warning: unknown) => {
    warnings.push(String(warning));
  });
});
afterEach(async () => {
  await closeAll();
  jest.restoreAllMocks();
});

describe.each(expresses)('send() on %s', (name, express) => {
  const open = (...handlers: RequestHandler[]) => site(express, ...handlers);
  /** Sends this for each request. */
  const page = (make: () => ReturnType<typeof html>, options?: SendOptions) =>
    open((_req, res) => send(res, make(), options));
  test('sends a page without late parts as res.send() does: with its length and an ETag', async () => {
    const url = await page(() => html`<p>${'ö'}</p>`);
    const { status, headers, text } = await new Reader(url).ended();
    expect([status, text]).toEqual([200, '<p>ö</p>']);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-length': '9' });
    expect(headers).not.toHaveProperty('x-accel-buffering');
    const again = await new Reader(url, { headers: { 'if-none-match': headers.etag ?? '' } }).ended();
    expect(again.status).toBe(304);
  });

  test('sends a page at once, and fills in what is late, in the order in which it comes', async () => {
    const [a, b] = [deferred<string>(), deferred<string>()];
    const url = await page(
      () => html`<html><body>[${late(a.promise, { wait: 'wait a', ok: (data) => html`<b>${data}</b>` })}]
[${late(b.promise, { wait: html`<i>${'wait b'}</i>`, ok: (data) => data })}]</body></html>`,
    );
    const reader = await new Reader(url).has('wait b</i><?end>]');
    expect(reader.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'x-accel-buffering': 'no' });
    const [start, end] = ['<\\?start name="m[\\w-]{12}-', '">'];
    expect(reader.text).toMatch(
      new RegExp(`^<html><body>\\[${start}0${end}wait a<\\?end>\\]\n\\[${start}1${end}<i>wait b</i><\\?end>\\]$`),
    );
    b.resolve('&');
    await reader.has('&amp;</template><wbr>');
    expect(reader.text).toMatch(/\]<script>.*<\/script><template for="m[\w-]{12}-1">&amp;<\/template><wbr>$/);
    a.resolve('A');
    await reader.ended();
    expect(reader.text).toMatch(/<template for="m[\w-]{12}-0"><b>A<\/b><\/template><wbr><\/body><\/html>$/);
    expect(reader.text.match(/<script/g)).toHaveLength(1);
    expect(filled(reader.text)).toBe('<html><body>[<b>A</b>]\n[&amp;]</body></html>');
  });

  test('gives places other names each time', async () => {
    const url = await page(() => html`${late(Promise.resolve(''), { ok: () => '' })}`);
    const names = new Set<string>();
    for (let count = 0; count < 20; count++) {
      const { text } = await new Reader(url).ended();
      names.add(/<\?start name="([^"]+)">/.exec(text)?.[1] ?? '');
    }
    expect(names.size).toBe(20);
  });

  test('fills a place in a part after the part itself, even if its data was there before', async () => {
    const [outer, inside] = [deferred(), deferred<string>()];
    const url = await page(
      () =>
        html`<p>${late(Promise.resolve(), {
          ok: () => html`${late(Promise.resolve('inner'), { ok: (data) => data })} ${inside.promise}`,
        })}</p>${late(outer.promise, { ok: () => 'other' })}`,
    );
    const reader = await new Reader(url).has('<?end></p>');
    outer.resolve();
    await reader.has('other</template>');
    inside.resolve('said');
    await reader.ended();
    expect(reader.text.indexOf('said')).toBeLessThan(reader.text.indexOf('inner'));
    expect(filled(reader.text)).toBe('<p>inner said</p>other');
  });

  test('waits for the promises in a page and in a part, in order', async () => {
    const value = deferred<HtmlValue>();
    const url = await page(
      () =>
        html`<p class="${Promise.resolve('"')}" title="a ${Promise.resolve('b')}">${Promise.resolve(html`<i>1</i>`)}${[
          Promise.resolve('<'),
        ]}</p><a href="${Promise.resolve('java')}${Promise.resolve('script:x')}">${value.promise}</a>`,
    );
    const reader = await new Reader(url).has('<a href=');
    expect(reader.end).toBeNull();
    value.resolve([Promise.resolve(raw('<b>'))]);
    expect((await reader.ended()).text).toBe(
      '<p class="&quot;" title="a b"><i>1</i>&lt;</p><a href="about:invalidscript:x"><b></a>',
    );
  });

  test('with order "in", waits for what is late at its place, without names, templates and scripts', async () => {
    const [a, b] = [deferred<string>(), deferred<string>()];
    const url = await page(
      () =>
        html`<p>${late(a.promise, { wait: 'wait', ok: (data) => html`${data} ${late(b.promise, { ok: (x) => x })}` })}</p>`,
      { order: 'in' },
    );
    const reader = await new Reader(url).has('<p>');
    expect(reader.text).toBe('<p>');
    a.resolve('A');
    b.resolve('B');
    expect((await reader.ended()).text).toBe('<p>A B</p>');
  });

  test('gives the nonce to its script, escaped', async () => {
    const url = await page(() => html`${late(Promise.resolve(1), { ok: String })}`, { nonce: 'a"b' });
    expect((await new Reader(url).ended()).text).toContain('<script nonce="a&quot;b">(()');
  });

  test.each([
    ["default-src 'none'", false],
    ["script-src 'nonce-x'", false],
    ["script-src 'unsafe-inline'", true],
    ['the hash', true],
  ])('without a nonce, sends no script that the policy forbids: %s', async (policy, isSent) => {
    const { fillerHash } = await import('../../src/html/index.js');
    const url = await open((_req, res) => {
      res.set('Content-Security-Policy', policy === 'the hash' ? `script-src ${fillerHash}` : policy);
      send(res, html`${late(Promise.resolve(1), { ok: String })}`);
    });
    const { text } = await new Reader(url).ended();
    expect(text).toContain('>1</template>');
    expect(text.includes('<script>')).toBe(isSent);
  });

  test('shows what an upstream gave, what it fell back to, and where it failed or was skipped', async () => {
    backend.answer('/ok', { n: '<1>' });
    for (const path of ['/bad', '/fallback']) backend.answer(path, 0, { status: 500 });
    const url = (path: string) => backend.origin + path;
    const middleware = newMashup()({
      ok: { url: url('/ok'), defer: true },
      bad: { url: url('/bad'), defer: true },
      fallback: { url: url('/fallback'), defer: true, fallback: 'instead' },
      skipped: { url: url('/ok'), defer: true, when: () => false },
    }) as unknown as RequestHandler;
    const page = await open(middleware, (_req, res) => {
      const show = (name: string) =>
        late(res.locals[name] as Promise<unknown>, {
          ok: (data, outcome) => html`${name} ok ${JSON.stringify(data)} ${(outcome as Outcome).status}`,
          fail: ({ name, status, error }) => html`${name} failed ${status} ${error?.code}`,
        });
      send(res, html`${['ok', 'bad', 'fallback', 'skipped'].map((name) => [show(name), ';'])}`);
    });
    expect(filled((await new Reader(page).ended()).text)).toBe(
      'ok ok {&quot;n&quot;:&quot;&lt;1&gt;&quot;} success;bad failed error ERR_UPSTREAM_STATUS;' +
        'fallback ok &quot;instead&quot; fallback;skipped failed skipped ;',
    );
    expect(warnings).toEqual([]);
  });

  test('prints what is there already at its place, and what is late inside it later', async () => {
    backend.answer('/quick', 1);
    const middleware = newMashup()({
      quick: { url: `${backend.origin}/quick`, defer: true },
    }) as unknown as RequestHandler;
    const page = await open(middleware, async (_req, res) => {
      const value = res.locals['quick'] as Promise<number>;
      await value;
      const inner = late(Promise.resolve('inner'), { ok: (text) => text });
      send(res, html`<body>${late(value, { wait: 'wait', ok: (data) => html`<i>${data}</i>${inner}` })}</body>`);
    });
    const { text } = await new Reader(page).ended();
    expect(text).toMatch(/^<body><i>1<\/i><\?start/);
    expect(filled(text)).toBe('<body><i>1</i>inner</body>');
  });

  test('shows the failure of a part whose rendering throws, or whose promise is rejected, and goes on', async () => {
    const bad = {
      ok: (): HtmlValue => {
        throw new Error('no ok');
      },
    };
    const failing = () => {
      throw new Error('no fail');
    };
    const fail = ({ error }: Outcome) => html`<i>${error?.message}</i>`;
    const value = Promise.resolve(1);
    const url = await page(
      () =>
        html`${late(value, { ...bad, fail })};${late(value, bad)};${late(value, { ...bad, fail: failing })};${late(
          Promise.reject(new Error('rejected')),
          { ok: String, fail },
        )};${late(value, { ok: () => Promise.reject(new Error('inside')), fail })};${late(value, {
          ok: () => html`${late(Promise.reject(new Error('lost')), bad)}<p title="${html`` as never}">`,
          fail,
        })};${late(value, { ok: String })}`,
    );
    const { text, end } = await new Reader(url).ended();
    expect(end).toBe('whole');
    expect(filled(text)).toBe(
      '<i>what shows its data threw Error: no ok</i>;;;<i>what shows its data threw Error: rejected</i>;' +
        '<i>what shows its data threw Error: inside</i>;<i>what shows its data threw TypeError: html: a template cannot be ' +
        'the value of an attribute: give its text</i>;1',
    );
  });

  test('gives an error of the page to next(), where nothing has been sent', async () => {
    for (const make of [
      () => html`<p title="${html`` as never}">`,
      () => html`<p>${Promise.reject(new Error('rejected'))}</p>`,
      () => {
        throw new Error('made');
      },
    ]) {
      const reader = await new Reader(await open((_req, res) => send(res, make()))).ended();
      expect([reader.status, reader.end]).toEqual([500, 'whole']);
      expect(reader.text).toMatch(/^failed: /);
    }
  });

  test('cuts the response at an error after something was sent', async () => {
    const value = deferred<string>();
    const reader = await new Reader(await page(() => html`<p>${value.promise}</p></body>`)).has('<p>');
    value.reject(new Error(`late on ${name}`));
    await reader.ended();
    expect([reader.text, reader.end]).toEqual(['<p>', 'cut']);
    expect(warnings).toEqual([`express-mashup: rendering a page threw Error: late on ${name}`]);
  });

  test('sends one page for a response: a second one throws, and touches nothing', async () => {
    const thrown: unknown[] = [];
    const value = deferred<string>();
    const url = await open((_req, res) => {
      send(res, html`<body>${late(value.promise, { ok: String })}</body>`);
      try {
        send(res, html`<p>second</p>`);
      } catch (error) {
        thrown.push(error);
      }
      value.resolve('first');
    });
    expect(filled((await new Reader(url).ended()).text)).toBe('<body>first</body>');
    const ended = await open((_req, res) => {
      res.send('sent');
      send(res, html`<p>second</p>`);
    });
    expect((await new Reader(ended).ended()).text).toBe('sent');
    expect(thrown).toEqual([new Error('the response has been sent already')]);
  });

  test('lets the handler of its error send a page', async () => {
    const app = express();
    app.get('/', (_req, res) => send(res, html`<p>${Promise.reject(new Error('no'))}</p>`));
    app.use(((error, _req, res, _next) => send(res, html`<p>${error.message}</p>`)) as ErrorRequestHandler);
    const { text } = await new Reader(originOf(await listen(createServer(app)))).ended();
    expect(text).toBe('<p>no</p>');
  });

  test('renders nothing for HEAD and 304, and ends what is deferred', async () => {
    let rendered = 0;
    const middleware = newMashup()({
      slow: { url: `${backend.origin}/slow`, defer: true },
    }) as unknown as RequestHandler;
    let asked = backend.asked('/slow');
    const url = await open(middleware, async (req, res) => {
      await asked;
      if (req.query['known'] !== undefined) res.status(304);
      const value = res.locals['slow'] as Promise<unknown>;
      send(res, html`${late(value, { ok: () => `${rendered++}` })}${Promise.reject(new Error('unused'))}`);
    });
    for (const [path, method, status] of [
      ['/', 'HEAD', 200],
      ['/?known', 'GET', 304],
    ] as const) {
      const reader = await new Reader(url + path, { method }).ended();
      expect([reader.status, reader.text]).toEqual([status, '']);
      await (await asked).closed;
      asked = backend.asked('/slow');
    }
    expect(rendered).toBe(0);
  });

  test('ends what is deferred when the client leaves, and writes nothing more', async () => {
    const middleware = newMashup()({
      slow: { url: `${backend.origin}/slow`, defer: true },
    }) as unknown as RequestHandler;
    const errors: unknown[] = [];
    const seen = deferred<Outcome>();
    const url = await open(middleware, (_req, res) => {
      res.on('error', (error) => errors.push(error));
      send(
        res,
        html`begun ${late(res.locals['slow'] as Promise<unknown>, {
          ok: String,
          fail: (outcome) => {
            seen.resolve(outcome);
            return 'failed';
          },
        })}`,
      );
      void (res.locals['slow'] as Promise<unknown>).then(() => seen.resolve(res.locals['mashup'].slow));
    });
    const slow = backend.asked('/slow');
    const reader = await new Reader(url).has('begun');
    const { closed } = await slow;
    reader.leave();
    await closed;
    expect((await seen.promise).error?.code).toBe('ERR_UPSTREAM_CANCELED');
    await settled();
    expect(errors).toEqual([]);
  });

  test('writes nothing after the end that somebody else has made', async () => {
    const value = deferred<string>();
    const errors: unknown[] = [];
    const url = await open((_req, res) => {
      res.on('error', (error) => errors.push(error));
      send(res, html`begun ${late(value.promise, { ok: String })}`);
      setImmediate(() => res.end('ended'));
    });
    const reader = await new Reader(url).ended();
    value.resolve('late');
    await settled();
    expect(reader.text).toMatch(/ended$/);
    expect(errors).toEqual([]);
  });

  test('goes on after what the handler has written itself', async () => {
    const url = await open((_req, res) => {
      res.type('html').write('<!doctype html>');
      send(res, html`<p>${'a'}</p>`);
    });
    expect((await new Reader(url).ended()).text).toBe('<!doctype html><p>a</p>');
  });

  test('sends a large page in pieces, with every character whole', async () => {
    const text = '😀'.repeat(100_000);
    const url = await page(() => html`<body>a${text}${late(Promise.resolve(text), { ok: (data) => data })}</body>`);
    const page_ = filled((await new Reader(url).ended()).text);
    expect(page_ === `<body>a${text}${text}</body>`).toBe(true);
    const rows = Array.from({ length: 50_000 }, (_, at) => html`<i>${at}😀</i>`);
    const many = await new Reader(await page(() => html`<body>${rows}</body>`)).ended();
    expect(many.text === `<body>${rows.join('')}</body>`).toBe(true);
  });

  test('keeps a header that the handler set, and its status', async () => {
    const url = await open((_req, res) => {
      res.status(503).set({ 'Content-Type': 'application/xhtml+xml', 'X-Accel-Buffering': 'yes' });
      send(res, html`${late(Promise.resolve(1), { ok: String })}`);
    });
    const { status, headers } = await new Reader(url).ended();
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'content-type': expect.stringContaining('xhtml'), 'x-accel-buffering': 'yes' });
  });
});
