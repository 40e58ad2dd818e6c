import { createServer } from 'node:http';
import type { RequestHandler } from 'express';
import { FailureLog } from '../../src/failure-log.js';
import { createMashup, type Outcome, type UpstreamMap } from '../../src/index.js';
import type { FailureListener, PageOptions } from '../../src/types.js';
import { Reader, site } from '../html/reader.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { expresses, newMashup } from '../support/site.js';

let backend: Backend;
let told: string[];
const onFailure: FailureListener = ({ name, status, error }) => void told.push(`${name} ${status} ${error?.code}`);

beforeEach(async () => {
  backend = await startBackend();
  backend.answer('/ok', 1);
  backend.answer('/bad', 0, { status: 500 });
  told = [];
});
afterEach(closeAll);

const url = (path: string) => backend.origin + path;
const run = async (upstreams: UpstreamMap, options: PageOptions = { onFailure }) => {
  const result = await newMashup()(upstreams, options).run();
  await settled();
  return result;
};

describe('onFailure', () => {
  test('hears of errors, fallbacks and parts, and not of successes and of what was skipped', async () => {
    await run({
      ok: url('/ok'),
      bad: url('/bad'),
      fallback: { url: url('/bad'), fallback: 1 },
      part: { url: url('/{item}'), each: () => ['ok', 'bad'] },
      skipped: { url: url('/ok'), when: () => false },
      after: { url: url('/ok'), after: ['bad'] },
    });
    expect(told.sort()).toEqual([
      'bad error ERR_UPSTREAM_STATUS',
      'fallback fallback ERR_UPSTREAM_STATUS',
      'part partial ERR_UPSTREAM_STATUS',
    ]);
  });

  test('hears of a stale copy that stands in for a failure', async () => {
    const clock = new ManualClock();
    const mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const page = mashup({ a: { url: url('/ok'), cache: { ttl: 1000, staleIfError: 10_000 } } }, { onFailure });
    await page.run();
    backend.answer('/ok', 0, { status: 503 });
    clock.advance(2000);
    expect((await page.run()).outcomes.a).toMatchObject({ status: 'success', source: 'stale' });
    await settled();
    expect(told).toEqual(['a success ERR_UPSTREAM_STATUS']);
  });

  test('hears of a deadline, of a deferred call, and of a required failure, once each', async () => {
    const clock = new ManualClock();
    const mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const page = mashup(
      { slow: url('/slow'), later: { url: url('/late'), defer: true } },
      {
        deadline: 100,
        lateDeadline: 200,
        onFailure,
      },
    );
    const running = page.run();
    await Promise.all([backend.asked('/slow'), backend.asked('/late')]);
    clock.advance(150);
    await running;
    expect(told).toEqual(['slow error ERR_UPSTREAM_DEADLINE']);
    clock.advance(100);
    await settled();
    expect(told).toEqual(['slow error ERR_UPSTREAM_DEADLINE', 'later error ERR_UPSTREAM_DEADLINE']);
  });

  test('does not hear of what was given up for a required failure', async () => {
    const running = newMashup()(
      { bad: { url: url('/bad'), required: true }, slow: url('/slow'), other: { url: url('/x'), defer: true } },
      { onFailure },
    ).run();
    await expect(running).rejects.toMatchObject({ upstream: 'bad' });
    await settled();
    expect(told).toEqual(['bad error ERR_UPSTREAM_STATUS']);
  });

  test('does not hear of what was given up because the client left', async () => {
    const controller = new AbortController();
    const running = newMashup()({ slow: url('/slow') }, { onFailure }).run({ signal: controller.signal });
    await backend.asked('/slow');
    controller.abort();
    await expect(running).rejects.toThrow();
    await settled();
    expect(told).toEqual([]);
  });

  test.each<[string, FailureListener]>([
    [
      'throws',
      () => {
        throw new Error('listener');
      },
    ],
    ['rejects', () => Promise.reject(new Error('listener'))],
    ['never ends', () => new Promise(() => {})],
  ])('changes nothing where it %s', async (_what, listener) => {
    const { outcomes } = await run({ bad: url('/bad'), ok: url('/ok') }, { onFailure: listener });
    expect((outcomes['ok'] as Outcome).status).toBe('success');
  });

  test('of a page is heard instead of that of its instance, and false is nobody', async () => {
    const mashup = createMashup({ onFailure: ({ name }) => told.push(`instance ${name}`) });
    closeLater(() => mashup.close());
    await mashup({ a: url('/bad') }).run();
    await mashup({ b: url('/bad') }, { onFailure }).run();
    await mashup({ c: url('/bad') }, { onFailure: false }).run();
    await settled();
    expect(told).toEqual(['instance a', 'b error ERR_UPSTREAM_STATUS']);
  });

  test.each(expresses)('is told the request and the path of its route on %s', async (_name, express) => {
    const wheres: unknown[] = [];
    const page = newMashup()(
      { bad: url('/bad') },
      { onFailure: (_outcome, { req, page }) => wheres.push([req?.originalUrl, page]) },
    ) as unknown as RequestHandler;
    const router = express.Router().get('/cities/:slug', page, (_req, res) => void res.end());
    const origin = originOf(await listen(createServer(express().use('/shop', router))));
    await new Reader(`${origin}/shop/cities/oslo?a=1`).ended();
    await settled();
    expect(wheres).toEqual([['/shop/cities/oslo?a=1', '/shop/cities/:slug']]);
  });
});

