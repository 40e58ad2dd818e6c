import { createServer, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { RequestHandler, Response } from 'express';
import { type Mashup, multiGet, type Outcome, type UpstreamMap } from '../../src/index.js';
import { lines, problemsOf } from '../config/problems.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { expresses } from '../support/site.js';

let backend: Backend;
let clock: ManualClock;
let mashup: Mashup;

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
  mashup = mashupWith({ clock });
  closeLater(() => mashup.close());
});
afterEach(closeAll);

const url = (path: string) => backend.origin + path;
const outcomesOf = (outcomes: unknown) => outcomes as Record<string, Outcome>;

describe('without a response', () => {
  test('a run does not wait for what is deferred: its data is a promise, its outcome is pending and then filled in', async () => {
    backend.answer('/a', 1);
    const page = mashup({ a: url('/a'), slow: { url: url('/late'), defer: true } });
    const { data, outcomes } = await page.run();
    expect(data.a).toBe(1);
    const outcome = outcomesOf(outcomes)['slow'] as Outcome;
    expect(outcome).toMatchObject({ name: 'slow', status: 'pending', data: null, error: null, attempts: 0 });
    expect(JSON.parse(JSON.stringify(outcome))).toMatchObject({ status: 'pending' });
    (await backend.asked('/late')).reply({ n: 1 });
    expect(await data.slow).toEqual({ n: 1 });
    expect(outcomesOf(outcomes)['slow']).toBe(outcome);
    expect(outcome).toMatchObject({ status: 'success', data: { n: 1 }, source: 'network', attempts: 1 });
    expect(clock.pending).toBe(0);
  });

  test('what has ended before the page is a promise too', async () => {
    backend.answer('/late', 1);
    const page = mashup({ a: url('/a'), slow: { url: url('/late'), defer: true } });
    const run = page.run();
    const asked = await backend.asked('/a');
    while (backend.inFlight > 1) await settled();
    await settled();
    asked.reply(1);
    expect(await (await run).data.slow).toBe(1);
  });

  test('it is never rejected: its data is the fallback, or null', async () => {
    for (const path of ['/x', '/y']) backend.answer(path, 0, { status: 500 });
    const page = mashup({
      a: { url: url('/x'), defer: true },
      b: { url: url('/y'), defer: true, fallback: 'instead' },
    });
    const { data, outcomes } = await page.run();
    expect([await data.a, await data.b]).toEqual([null, 'instead']);
    expect(outcomesOf(outcomes)['a']).toMatchObject({ status: 'error', error: { upstreamStatus: 500 } });
  });

  test('it may wait for what the page waits for, and for others that are deferred', async () => {
    backend.answer('/a', { id: 7 });
    backend.answer('/b/7', { id: 8 });
    backend.answer('/c/8', 'c');
    const page = mashup({
      c: { url: url('/c/{b.id}'), defer: true },
      b: { url: url('/b/{a.id}'), defer: true },
      a: url('/a'),
    });
    expect(await (await page.run()).data.c).toBe('c');
  });

  test('what it reads may have failed at the deadline: it ends with that', async () => {
    const page = mashup({ a: url('/a'), slow: { url: url('/b/{a.id}'), defer: true } }, { deadline: 100 });
    const run = page.run();
    await backend.asked('/a');
    clock.advance(100);
    const { data, outcomes } = await run;
    expect(await data.slow).toBeNull();
    expect(outcomesOf(outcomes)['slow']?.error?.code).toBe('ERR_UPSTREAM_DEPENDENCY');
    expect(clock.pending).toBe(0);
  });

  test('it is ended by its timeout, and by the late deadline', async () => {
    const page = mashup(
      { a: { url: url('/a'), defer: true, timeout: 500 }, b: { url: url('/b'), defer: true } },
      { lateDeadline: 3000 },
    );
    const { data, outcomes } = await page.run();
    await backend.asked('/b');
    clock.advance(500);
    expect(await data.a).toBeNull();
    expect(outcomesOf(outcomes)['a']?.error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
    clock.advance(2500);
    expect(await data.b).toBeNull();
    expect(outcomesOf(outcomes)['b']).toMatchObject({
      error: { code: 'ERR_UPSTREAM_DEADLINE' },
      timings: { ended: 3000 },
    });
    expect(outcomesOf(outcomes)['b']?.error?.message).toContain('the late deadline of 3000 ms');
    expect(clock.pending).toBe(0);
  });

  test('a required upstream that fails ends it at once', async () => {
    backend.answer('/r', 0, { status: 500 });
    const page = mashup({ r: { url: url('/r'), required: true }, slow: { url: url('/late'), defer: true } });
    const late = backend.asked('/late');
    await expect(page.run()).rejects.toMatchObject({ upstream: 'r' });
    await (await late).closed;
    expect(clock.pending).toBe(0);
  });

  test('it is given up when the signal is aborted, also after the run', async () => {
    const controller = new AbortController();
    const page = mashup({ slow: { url: url('/late'), defer: true, fallback: 'instead' } });
    const { data } = await page.run({ signal: controller.signal });
    const asked = await backend.asked('/late');
    controller.abort();
    expect(await data.slow).toBeNull();
    await asked.closed;
    expect(clock.pending).toBe(0);
  });

  test('it starts after what the page waits for, where slots are short', async () => {
    const page = mashup({ slow: { url: url('/late'), defer: true }, a: url('/a') }, { concurrency: 1 });
    const run = page.run();
    (await backend.asked('/a')).reply(1);
    expect((await run).data.a).toBe(1);
    expect(backend.seen[0]).toBe('/a');
    (await backend.asked('/late')).reply(2);
  });

  test('it works with a fan-out, retry, coalescing and the cache', async () => {
    backend.answer('/list', [1, 2]);
    for (const path of ['/i/1', '/i/2', '/cached']) backend.answer(path, path);
    const page = mashup({
      list: { url: url('/list'), defer: true },
      items: { url: url('/i/{item}'), each: 'list', defer: true, retry: true },
      cached: { url: url('/cached'), cache: 60_000, defer: true },
    });
    for (const source of ['network', 'cache']) {
      const { data, outcomes } = await page.run();
      expect(await data.items).toEqual(['/i/1', '/i/2']);
      expect(await data.cached).toBe('/cached');
      expect(outcomesOf(outcomes)['cached']?.source).toBe(source);
      expect(outcomesOf(outcomes)['items']?.items).toHaveLength(2);
    }
  });
});

describe.each(expresses)('%s', (_name, express) => {
  async function site(upstreams: UpstreamMap, show: (res: Response) => unknown, options = {}): Promise<string> {
    const app = express();
    app.get('/page', mashup(upstreams, options) as unknown as RequestHandler, (_req, res) => void show(res));
    return originOf(await listen(createServer(app)));
  }

  const ask = (origin: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(`${origin}/page`, { agent: false }, resolve).on('error', reject);
    });

  test('the handler runs at once, and can write what is late when it comes', async () => {
    backend.answer('/a', 'now');
    const origin = await site(
      { a: url('/a'), slow: { url: url('/late'), defer: true } },
      async (res) => {
        res.write(`${res.locals['a']} `);
        res.end(String(await res.locals['slow']));
      },
      { serverTiming: true },
    );
    const response = await ask(origin);
    expect(response.headers['server-timing']).toMatch(/^mashup;dur=[\d.]+, a;dur=[\d.]+$/);
    (await backend.asked('/late')).reply('later');
    expect(await text(response)).toBe('now later');
    expect(clock.pending).toBe(0);
  });

  test('what nobody has waited for is given up when the response has ended', async () => {
    const seen = deferred<Outcome>();
    const asked = backend.asked('/late');
    const origin = await site({ slow: { url: url('/late'), defer: true, fallback: 'instead' } }, async (res) => {
      await asked;
      res.json({});
      const data = await res.locals['slow'];
      expect(data).toBeNull();
      seen.resolve(res.locals['mashup']['slow']);
    });
    expect(await text(await ask(origin))).toBe('{}');
    expect(await seen.promise).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_CANCELED' } });
    await (await asked).closed;
    expect(clock.pending).toBe(0);
  });

  test('it is given up when the client leaves', async () => {
    const ended = deferred<unknown>();
    const origin = await site({ slow: { url: url('/late'), defer: true } }, async (res) => {
      res.write('x');
      ended.resolve(await res.locals['slow']);
    });
    const response = await ask(origin);
    const asked = await backend.asked('/late');
    response.destroy();
    expect(await ended.promise).toBeNull();
    await asked.closed;
    expect(clock.pending).toBe(0);
  });
});

test.each<[upstreams: object, options: object, problem: string]>([
  [
    { a: { url: 'http://a.example.com/', defer: true, required: true } },
    {},
    'a.defer: the page does not wait for what is deferred, so it cannot be required: drop one of them',
  ],
  [
    { a: { url: 'http://a.example.com/', defer: true }, b: 'http://b.example.com/{a.id}' },
    {},
    "b: waits for 'a', which is deferred: defer this too, or not that",
  ],
  [
    { a: { url: 'http://a.example.com/', defer: true } },
    { lateDeadline: 100 },
    'options.lateDeadline: expected no less than the deadline of 2000 ms, but was given 100',
  ],
  [{ a: { url: 'http://a.example.com/', late: true } }, {}, "a.late: is not an option: here it is called 'defer'"],
  [{ a: { url: 'http://a.example.com/', defer: 'yes' } }, {}, "a.defer: expected true or false, but was given 'yes'"],
])('a wrong config is refused: %j %j', (upstreams, options, problem) => {
  expect(lines(problemsOf(upstreams, options))).toEqual([problem]);
});

test('multiGet has nothing to defer', async () => {
  await expect(multiGet([], { defer: true } as never)).rejects.toThrow('is an option of a page, not of multiGet');
});
