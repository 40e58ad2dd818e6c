import { type ClientRequest, get } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Outcome, PageOptions, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;
let pages = 0;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

interface Client {
  readonly request: ClientRequest;
  readonly outcome: Promise<Outcome>;
}

/** Asks for a page whose only upstream is coalesced; resolves when it waits for its data. */
async function ask(given: Partial<UpstreamOptions>, options: PageOptions = {}, mashup = site.mashup): Promise<Client> {
  const path = `/page${++pages}`;
  const entry = { url: `${backend.origin}/a`, coalesce: true, ...given };
  site.app.get(path, mashup({ a: entry }, options), (_req, res) => void res.json(res.locals));
  const timers = site.clock.pending;
  const request = get(site.origin + path, { agent: false }).on('error', () => {});
  const outcome = new Promise<Outcome>((resolve) => {
    request.on('response', async (response) => resolve(JSON.parse(await text(response)).mashup.a));
  });
  while (site.clock.pending === timers) await settled();
  await settled();
  return { request, outcome };
}

const stats = () => site.mashup.stats().origins[backend.origin];

async function attempts(count: number): Promise<void> {
  const ended = () => Object.values(stats()?.outcomes ?? {}).reduce((a, b) => a + b, 0);
  while (ended() < count) await settled();
  await settled();
}

