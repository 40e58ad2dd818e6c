import axios from 'axios';
import type { RequestHandler, Response } from 'express';
import { fragmentAssets, html, late, raw, send } from '../../src/html/index.js';
import type { Outcome, UpstreamMap } from '../../src/index.js';
import { lines, problemsOf } from '../config/problems.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, newMashup } from '../support/site.js';
import { filled, Reader, site } from './reader.js';

let upstream: Recorder;
/** Of each path: the type, the body and the Link header of its answer. */
let answers: Record<string, [type: string, body: string, link?: string | string[]]>;

beforeEach(async () => {
  answers = { '/nav': ['text/html', '<nav>ö</nav>', '</nav.css>; rel=stylesheet'] };
  upstream = await startUpstream((response, { url }) => {
    const [type, body, link = []] = answers[url] ?? ['text/html', ''];
    response.writeHead(url === '/bad' ? 500 : 200, { 'content-type': type, link }).end(body);
  });
});
afterEach(closeAll);

const fragment = (path: string) => ({ url: upstream.origin + path, fragment: true }) as const;

describe.each([
  ['', undefined],
  ['by an axios instance, ', axios.create()],
])('%sa fragment', (_name, axios) => {
  const run = async (map: UpstreamMap) => await newMashup(axios && { axios })(map).run();

  test('is asked for as HTML, and is a string', async () => {
    const { data } = await run({ nav: fragment('/nav') });
    expect(data['nav']).toBe('<nav>ö</nav>');
    expect(upstream.sent[0]?.headers.accept).toBe('text/html');
  });

  test('keeps the Accept that the page sets', async () => {
    await run({ nav: { ...fragment('/nav'), headers: { Accept: 'text/html+part' } } });
    expect(upstream.sent[0]?.headers.accept).toBe('text/html+part');
  });

  test.each([
    ['application/json', '"<b>"'],
    ['text/plain', '<b>'],
    ['image/svg+xml', '<svg>'],
    ['', '<b>'],
  ])('that is of the type "%s" is an error', async (type, body) => {
    answers['/x'] = [type, body];
    const { outcomes } = await run({ x: fragment('/x') });
    expect((outcomes['x'] as Outcome).error).toMatchObject({
      code: 'ERR_UPSTREAM_BODY',
      message: expect.stringContaining('its body is not HTML by its Content-Type'),
    });
  });

  test('of XHTML or of nothing is none', async () => {
    answers['/x'] = ['application/xhtml+xml', '<b/>'];
    answers['/empty'] = ['application/json', ''];
    const { data, outcomes } = await run({ empty: fragment('/empty') });
    expect([data['empty'] ?? '', (outcomes['empty'] as Outcome).status]).toEqual(['', 'success']);
  });

  test('can be changed by transformResponse', async () => {
    const { data } = await run({
      nav: { ...fragment('/nav'), transformResponse: (text: string) => text.toUpperCase() },
    });
    expect(data['nav']).toBe('<NAV>Ö</NAV>');
  });
});

test('the options of a fragment are checked', () => {
  expect(lines(problemsOf({ a: { url: 'http://a.example.com/', fragment: true, responseType: 'json' } }))).toEqual([
    'a.responseType: of a fragment is text: drop one of them',
  ]);
  expect(lines(problemsOf({ a: { url: 'http://a.example.com/', fragment: 1 } }))).toEqual([
    'a.fragment: expected true or false, but was given 1',
  ]);
  expect(problemsOf({ a: { url: 'http://a.example.com/', fragment: true, responseType: 'text' } })).toEqual([]);
});

