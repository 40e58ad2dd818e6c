import request, { type Response } from 'supertest';
import type { Mashup, OriginStats, Outcome, PageOptions, UpstreamMap } from '../../src/index.js';
import { type Asked, type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

function instance(perOrigin: number, queue = 100): Mashup {
  const limits = { perOrigin, queue };
  const mashup = mashupWith({ clock: site.clock, limits });
  closeLater(() => mashup.close());
  return mashup;
}

let pages = 0;

/** A page; to call it is to ask for it. */
function page(mashup: Mashup, upstreams: UpstreamMap, options: PageOptions = {}): () => Promise<Response> {
  const path = `/page${++pages}`;
  site.app.get(path, mashup(upstreams, options), (_req, res) => void res.json(res.locals));
  return () =>
    request(site.origin)
      .get(path)
      .then((response) => response);
}

function numbered(count: number, from = 0): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`u${from + at}`, url(`/${from + at}`)]));
}

const statsOf = (mashup: Mashup, origin = backend.origin): Partial<OriginStats> => mashup.stats().origins[origin] ?? {};

/** Waits until an origin's numbers are these. */
async function until(mashup: Mashup, inFlight: number, queued: number, origin = backend.origin): Promise<void> {
  for (let stats = statsOf(mashup, origin); stats.inFlight !== inFlight || stats.queued !== queued; ) {
    await settled();
    stats = statsOf(mashup, origin);
  }
}

const outcomes = async (visit: Promise<Response>): Promise<Record<string, Outcome>> => (await visit).body.mashup;

/** Answers two requests for a path, each when it has come, and never more than one in a turn of the event loop. */
async function answerTwice(path: string): Promise<void> {
  for (let left = 2; left > 0; left--) {
    const asked = await backend.asked(path);
    await settled();
    asked.reply(1);
  }
}

describe('perOrigin', () => {
  test('bounds what is in flight over all pages and runs; all are done in the end', async () => {
    const mashup = instance(3);
    const open = [page(mashup, numbered(4)), page(mashup, numbered(4, 4), { concurrency: 2 })];
    const visits = [...open, ...open].map((ask) => ask());
    // Of the 13 others, four wait in the lines of their runs.
    await until(mashup, 3, 9);
    for (const at of [0, 1, 2, 3, 4, 5, 6, 7]) void answerTwice(`/${at}`);
    for (const { body } of await Promise.all(visits))
      expect(Object.values(body).filter((data) => data === 1)).toHaveLength(4);
    expect(backend.most).toBe(3);
    expect(statsOf(mashup)).toMatchObject({ inFlight: 0, queued: 0, outcomes: { answered: 16 } });
  });

  test('is 128 by default, and 1024 more wait', async () => {
    const { mashup } = site;
    const visit = page(mashup, numbered(130), { concurrency: 200 })();
    await until(mashup, 128, 2);
    while (backend.inFlight < 128) await settled();
    for (let at = 0; at < 130; at++) void backend.asked(`/${at}`).then((asked) => asked.reply(at));
    expect(Object.values(await outcomes(visit)).every(({ status }) => status === 'success')).toBe(true);
    expect(backend.most).toBe(128);
  });

  test('serves those who wait in the order they came', async () => {
    const mashup = instance(1);
    const visits: Promise<Response>[] = [];
    for (let at = 0; at < 6; at++) {
      visits.push(page(mashup, numbered(1, at))());
      await until(mashup, 1, at);
    }
    for (let at = 0; at < 6; at++) (await backend.asked(`/${at}`)).reply(at);
    await Promise.all(visits);
    expect(backend.seen).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
    expect(backend.most).toBe(1);
  });

  test('is each instance its own', async () => {
    const visits = [instance(1), instance(1)].map((mashup) => page(mashup, { a: url('/a') })());
    const asked = [await backend.asked('/a'), await backend.asked('/a')];
    expect(backend.most).toBe(2);
    for (const one of asked) one.reply(1);
    await Promise.all(visits);
  });

  test.each([
    ['fails', (asked: Asked) => asked.reply('no', { status: 500 })],
    ['is refused for its size', (asked: Asked) => asked.reply(1, { headers: { 'content-length': '99999999' } })],
    ['is late', () => site.clock.advance(100)],
  ])('an attempt that %s gives its place to the next', async (_how, end) => {
    const mashup = instance(1);
    const visit = page(mashup, { a: { url: url('/a'), attemptTimeout: 100 }, b: url('/b') })();
    const a = await backend.asked('/a');
    end(a);
    (await backend.asked('/b')).reply(2);
    expect(await outcomes(visit)).toMatchObject({ a: { status: 'error' }, b: { status: 'success' } });
    expect(statsOf(mashup)).toMatchObject({ inFlight: 0, queued: 0 });
  });

  test('a back-off holds no place', async () => {
    const mashup = instance(1);
    const visit = page(mashup, { a: { url: url('/a'), retry: true }, b: url('/b') })();
    (await backend.asked('/a')).reply('no', { status: 503, headers: { 'retry-after': '1' } });
    (await backend.asked('/b')).reply(2);
    await until(mashup, 0, 0);
    site.clock.advance(1000);
    (await backend.asked('/a')).reply(1);
    expect((await visit).body).toMatchObject({ a: 1, b: 2 });
  });

  test('what waits is aborted at the deadline, and was never sent', async () => {
    const mashup = instance(1);
    const visit = page(mashup, numbered(3), { deadline: 500 })();
    const first = await backend.asked('/0');
    await until(mashup, 1, 2);
    site.clock.advance(500);
    expect(Object.values(await outcomes(visit)).map(({ attempts, timings }) => [attempts, timings.started])).toEqual([
      [1, 0],
      [0, null],
      [0, null],
    ]);
    expect(statsOf(mashup)).toMatchObject({ inFlight: 0, queued: 0 });
    await first.closed;
    expect(backend.seen).toEqual(['/0']);
  });
});

