import express from 'express';
import { createMashup, type Mashup } from '../../src/index.js';
import { everyWay } from '../../src/testing/faults.js';
import { everyFault, type MockedUpstreams, mockUpstreams } from '../../src/testing/index.js';
import { closeAll, closeLater } from '../support/closing.js';

const names = ['user', 'orders', 'weather', 'news', 'map', 'stock'];
const url = (name: string) => `https://${name}.example.test/`;
const ways = Object.keys(everyWay);

let mashup: Mashup;
let upstreams: MockedUpstreams;

beforeEach(() => {
  mashup = createMashup();
  upstreams = mockUpstreams(mashup, Object.fromEntries(names.map((name) => [name, { name }])));
  closeLater(() => upstreams.restore());
});
afterEach(closeAll);

const plain = () => mashup(Object.fromEntries(names.map((name) => [name, { url: url(name), retry: 1, timeout: 900 }])));

test('a page that needs nothing answers whatever is broken, and each upstream was broken in each way', async () => {
  const seen = new Set<string>();
  const app = express().get('/', plain(), (_req, res) => {
    for (const { name, error } of Object.values(
      res.locals['mashup'] as Record<string, { name: string; error: { code: string } | null }>,
    )) {
      if (error !== null) seen.add(`${name} ${error.code}`);
    }
    res.json({});
  });
  const { visits, unanswered, errors } = await everyFault(app, '/');
  expect([unanswered, errors]).toEqual([[], []]);
  expect(visits).toEqual(names.flatMap((upstream) => ways.map((fault) => ({ upstream, fault, status: 200 }))));
  const codes = ['CONNECT', 'TIMEOUT', 'NETWORK', 'STATUS', 'BODY'];
  const failed = names.flatMap((name) => codes.map((code) => `${name} ERR_UPSTREAM_${code}`));
  expect([...seen].sort()).toEqual(failed.sort());
  // Nothing of the visits is left.
  expect(upstreams.calls['user']).toEqual([]);
  upstreams.done();
});

test('a page that does not answer, breaks off or answers with an error is reported', async () => {
  upstreams.set('user', { body: { name: 'user', friends: [1] } });
  const app = express().get(
    '/',
    mashup({ user: url('user'), news: { url: url('news'), required: true } }),
    (_req, res) => {
      const { user } = res.locals as { user: { friends?: number[] } | null };
      if (user === null) return;
      if (user.friends === undefined) {
        res.writeHead(200, { 'content-length': 10 }).write('half');
        return void res.destroy();
      }
      res.json({});
    },
  );
  app.use(((_error, _req, res, _next) => void res.sendStatus(502)) as express.ErrorRequestHandler);
  const report = await everyFault(app, '/', { upstreams, patience: 400 });
  expect(report.unanswered.every(({ upstream }) => upstream === 'user')).toBe(true);
  expect(report.unanswered.map(({ fault }) => fault)).toEqual(
    expect.arrayContaining(['refused', 'status 404', 'an empty object instead', 'null instead']),
  );
  expect(report.errors).toContainEqual({ upstream: 'news', fault: 'silent', status: 502 });
  expect(String(report)).toContain('user refused: no answer\n');
  expect(String(report)).toContain('news silent: 502');
});

test('it says what it needs: mocks, and a page that works', async () => {
  const app = express().get('/', plain(), (_req, res) => void res.sendStatus(418));
  await expect(everyFault(app, '/')).rejects.toThrow('/ does not work while nothing is broken: 418');
  upstreams.done();
  await expect(everyFault(app, '/')).rejects.toThrow('mock the upstreams first');
});

test('an upstream that a mock has broken already is broken in the other ways all the same', async () => {
  upstreams.set('news', { stall: true });
  const app = express().get('/', mashup({ news: url('news') }), (_req, res) => {
    res.status(res.locals['mashup'].news.response?.status ?? 201).end();
  });
  const { visits } = await everyFault(app, '/');
  expect(visits).toContainEqual({ upstream: 'news', fault: 'status 503', status: 503 });
});

test('it cannot be under way twice with the same mocks', async () => {
  const app = express().get('/', plain(), (_req, res) => void res.json({}));
  const first = everyFault(app, '/');
  await expect(everyFault(app, '/')).rejects.toThrow('everyFault() is under way');
  expect((await first).unanswered).toEqual([]);
});

test('an application that throws, now or later, does not answer', async () => {
  let visits = 0;
  for (const fail of [
    () => {
      throw new Error('now');
    },
    () => Promise.reject(new Error('later')),
  ]) {
    const page = mashup({ news: url('news') });
    visits = 0;
    const report = await everyFault(async (_req, res) => {
      if (++visits > 1) return fail();
      await page.run();
      res.end();
    }, '/');
    expect(report.unanswered).toHaveLength(ways.length);
  }
});

test('an answer in the cache or an open breaker of one visit is not seen in the next', async () => {
  const app = express().get(
    '/',
    mashup({ user: { url: url('user'), cache: 60_000, required: true, breaker: { threshold: 0.5, minimum: 1 } } }),
    (_req, res) => void res.json({}),
  );
  const { visits } = await everyFault(app, '/');
  const statusOf = (fault: string) => visits.find((one) => one.fault === fault)?.status;
  expect(['refused', 'status 404', 'not JSON'].map(statusOf)).toEqual([502, 404, 502]);
  expect(statusOf('null instead')).toBe(200);
});