describe('the log of failures', () => {
  test('is what an instance has in development, and not in production and tests', async () => {
    const before = process.env['NODE_ENV'];
    closeLater(() => {
      process.env['NODE_ENV'] = before;
    });
    const written: string[] = [];
    const { error } = console;
    console.error = (line: string) => void written.push(line);
    closeLater(() => {
      console.error = error;
    });
    for (const mode of ['development', 'production', 'test', '']) {
      process.env['NODE_ENV'] = mode;
      const mashup = newMashup();
      process.env['NODE_ENV'] = before;
      await mashup({ [`a${mode}`]: url('/bad') }).run();
      await settled();
    }
    expect(written.map((line) => line.replace(backend.origin, ''))).toEqual([
      "express-mashup: page.run(): 'adevelopment' failed: ERR_UPSTREAM_STATUS, it answered 500 (GET /bad)",
      "express-mashup: page.run(): 'a' failed: ERR_UPSTREAM_STATUS, it answered 500 (GET /bad)",
    ]);
  });

  test('has a line for each failure, with the request’s path, at most one a minute for an upstream and a code', async () => {
    let now = 0;
    const lines: string[] = [];
    const log = new FailureLog(
      () => now,
      (line) => lines.push(line),
    );
    const upstreams = {
      bad: url('/bad'),
      fallback: { url: url('/bad'), fallback: 1 },
      part: { url: url('/{item}'), each: () => ['ok', 'bad'] },
    };
    const page = newMashup()(upstreams, { onFailure: log.onFailure }) as unknown as RequestHandler;
    const origin = await site(expresses[0][1], page, (_req, res) => void res.end());
    const ask = async () => {
      await new Reader(`${origin}/?token=secret`).ended();
      await settled();
    };
    await ask();
    const all = ['bad', 'fallback', 'part'].sort();
    expect(lines.sort().map((line) => line.replaceAll(backend.origin, ''))).toEqual([
      "express-mashup: GET /: 'bad' failed: ERR_UPSTREAM_STATUS, it answered 500 (GET /bad)",
      "express-mashup: GET /: 'fallback' fell back: ERR_UPSTREAM_STATUS, it answered 500 (GET /bad)",
      expect.stringMatching(/^express-mashup: GET \/: 'part' is incomplete: ERR_UPSTREAM_STATUS, /),
    ]);
    now = 59_000;
    await ask();
    expect(lines).toHaveLength(all.length);
    now = 61_000;
    await ask();
    expect(lines).toHaveLength(2 * all.length);
    expect(lines.join()).not.toContain('secret');
  });

  test('remembers no more than a thousand', () => {
    const lines: string[] = [];
    const { onFailure } = new FailureLog(
      () => 0,
      (line) => lines.push(line),
    );
    const outcome = (name: string) =>
      ({ name, status: 'error', error: { code: 'ERR_UPSTREAM_STATUS', message: '' } }) as Outcome;
    for (let at = 0; at < 1001; at++) onFailure(outcome(`${at}`), { req: null });
    onFailure(outcome('0'), { req: null });
    expect(lines).toHaveLength(1002);
  });
});