describe('retry', () => {
  const retry = { retry: { attempts: 1, backoff: 1 } };

  test('is done once for all who wait, and who comes in the back-off waits with them', async () => {
    const first = [await ask(retry), await ask(retry)];
    (await backend.asked('/a')).reply('no', { status: 503, headers: { 'retry-after': '1' } });
    await attempts(1);
    const late = await ask(retry);
    site.clock.advance(1000);
    (await backend.asked('/a')).reply('yes');
    const outcomes = await Promise.all([...first, late].map(({ outcome }) => outcome));
    expect(outcomes.map(({ data, attempts }) => [data, attempts])).toEqual([
      ['yes', 2],
      ['yes', 0],
      ['yes', 0],
    ]);
    expect(backend.seen).toHaveLength(2);
  });

  test('goes on for a follower when the leader is late', async () => {
    const leader = await ask(retry, { deadline: 100 });
    const follower = await ask(retry, { deadline: 2000 });
    const first = await backend.asked('/a');
    site.clock.advance(100);
    expect((await leader.outcome).error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    first.reply('no', { status: 503 });
    await attempts(1);
    site.clock.advance(1);
    (await backend.asked('/a')).reply('yes');
    expect(await follower.outcome).toMatchObject({ status: 'success', data: 'yes', source: 'shared', attempts: 0 });
  });

  test('is given up in the back-off when all have left', async () => {
    const clients = [await ask(retry), await ask(retry)];
    (await backend.asked('/a')).reply('no', { status: 503, headers: { 'retry-after': '1' } });
    await attempts(1);
    for (const { request } of clients) request.destroy();
    while (site.clock.pending > 0) await settled();
    const next = await ask(retry);
    (await backend.asked('/a')).reply('new');
    expect(await next.outcome).toMatchObject({ data: 'new', attempts: 1 });
  });
});

describe('breaker', () => {
  const breaker = { breaker: { minimum: 2, halfOpenAfter: 1000 } };

  test('counts a shared failure once', async () => {
    for (const state of ['closed', 'open']) {
      const clients = [await ask(breaker), await ask(breaker), await ask(breaker)];
      (await backend.asked('/a')).reply('no', { status: 500 });
      await Promise.all(clients.map(({ outcome }) => outcome));
      expect(stats()?.breaker).toBe(state);
    }
    expect((await (await askOpen()).outcome).error?.code).toBe('ERR_UPSTREAM_CIRCUIT_OPEN');
    expect(backend.seen).toHaveLength(2);
  });

  test('opens where an origin hangs, and everybody waits till the deadline', async () => {
    for (const state of ['closed', 'open']) {
      const clients = [await ask(breaker, { deadline: 100 }), await ask(breaker, { deadline: 100 })];
      const asked = await backend.asked('/a');
      site.clock.advance(100);
      for (const { outcome } of clients) expect((await outcome).error?.code).toBe('ERR_UPSTREAM_DEADLINE');
      await asked.closed;
      expect(stats()?.breaker).toBe(state);
    }
    expect(stats()?.outcomes).toMatchObject({ ERR_UPSTREAM_DEADLINE: 2 });
  });

  test('opens where the items of a fan-out hang, though they may share', async () => {
    const entry = { url: `${backend.origin}/{item}`, each: () => ['a', 'b', 'a'], ...breaker };
    const visit = site.visit({ a: entry }, { deadline: 100 });
    await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(100);
    await visit;
    expect(stats()?.breaker).toBe('open');
  });

  test('does not open where all clients leave', async () => {
    for (let round = 0; round < 3; round++) {
      const clients = [await ask(breaker), await ask(breaker)];
      const asked = await backend.asked('/a');
      for (const { request } of clients) request.destroy();
      await asked.closed;
    }
    expect(stats()).toMatchObject({ breaker: 'closed', outcomes: { ERR_UPSTREAM_CANCELED: 3 } });
  });

  /** Asks a page of an open breaker, which answers before it could be seen to wait. */
  async function askOpen(): Promise<Client> {
    const path = `/page${++pages}`;
    const entry = { url: `${backend.origin}/a`, coalesce: true, ...breaker };
    site.app.get(path, site.mashup({ a: entry }), (_req, res) => void res.json(res.locals));
    const request = get(site.origin + path, { agent: false });
    const outcome = new Promise<Outcome>((resolve) => {
      request.on('response', async (response) => resolve(JSON.parse(await text(response)).mashup.a));
    });
    return { request, outcome };
  }
});

describe('hedge', () => {
  test('is one for all who wait; the loser is aborted', async () => {
    const clients = [await ask({ hedge: 100 }), await ask({ hedge: 100 })];
    const first = await backend.asked('/a');
    site.clock.advance(100);
    (await backend.asked('/a')).reply('hedge');
    const outcomes = await Promise.all(clients.map(({ outcome }) => outcome));
    expect(outcomes.map(({ data, attempts }) => [data, attempts])).toEqual([
      ['hedge', 2],
      ['hedge', 0],
    ]);
    await first.closed;
    expect(backend.seen).toHaveLength(2);
  });

  test('is aborted with its first attempt when all have left, and not before', async () => {
    const clients = [await ask({ hedge: 100 }), await ask({ hedge: 100 })];
    const asked = [await backend.asked('/a')];
    site.clock.advance(100);
    asked.push(await backend.asked('/a'));
    clients[0]?.request.destroy();
    while (site.clock.pending > 1) await settled();
    expect(stats()?.inFlight).toBe(2);
    clients[1]?.request.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(stats()?.inFlight).toBe(0);
  });
});

describe('limits', () => {
  const narrow = () => {
    const limits = { perOrigin: 1, queue: 1 };
    const mashup = mashupWith({ clock: site.clock, limits });
    closeLater(() => mashup.close());
    return mashup;
  };

  test('those who share have one place in line, which the leader does not take with it', async () => {
    const mashup = narrow();
    const other = await ask({ url: `${backend.origin}/other` }, {}, mashup);
    const busy = await backend.asked('/other');
    const [leader, ...others] = [await ask({}, {}, mashup), await ask({}, {}, mashup), await ask({}, {}, mashup)];
    expect(mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 1, queued: 1 });
    leader?.request.destroy();
    while (site.clock.pending > 3) await settled();
    expect(mashup.stats().origins[backend.origin]?.queued).toBe(1);
    busy.reply(1);
    (await backend.asked('/a')).reply('late');
    for (const { outcome } of others) expect(await outcome).toMatchObject({ data: 'late', attempts: 0 });
    await other.outcome;
  });

  test('the last who leaves gives up the place in line', async () => {
    const mashup = narrow();
    const other = await ask({ url: `${backend.origin}/other` }, {}, mashup);
    const busy = await backend.asked('/other');
    const clients = [await ask({}, {}, mashup), await ask({}, {}, mashup)];
    for (const { request } of clients) request.destroy();
    while (mashup.stats().origins[backend.origin]?.queued !== 0) await settled();
    busy.reply(1);
    await other.outcome;
    expect(mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 0, queued: 0 });
    expect(backend.seen).toEqual(['/other']);
  });
});
