import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import type { RequestHandler, Response } from 'express';
import { sendView } from '../../src/html/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { expresses, newMashup } from '../support/site.js';
import { filled, Reader, site } from './reader.js';

const views = fileURLToPath(new URL('views', import.meta.url));

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

describe.each(expresses)('sendView() on %s', (_name, express) => {
  /** A page of a deferred upstream, whose handler gets a promise of its own as well. */
  function open(handler: (res: Response) => void, options = {}): Promise<string> {
    const page = newMashup()(
      { reviews: { url: `${backend.origin}/reviews`, defer: true } },
      options,
    ) as unknown as RequestHandler;
    const withViews = () => express().set('views', views).set('view engine', 'ejs');
    return site(withViews, page, (_req, res) => {
      res.locals['title'] = '<T>';
      handler(res);
    });
  }
  const more = (value: PromiseLike<unknown>) => ({ view: 'reviews', value });

  test('renders the view with what stands in place of what is late, and the boxes as their data comes', async () => {
    const value = deferred<string[]>();
    const url = await open((res) =>
      sendView(res, 'city', { late: { reviews: 'reviews', more: more(value.promise) }, wait: 'waiting', nonce: 'n' }),
    );
    const reviews = backend.asked('/reviews');
    const reader = await new Reader(url).has('wait for');
    expect(reader.text).toMatch(
      /^<html><body><h1>&lt;T&gt;<\/h1><\?start name="m[^"]+"><i>wait for &lt;T&gt;<\/i><\?end>;/,
    );
    expect(reader.text).not.toContain('</body>');
    value.resolve(['<b>']);
    await reader.has('</template>');
    expect(reader.text).toContain('<script nonce="n">');
    (await reviews).reply(['<a>']);
    await reader.ended();
    expect(filled(reader.text)).toBe(
      '<html><body><h1>&lt;T&gt;</h1><ul><li>&lt;a&gt; &lt;T&gt;</li></ul>\n;<ul><li>&lt;b&gt; &lt;T&gt;</li></ul>\n</body></html>\n',
    );
  });

  test('renders a box without data where its call failed, and where it threw', async () => {
    backend.answer('/reviews', 0, { status: 500 });
    const url = await open((res) =>
      sendView(res, 'city', { late: { reviews: 'reviews', more: more(Promise.resolve('not a list, but letters')) } }),
    );
    const page = filled((await new Reader(url).ended()).text);
    expect(page).toContain('<ul></ul><p>error ERR_UPSTREAM_STATUS</p>');
    const broken = await open((res) => sendView(res, 'city', { late: { reviews: 'broken', more: 'broken' } }));
    const failing = await open((res) =>
      sendView(res, 'city', { late: { reviews: 'reviews', more: more(Promise.reject(new Error('no'))) } }),
    );
    expect(filled((await new Reader(failing).ended()).text)).toContain(';<ul></ul><p>error ERR_UPSTREAM_HOOK</p>');
    expect((await new Reader(broken).ended()).text).toMatch(/^failed: sendView: res.locals.more is no promise/);
  });

  test('leaves a box empty that throws with and without data, and goes on', async () => {
    backend.answer('/reviews', ['a']);
    const url = await open((res) =>
      sendView(res, 'city', { late: { reviews: 'reviews', more: { view: 'broken', value: Promise.resolve(1) } } }),
    );
    expect(filled((await new Reader(url).ended()).text)).toMatch(/<li>a .*<\/ul>\n;<\/body>/);
  });

  test('with order "in", renders the view when all its boxes have been', async () => {
    backend.answer('/reviews', ['a']);
    const value = deferred<string[]>();
    const url = await open((res) =>
      sendView(res, 'city', { late: { reviews: 'reviews', more: more(value.promise) }, wait: 'waiting', order: 'in' }),
    );
    const reader = new Reader(url);
    value.resolve(['b']);
    const { text } = await reader.ended();
    expect(text).toMatch(/<li>a .*<li>b /s);
    expect(text).not.toMatch(/<\?|<template|<script|wait/);
  });

  test('renders what is there already at its place', async () => {
    backend.answer('/reviews', ['a']);
    const url = await open(async (res) => {
      await res.locals['reviews'];
      sendView(res, 'city', { late: { reviews: 'reviews', more: more(res.locals['reviews']) }, wait: 'waiting' });
    });
    expect((await new Reader(url).ended()).text).toBe(
      `<html><body><h1>&lt;T&gt;</h1>${'<ul><li>a &lt;T&gt;</li></ul>\n;'.repeat(2).slice(0, -1)}</body></html>\n`,
    );
  });

  test('gives an error in a view to next(), and a view that is not there', async () => {
    backend.answer('/reviews', ['a']);
    for (const view of ['broken', 'absent']) {
      const reader = await new Reader(
        await open((res) => sendView(res, view, { late: { reviews: 'reviews' } })),
      ).ended();
      expect([reader.status, reader.end]).toEqual([500, 'whole']);
    }
    const waiting = await open((res) => sendView(res, 'city', { late: { reviews: 'reviews' }, wait: 'broken' }));
    expect((await new Reader(waiting).ended()).status).toBe(500);
  });

  test('finds what is deferred in "into" by its promise, and gives all views the locals', async () => {
    backend.answer('/reviews', ['a']);
    const url = await open(
      (res) =>
        sendView(res, 'city', {
          late: { reviews: { view: 'reviews', value: res.locals['page'].reviews }, more: more(Promise.resolve(['b'])) },
          locals: { title: 'mine' },
        }),
      { into: 'page' },
    );
    expect(filled((await new Reader(url).ended()).text)).toMatch(/<h1>mine<.*<li>a mine<.*<li>b mine</s);
  });

  test('does not send a part for which the view has no place', async () => {
    const url = await open((res) =>
      sendView(res, 'waiting', { late: { more: { view: 'reviews', value: Promise.resolve(['a']) } } }),
    );
    expect((await new Reader(url).ended()).text).toBe('<i>wait for &lt;T&gt;</i>');
  });

  test('tells the tenth part from the first', async () => {
    const late = Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`p${at}`, more(Promise.resolve([`row ${at}`]))]),
    );
    const url = await open((res) => sendView(res, 'tenth', { late }));
    const { text } = await new Reader(url).ended();
    expect(filled(text)).toBe('<body><ul><li>row 10 &lt;T&gt;</li></ul>\n</body>\n');
    expect(text.match(/<template /g)).toHaveLength(1);
  });

  test('gives a view that escapes what it prints for a part to next()', async () => {
    const url = await open((res) => sendView(res, 'escaping', { late: { reviews: 'reviews' } }));
    expect((await new Reader(url).ended()).text).toBe(
      "failed: sendView: the view 'escaping' escapes late.reviews: it has to print it as it stands",
    );
  });

  test('renders nothing for HEAD', async () => {
    const url = await open((res) => sendView(res, 'absent', { late: { reviews: 'reviews' } }));
    const reader = await new Reader(url, { method: 'HEAD' }).ended();
    expect([reader.status, reader.text]).toEqual([200, '']);
  });
});
