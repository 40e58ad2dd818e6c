import type { Request, RequestHandler } from 'express';
import request from 'supertest';
import { UpstreamError } from '../../src/errors.js';
import { serverTiming } from '../../src/locals.js';
import type { Outcome } from '../../src/outcome.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, openPage, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: Server-Timing', (_, express) => {
  let backend: Backend;
  let site: Site;
  const environment = process.env['NODE_ENV'];

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    backend.answer('/user', { id: 7 });
  });
  afterEach(async () => {
    process.env['NODE_ENV'] = environment;
    await closeAll();
  });

  const url = (path: string) => `${backend.origin}${path}`;
  const sendOk: RequestHandler = (_req, res) => {
    res.send('ok');
  };

  async function timingOf(...handlers: RequestHandler[]): Promise<string | undefined> {
    site.app.get('/', ...handlers, sendOk);
    return (await request(site.origin).get('/')).headers['server-timing'];
  }

  test('has a metric for the page and one for each upstream, each counted from when it could start', async () => {
    const visit = site.visit({ user: url('/slow'), card: url('/cards/{user.id}') });
    const user = await backend.asked('/slow');
    site.clock.advance(40);
    user.reply({ id: 7 });
    const card = await backend.asked('/cards/7');
    site.clock.advance(12.25);
    card.reply('ace');
    const { response } = await visit;
    expect(response.headers['server-timing']).toBe('mashup;dur=52.3, user;dur=40.0, card;dur=12.3');
  });

  test('says what became of the calls that did not succeed', async () => {
    backend.answer('/bad', 'no', { status: 500 });
    const timing = await timingOf(
      site.mashup({
        user: url('/user'),
        bad: url('/bad'),
        better: { url: url('/bad'), fallback: 1 },
        none: { url: url('/user'), when: () => false },
      }),
    );
    expect(timing).toBe(
      'mashup;dur=0.0, user;dur=0.0, bad;dur=0.0;desc="error ERR_UPSTREAM_STATUS"' +
        ', better;dur=0.0;desc="fallback ERR_UPSTREAM_STATUS", none;dur=0.0;desc="skipped"',
    );
  });

  test('is on where nothing is said', async () => {
    expect(await timingOf(site.mashup({ user: url('/user') }))).toMatch(/^mashup;dur=/);
  });

  test('is off where the page says so', async () => {
    expect(await timingOf(site.mashup({ user: url('/user') }, { serverTiming: false }))).toBeUndefined();
  });

  test('is off in production', async () => {
    process.env['NODE_ENV'] = 'production';
    expect(await timingOf(site.mashup({ user: url('/user') }))).toBeUndefined();
  });

  test('is on in production where the page says so', async () => {
    process.env['NODE_ENV'] = 'production';
    expect(await timingOf(site.mashup({ user: url('/user') }, { serverTiming: true }))).toMatch(/^mashup;dur=/);
  });

  test('goes by what NODE_ENV was when the page was made', async () => {
    process.env['NODE_ENV'] = 'production';
    const page = site.mashup({ user: url('/user') });
    process.env['NODE_ENV'] = 'development';
    expect(await timingOf(page)).toBeUndefined();
  });

  test('is added to one that is there already', async () => {
    const own: RequestHandler = (_req, res, next) => {
      res.setHeader('Server-Timing', 'auth;dur=3');
      next();
    };
    expect(await timingOf(own, site.mashup({ user: url('/user') }))).toMatch(/^auth;dur=3, mashup;dur=/);
  });

  test('has the metrics of both pages on one request', async () => {
    const timing = await timingOf(site.mashup({ user: url('/user') }), site.mashup({ again: url('/user') }));
    expect(timing).toMatch(/^mashup;dur=[\d.]+, user;dur=[\d.]+, mashup;dur=[\d.]+, again;dur=[\d.]+$/);
  });

  test('is on the page of an error too', async () => {
    const { response } = await site.visit({ none: { url: url('/{query.none}'), required: true } });
    expect(response.status).toBe(400);
    expect(response.headers['server-timing']).toContain('none;dur=0.0;desc="error ERR_UPSTREAM_URL"');
  });

  test('is left out where the head is sent already, and the handler runs', async () => {
    const early: RequestHandler = (_req, res, next) => {
      res.write('early, ');
      next();
    };
    site.app.get('/', early, site.mashup({ user: url('/user') }), (_req, res) => {
      res.end('late');
    });
    const response = await request(site.origin).get('/');
    expect(response.text).toBe('early, late');
    expect(response.headers['server-timing']).toBeUndefined();
  });
});

describe('the header', () => {
  const outcome = (name: string, took: number, more: Partial<Outcome> = {}): Outcome => ({
    name,
    status: 'success',
    data: null,
    error: null,
    source: 'network',
    cache: null,
    response: null,
    attempts: 1,
    timings: { ready: 0, started: 0, firstByte: null, ended: took },
    ...more,
  });

  test('says where data came from, if not from the network, and what became of it', () => {
    const error = new UpstreamError('ERR_UPSTREAM_TIMEOUT', '');
    expect(
      serverTiming(
        [
          outcome('a', 1),
          outcome('b', 2, { source: 'cache' }),
          outcome('c', 3, { source: 'stale', error }),
          outcome('d', 4, { status: 'fallback', source: null, error }),
          outcome('e', 5, { status: 'skipped', source: null }),
          outcome('f', 6, { status: 'pending', source: null }),
        ],
        10,
      ),
    ).toBe(
      'mashup;dur=10.0, a;dur=1.0, b;dur=2.0;desc="cache", c;dur=3.0;desc="success ERR_UPSTREAM_TIMEOUT stale", ' +
        'd;dur=4.0;desc="fallback ERR_UPSTREAM_TIMEOUT", e;dur=5.0;desc="skipped"',
    );
  });

  test('has 1,024 characters at most: the slowest, whole, and how many more there are', () => {
    for (const length of [1, 7, 40, 300, 2000]) {
      const all = Array.from({ length: 100 }, (_, at) => outcome(`${'n'.repeat(length)}${at}`, at));
      const header = serverTiming(all, 100);
      expect(header.length).toBeLessThanOrEqual(1024);
      const entries = header.split(', ').slice(1, -1);
      expect(entries).toEqual(
        all
          .slice(100 - entries.length)
          .reverse()
          .map(({ name }, at) => `${name};dur=${99 - at}.0`),
      );
      expect(header).toMatch(new RegExp(`, omitted;desc="${100 - entries.length} more"$`));
    }
  });
});

afterEach(closeAll);

test.each([
  [() => true, true],
  [() => false, false],
  [
    () => {
      throw new Error('no');
    },
    false,
  ],
  [(req: Request) => req.get('x-debug') === '1', true],
])('a function of the request decides: %s', async (serverTiming, isSent) => {
  const backend = await startBackend();
  backend.answer('/', 1);
  const ask = await openPage({ a: backend.origin }, { options: { serverTiming } });
  const { response } = await ask({ headers: { 'x-debug': '1' } });
  expect('server-timing' in response.headers).toBe(isSent);
});