describe('a queue that is full', () => {
  test('fails the next call at once, and says of which origin, how many are in flight and how many wait', async () => {
    const mashup = instance(2, 1);
    const visit = page(mashup, numbered(4))();
    const asked = [await backend.asked('/0'), await backend.asked('/1')];
    await until(mashup, 2, 1);
    for (const one of asked) one.reply(1);
    (await backend.asked('/2')).reply(1);
    const { u2, u3 } = await outcomes(visit);
    expect(u2?.status).toBe('success');
    expect(u3).toMatchObject({
      status: 'error',
      error: {
        code: 'ERR_UPSTREAM_OVERLOAD',
        status: 503,
        attempts: 0,
        message: `upstream 'u3': 2 requests to ${backend.origin} are in flight and 1 more are waiting already (GET ${url('/3')})`,
      },
      attempts: 0,
      timings: { started: null, firstByte: null, ended: 0 },
    });
    expect(backend.seen).toHaveLength(3);
  });

  test('is not filled by a few large pages: of a run, no more calls wait at an origin than it has slots', async () => {
    const mashup = instance(1, 4);
    const upstreams = numbered(9);
    for (const path of Object.keys(upstreams)) backend.answer(`/${path.slice(1)}`, 1);
    const ask = page(mashup, upstreams, { concurrency: 2 });
    for (const visit of [ask(), ask()]) {
      expect(Object.values(await outcomes(visit)).map(({ status }) => status)).toEqual(Array(9).fill('success'));
    }
    expect(backend.most).toBe(1);
    expect(statsOf(mashup)).toMatchObject({ inFlight: 0, queued: 0, outcomes: { answered: 18 } });
  });

  test('makes the page a 503 where the call is required', async () => {
    const mashup = instance(1, 0);
    const first = page(mashup, { a: url('/a') })();
    const a = await backend.asked('/a');
    const { status } = await page(mashup, { a: { url: url('/b'), required: true } })();
    expect(status).toBe(503);
    a.reply(1);
    expect((await first).body.a).toBe(1);
  });

  test('is one that can be left: who gives up makes room', async () => {
    const mashup = instance(1, 1);
    const first = page(mashup, { a: url('/a') })();
    const a = await backend.asked('/a');
    const second = page(mashup, { b: { url: url('/b'), timeout: 100 } })();
    await until(mashup, 1, 1);
    site.clock.advance(100);
    expect(statsOf(mashup).queued).toBe(0);
    expect((await outcomes(second))['b']).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' }, attempts: 0 });
    const third = page(mashup, { c: url('/c') })();
    await until(mashup, 1, 1);
    a.reply(1);
    (await backend.asked('/c')).reply(3);
    expect((await third).body.c).toBe(3);
    await first;
    expect(backend.seen).toEqual(['/a', '/c']);
  });
});