describe.each(expresses)('fragmentAssets() on %s', (_name, express) => {
  const open = (map: UpstreamMap, handler: (res: Response) => void) =>
    site(express, newMashup()(map) as unknown as RequestHandler, (_req, res) => handler(res));
  const ask = async (map: UpstreamMap, options?: { nonce: string }) => {
    const url = await open(map, (res) => send(res, html`${fragmentAssets(res, options)}`));
    return (await new Reader(url).ended()).text.replaceAll(upstream.origin, 'ORIGIN');
  };

  test('gives what Link headers name, each once, in the order of the upstreams', async () => {
    answers['/a'] = [
      'text/html',
      'a',
      [
        '<x.css>; rel=stylesheet; media="print & \\"more\\""; onload=alert(1), <https://cdn.example.com/m.js>; rel=modulepreload; crossorigin',
        '<f.woff2>; rel=preload; as=font; crossorigin=anonymous; type="font/woff2", <s.js>; rel=script; integrity=sha256-x; as=script',
        '<m.js>; rel=script; type=module, <s.js>; rel=script; type=text/plain',
      ],
    ];
    answers['/b'] = ['text/html', 'b', '</x.css>; rel="stylesheet next", <y.css?a=1&b="2">; rel=stylesheet'];
    expect(await ask({ a: fragment('/a'), b: fragment('/b') })).toBe(
      '<link rel="stylesheet" href="ORIGIN/x.css" media="print &amp; &quot;more&quot;">' +
        '<link rel="modulepreload" href="https://cdn.example.com/m.js" crossorigin="">' +
        '<link rel="preload" href="ORIGIN/f.woff2" as="font" type="font/woff2" crossorigin="anonymous">' +
        '<script defer src="ORIGIN/s.js" integrity="sha256-x"></script>' +
        '<script defer src="ORIGIN/m.js" type="module"></script>' +
        '<link rel="stylesheet" href="ORIGIN/y.css?a=1&amp;b=%222%22">',
    );
  });

  test('gives nothing of other upstreams, of failures and fallbacks, and of links that are none for the page', async () => {
    answers['/api'] = ['application/json', '{}', '</evil.js>; rel=script'];
    answers['/bad'] = ['text/html', 'x', '</evil.js>; rel=script'];
    answers['/odd'] = [
      'text/html',
      'x',
      '<javascript:alert(1)>; rel=script, <data:text/javascript,1>; rel=script, <//[>; rel=script, <a>; rel=next, <b.js>; rel=script; anchor="/other"',
    ];
    const map = {
      api: `${upstream.origin}/api`,
      bad: fragment('/bad'),
      fallback: { ...fragment('/bad'), fallback: '<p>' },
      odd: fragment('/odd'),
      skipped: { ...fragment('/nav'), when: () => false },
    };
    expect(await ask(map)).toBe('');
  });

  test('gives those of a fan-out, and of a page without fragments none', async () => {
    const map = { all: { url: `${upstream.origin}{item}`, each: () => ['nav', 'nav', 'none'], fragment: true } };
    answers['/none'] = ['text/html', ''];
    map.all.url = `${upstream.origin}/{item}`;
    expect(await ask(map)).toBe('<link rel="stylesheet" href="ORIGIN/nav.css">');
    expect(await ask({ api: `${upstream.origin}/nav` })).toBe('');
  });

  test('gives what is deferred with the part that shows it, and nothing twice', async () => {
    answers['/late'] = ['text/html', '<p>late</p>', '</nav.css>; rel=stylesheet, </late.css>; rel=stylesheet'];
    const url = await open({ nav: fragment('/nav'), slow: { ...fragment('/late'), defer: true } }, (res) =>
      send(
        res,
        html`<head>${fragmentAssets(res)}${fragmentAssets(res)}</head><body>${late(
          res.locals['slow'] as Promise<string>,
          {
            ok: (markup) => html`${fragmentAssets(res)}${raw(markup)}`,
          },
        )}</body>`,
      ),
    );
    expect(filled((await new Reader(url).ended()).text).replaceAll(upstream.origin, '')).toBe(
      '<head><link rel="stylesheet" href="/nav.css"></head><body><link rel="stylesheet" href="/late.css"><p>late</p></body>',
    );
  });

  test('gives a nonce to what runs or styles, and is text in any view', async () => {
    answers['/a'] = ['text/html', 'a', '<s.js>; rel=script, <x.css>; rel=stylesheet, <f>; rel=preload; as=font'];
    expect(await ask({ a: fragment('/a') }, { nonce: '"n' })).toBe(
      '<script defer src="ORIGIN/s.js" nonce="&quot;n"></script><link rel="stylesheet" href="ORIGIN/x.css" nonce="&quot;n"><link rel="preload" href="ORIGIN/f" as="font">',
    );
    const url = await open({ a: fragment('/nav') }, (res) => res.send(`${fragmentAssets(res)}`));
    expect((await new Reader(url).ended()).text).toBe(`<link rel="stylesheet" href="${upstream.origin}/nav.css">`);
  });

  test('gives links that can be sent as early hints', async () => {
    answers['/a'] = [
      'text/html',
      'a',
      '<s.js>; rel=script, <m.js>; rel=script; type=module, <x.css>; rel=stylesheet; crossorigin=use-credentials, <f>; rel=preload; as=font; crossorigin, <g>; rel=preload; as="a b", <h>; rel=preload',
    ];
    let links: readonly string[] = [];
    const url = await open({ a: fragment('/a') }, (res) => {
      const assets = fragmentAssets(res);
      links = assets.links;
      res.writeEarlyHints({ link: [...links] });
      send(res, html`${assets}`);
    });
    expect((await new Reader(url).ended()).text).toContain('<link rel="stylesheet"');
    expect(links.map((link) => link.replace(upstream.origin, ''))).toEqual([
      '</s.js>; rel=preload; as=script',
      '</m.js>; rel=modulepreload',
      '</x.css>; rel=preload; as=style; crossorigin=use-credentials',
      '</f>; rel=preload; as=font; crossorigin',
    ]);
  });
});
