import axios from 'axios';
import request, { type Response } from 'supertest';
import { Agent } from 'undici';
import { createMashup, type Mashup, type UpstreamMap } from '../../src/index.js';
import { KeptConnections } from '../../src/transport/connections.js';
import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;
let mashup: Mashup;
let pages = 0;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  mashup = site.mashup;
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

function visit(upstreams: UpstreamMap, by = mashup): Promise<Response> {
  const path = `/page${++pages}`;
  site.app.get(path, by(upstreams), (_req, res) => void res.json(res.locals));
  return request(site.origin)
    .get(path)
    .then((response) => response);
}

// Longer than any test: its timer is cleared when all is closed, or the environment would tell.
const HOURS = 10_000_000;

describe('close({ timeout })', () => {
  test('lets what is under way finish in that time, and leaves no timer behind', async () => {
    const page = visit({ a: url('/a'), b: url('/b') });
    const asked = [await backend.asked('/a'), await backend.asked('/b')];
    const closing = mashup.close({ timeout: HOURS });
    for (const one of asked) one.reply('in time');
    expect((await page).body).toMatchObject({ a: 'in time', b: 'in time' });
    await closing;
    await Promise.all(asked.map(({ closed }) => closed));
  });

  test('aborts what is under way after that time: the sockets of the upstreams are closed', async () => {
    const page = visit({ a: url('/a'), b: { url: url('/b'), fallback: 'instead' } });
    const asked = [await backend.asked('/a'), await backend.asked('/b')];
    await mashup.close({ timeout: 1 });
    await Promise.all(asked.map(({ closed }) => closed));
    const { body } = await page;
    expect(body.mashup.a).toMatchObject({
      status: 'error',
      error: {
        code: 'ERR_UPSTREAM_CANCELED',
        status: 502,
        message: expect.stringContaining('the instance was closed'),
      },
      attempts: 1,
    });
    expect(body.mashup.b).toMatchObject({
      status: 'fallback',
      data: 'instead',
      error: { code: 'ERR_UPSTREAM_CANCELED' },
    });
    expect(mashup.stats().origins[backend.origin]).toMatchObject({
      inFlight: 0,
      outcomes: { ERR_UPSTREAM_CANCELED: 2 },
    });
    expect(site.clock.pending).toBe(0);
  });

  test('makes the page an error where what it aborts is required', async () => {
    const page = visit({ a: { url: url('/a'), required: true } });
    await backend.asked('/a');
    await mashup.close({ timeout: 1 });
    expect((await page).status).toBe(502);
  });

  test.each([
    ['in the middle of a body', {}],
    ['that would be sent again', { retry: 3 }],
    ['that is hedged', { hedge: 100 }],
    ['that is shared', { coalesce: true }],
    ['that has a breaker', { breaker: { minimum: 1 } }],
  ])('aborts a request %s, once and for all', async (_what, options) => {
    const page = visit({ a: { url: url('/a'), ...options } });
    const asked = [await backend.asked('/a')];
    asked[0]?.begin('[1,');
    if ('hedge' in options) {
      site.clock.advance(100);
      asked.push(await backend.asked('/a'));
    }
    await mashup.close({ timeout: 1 });
    await Promise.all(asked.map(({ closed }) => closed));
    expect((await page).body.mashup.a).toMatchObject({
      error: { code: 'ERR_UPSTREAM_CANCELED' },
      attempts: asked.length,
    });
    // It tells nothing of the upstream's health.
    expect(mashup.stats().origins[backend.origin]).toMatchObject({
      inFlight: 0,
      queued: 0,
      breaker: 'breaker' in options ? 'closed' : null,
    });
  });

  test('aborts on a connection that was kept too, and does not send again what was on it', async () => {
    backend.answer('/first', 1);
    await visit({ a: url('/first') });
    const page = visit({ a: url('/a') });
    const a = await backend.asked('/a');
    await mashup.close({ timeout: 1 });
    await a.closed;
    expect((await page).body.mashup.a).toMatchObject({ error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 1 });
    expect(backend.seen).toEqual(['/first', '/a']);
  });

  test('aborts the requests to every origin', async () => {
    const other = await startBackend();
    const page = visit({ a: url('/a'), b: `${other.origin}/b` });
    const asked = [await backend.asked('/a'), await other.asked('/b')];
    await mashup.close({ timeout: 1 });
    await Promise.all(asked.map(({ closed }) => closed));
    const { a, b } = (await page).body.mashup;
    expect([a.error.code, b.error.code]).toEqual(['ERR_UPSTREAM_CANCELED', 'ERR_UPSTREAM_CANCELED']);
  });

  test('resolves though an upstream does not speak HTTP and does not hang up', async () => {
    let connected = () => {};
    const connection = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const origin = await startRawBackend((socket) => {
      socket.on('data', () => {});
      connected();
    });
    const page = visit({ a: `${origin}/` });
    await connection;
    await mashup.close({ timeout: 1 });
    expect((await page).body.mashup.a.error.code).toBe('ERR_UPSTREAM_CANCELED');
  });

  test('lets none of those who wait in line go on', async () => {
    const narrow = mashupWith({
      clock: site.clock,
      connections: new KeptConnections(),
      limits: { perOrigin: 1, queue: 10 },
    });
    const waiting = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`w${at}`, url(`/w${at}`)]));
    const page = visit({ a: url('/a'), ...waiting }, narrow);
    const a = await backend.asked('/a');
    await narrow.close({ timeout: 1 });
    // Nothing runs any more.
    expect(narrow.stats().origins[backend.origin]).toMatchObject({ inFlight: 0, queued: 0 });
    await a.closed;
    const { mashup: outcomes } = (await page).body;
    expect(Object.keys(outcomes)).toHaveLength(10);
    for (const name in outcomes) expect(outcomes[name].error.code).toBe('ERR_UPSTREAM_CANCELED');
    expect(backend.seen).toEqual(['/a']);
  });

  test('lets no try go out that waits for its back-off', async () => {
    backend.answer('/a', 'no', { status: 503 });
    const patient = mashupWith({ clock: site.clock });
    const backOff = site.clock.nextTimer();
    const page = visit({ a: { url: url('/a'), retry: { backoff: 100 } } }, patient);
    // The deadline's timer comes first.
    await backOff;
    const wait = await site.clock.nextTimer();
    await patient.close({ timeout: 1 });
    site.clock.advance(wait);
    expect((await page).body.mashup.a).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_CANCELED' } });
    expect(backend.seen).toEqual(['/a']);
  });

  test('lets no try whose back-off is over wait in a line', async () => {
    backend.answer('/a', 'no', { status: 503 });
    const limits = { perOrigin: 1, queue: 10 };
    const narrow = mashupWith({ clock: site.clock, limits });
    const backOff = site.clock.nextTimer();
    const page = visit({ a: { url: url('/a'), retry: { backoff: 100 } } }, narrow);
    // The deadline's timer comes first.
    await backOff;
    const wait = await site.clock.nextTimer();
    await narrow.close({ timeout: 1 });
    const later = visit({ b: url('/b') }, narrow);
    const b = await backend.asked('/b');
    site.clock.advance(wait);
    expect((await page).body.mashup.a).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_CANCELED' } });
    b.reply(1);
    await later;
    await narrow.close();
  });

  test('ends those who wait for the slots of their run, and counts no attempt for them', async () => {
    const waiting = Object.fromEntries(Array.from({ length: 4 }, (_, at) => [`w${at}`, url(`/w${at}`)]));
    site.app.get(
      '/slots',
      mashup({ a: url('/a'), ...waiting }, { concurrency: 1 }),
      (_req, res) => void res.json(res.locals),
    );
    const page = request(site.origin)
      .get('/slots')
      .then((response) => response);
    await backend.asked('/a');
    await mashup.close({ timeout: 1 });
    const { mashup: outcomes } = (await page).body;
    for (const name of Object.keys(waiting)) {
      expect(outcomes[name]).toMatchObject({ attempts: 0, error: { code: 'ERR_UPSTREAM_CANCELED' } });
    }
    expect(backend.seen).toEqual(['/a']);
  });

  test('ends a shared request for all who wait for it', async () => {
    const shared = { a: { url: url('/a'), coalesce: true } };
    const pages = [visit(shared), visit(shared)];
    const asked = await backend.asked('/a');
    while ((mashup.stats().origins[backend.origin]?.inFlight ?? 0) < 1) await settled();
    await mashup.close({ timeout: 1 });
    await asked.closed;
    for (const page of pages) expect((await page).body.mashup.a.error.code).toBe('ERR_UPSTREAM_CANCELED');
  });

  test('waits for those who wait in line where it has no end', async () => {
    const narrow = mashupWith({
      clock: site.clock,
      connections: new KeptConnections(),
      limits: { perOrigin: 1, queue: 10 },
    });
    const page = visit({ a: url('/a'), b: url('/b') }, narrow);
    const a = await backend.asked('/a');
    const closing = narrow.close();
    a.reply('a');
    const b = await backend.asked('/b');
    b.reply('b');
    await closing;
    await b.closed;
    expect((await page).body).toMatchObject({ a: 'a', b: 'b' });
  });

  test.each([{ timeout: 1 }, { timeout: HOURS }, {}, undefined])(
    'resolves where nothing is in flight: %j',
    async (options) => {
      await expect(mashup.close(options)).resolves.toBeUndefined();
      backend.answer('/a', 1);
      await visit({ a: url('/a') });
      await expect(mashup.close(options)).resolves.toBeUndefined();
    },
  );

  test('of 1 ms ends one without a timeout that was begun before; both resolve', async () => {
    const page = visit({ a: url('/a') });
    await backend.asked('/a');
    await Promise.all([mashup.close(), mashup.close({ timeout: 1 })]);
    expect((await page).body.mashup.a.error.code).toBe('ERR_UPSTREAM_CANCELED');
  });

  test('leaves the instance usable', async () => {
    const first = visit({ a: url('/a') });
    await backend.asked('/a');
    await mashup.close({ timeout: 1 });
    await first;
    const second = visit({ b: url('/b') });
    (await backend.asked('/b')).reply('b');
    expect((await second).body.b).toBe('b');
  });

  test('leaves other instances alone', async () => {
    const other = createMashup();
    const page = visit({ a: url('/a') }, other);
    const a = await backend.asked('/a');
    await mashup.close({ timeout: 1 });
    a.reply('there');
    expect((await page).body.a).toBe('there');
    await other.close();
  });

  test('aborts the requests of an axios instance too', async () => {
    const by = mashupWith({ clock: site.clock, axios: axios.create() });
    const page = visit({ a: url('/a') }, by);
    const a = await backend.asked('/a');
    await by.close({ timeout: 1 });
    await a.closed;
    expect((await page).body.mashup.a.error.code).toBe('ERR_UPSTREAM_CANCELED');
    while (by.stats().origins[backend.origin]?.inFlight !== 0) await settled();
  });

  test('leaves the requests of a dispatcher to its owner, and resolves', async () => {
    const dispatcher = new Agent();
    closeLater(() => dispatcher.destroy());
    const by = createMashup({ dispatcher });
    const page = visit({ a: url('/a') }, by);
    const a = await backend.asked('/a');
    await by.close({ timeout: 1 });
    a.reply('there');
    expect((await page).body.a).toBe('there');
  });

  test('leaves a shared request of a dispatcher to its owner too', async () => {
    const dispatcher = new Agent();
    closeLater(() => dispatcher.destroy());
    const by = createMashup({ dispatcher });
    const page = visit({ a: { url: url('/a'), coalesce: true } }, by);
    const a = await backend.asked('/a');
    await by.close({ timeout: HOURS });
    a.reply('there');
    expect((await page).body.a).toBe('there');
  });

  test.each([true, false])('lets a run that has not asked yet ask for nothing, coalesce: %p', async (coalesce) => {
    const begun = deferred();
    const gate = deferred<boolean>();
    backend.answer('/a', 1);
    const when = () => {
      begun.resolve();
      return gate.promise;
    };
    const page = visit({ a: { url: url('/a'), coalesce, when } });
    await begun.promise;
    await mashup.close({ timeout: 1 });
    gate.resolve(true);
    expect((await page).body.mashup.a).toMatchObject({ error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 0 });
  });
});
