import { get } from 'node:http';
import type { Socket } from 'node:net';
import request from 'supertest';
import { createMashup, isConfigError, type Outcome, type UpstreamMap, type UpstreamOptions } from '../../src/index.js';
import { KeptConnections } from '../../src/transport/connections.js';
import { type Asked, type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { Ends, openPage, type Site, startSite, type Visit } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const outcome = async (visit: Promise<Visit>): Promise<Outcome> => (await visit).locals.mashup['a'] as Outcome;
const stats = () => site.mashup.stats().origins[backend.origin];

function hedged(count: number, options: Partial<UpstreamOptions> = {}): UpstreamMap {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`u${at}`, { url: url(`/${at}`), hedge: 100, ...options }]),
  );
}

const askedAll = (count: number): Promise<Asked[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => backend.asked(`/${at}`)));

async function bothAsked(): Promise<Asked[]> {
  const first = await backend.asked('/a');
  site.clock.advance(100);
  return [first, await backend.asked('/a')];
}

describe('both attempts are aborted', () => {
  test.each([
    ['at the deadline', {}, 'ERR_UPSTREAM_DEADLINE', 500],
    ["at the call's timeout", { timeout: 300 }, 'ERR_UPSTREAM_TIMEOUT', 300],
  ])('%s', async (_when, options, code, ended) => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100, ...options } }, { deadline: 500 });
    const asked = await bothAsked();
    site.clock.advance(ended - 100);
    expect(await outcome(visit)).toMatchObject({
      status: 'error',
      error: { code, attempts: 2 },
      attempts: 2,
      timings: { started: 0, firstByte: null, ended },
    });
    await Promise.all(asked.map(({ closed }) => closed));
    expect(site.clock.pending).toBe(0);
    expect(stats()).toMatchObject({ inFlight: 0, queued: 0, outcomes: { [code]: 2 } });
  });

  test('when the client leaves', async () => {
    site.app.get('/', site.mashup({ a: { url: url('/a'), hedge: 100 } }), (_req, res) => void res.end());
    const client = get(site.origin).on('error', () => {});
    const asked = await bothAsked();
    client.destroy();
    await Promise.all(asked.map(({ closed }) => closed));
    expect(site.clock.pending).toBe(0);
    expect(stats()?.inFlight).toBe(0);
  });

  test('when another upstream fails that is required', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100 }, b: { url: url('/b'), required: true } });
    const asked = await bothAsked();
    (await backend.asked('/b')).reply('no', { status: 500 });
    expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 2 });
    await Promise.all(asked.map(({ closed }) => closed));
  });

  test('and no hedge is sent where the client leaves before the delay', async () => {
    site.app.get('/', site.mashup({ a: { url: url('/a'), hedge: 100 } }), (_req, res) => void res.end());
    const client = get(site.origin).on('error', () => {});
    const asked = await backend.asked('/a');
    client.destroy();
    await asked.closed;
    expect(site.clock.pending).toBe(0);
  });
});

describe('nothing of a race is under way any more when the handler runs', () => {
  /** How much is in flight the moment that a hedged call, which is all of its page, has ended by what is done to it. */
  async function inFlightAfter(
    end: (asked: Asked[]) => void,
    options: Partial<UpstreamOptions> = {},
  ): Promise<unknown> {
    let inFlight: unknown;
    const page = site.mashup({ a: { url: url('/a'), hedge: 100, ...options } });
    site.app.get('/race', page, (_req, res) => {
      inFlight = stats()?.inFlight;
      res.end();
    });
    const response = request(site.origin).get('/race').then();
    end(await bothAsked());
    await response;
    return inFlight;
  }

  test('when the timeout of its call has ended both attempts', async () => {
    expect(await inFlightAfter(() => site.clock.advance(100), { timeout: 200 })).toBe(0);
  });

  test('when one has answered: the other has been given up by then', async () => {
    // The place of the one that has answered is given back when all that follows from its answer is done.
    expect(await inFlightAfter(([first]) => first?.reply(1))).toBe(1);
  });
});

describe("'p95'", () => {
  /** Lets the origin answer so many requests, the nth after n times 10 ms. */
  async function sample(count: number): Promise<void> {
    const ends = new Ends();
    const page = Array.from({ length: count }, (_, at) => [`u${at}`, { url: url(`/${at}`), when: ends.watch }]);
    const visit = site.visit(Object.fromEntries(page), { concurrency: count });
    const asked = await askedAll(count);
    for (const [at, one] of asked.entries()) {
      site.clock.advance(10);
      one.reply(at);
      await ends.reach(at + 1);
    }
    await visit;
  }

  test('sends no hedge while there are fewer than 20 answers', async () => {
    await sample(19);
    expect(stats()?.p95).toBeNull();
    const visit = site.visit({ a: { url: url('/a'), hedge: 'p95' } });
    const a = await backend.asked('/a');
    expect(site.clock.pending).toBe(1);
    a.reply(1);
    await visit;
  });

  test('is the 95th percentile of the answers from the 20th on', async () => {
    await sample(20);
    expect(stats()).toMatchObject({ p50: 110, p95: 200 });
    const before = site.begun;
    const visit = site.visit({ a: { url: url('/a'), hedge: 'p95' } });
    const first = await backend.asked('/a');
    site.clock.advance(199);
    expect(site.begun).toBe(before + 1);
    site.clock.advance(1);
    (await backend.asked('/a')).reply('hedge');
    expect(await outcome(visit)).toMatchObject({ data: 'hedge', attempts: 2 });
    await first.closed;
  });

  test('is of its own origin', async () => {
    await sample(20);
    const other = await startBackend();
    const visit = site.visit({ a: { url: `${other.origin}/a`, hedge: 'p95' } });
    const a = await other.asked('/a');
    expect(site.clock.pending).toBe(1);
    a.reply(1);
    await visit;
  });
});

describe('the budget', () => {
  test('bounds hedges: 10 in 10 s where there are few calls, and again when these have passed', async () => {
    const visit = site.visit(hedged(12), { concurrency: 50, deadline: 60_000 });
    const first = await askedAll(12);
    site.clock.advance(100);
    expect(site.begun).toBe(12 + 10);
    expect(stats()?.budget).toBe(0);
    for (const one of first) one.reply(1);
    const { locals } = await visit;
    expect(Object.values(locals.mashup).map(({ attempts }) => attempts)).toEqual([...Array(10).fill(2), 1, 1]);
    site.clock.advance(11_000);
    expect(stats()?.budget).toBe(10);
  });

  test('is a tenth of the calls where there are many, each call counted once', async () => {
    const visit = site.visit(hedged(120, { retry: 1 }), { concurrency: 300 });
    const first = await askedAll(120);
    expect(stats()?.budget).toBe(12);
    site.clock.advance(100);
    expect(site.begun).toBe(120 + 8);
    for (const one of first) one.reply(1);
    await visit;
  });

  test('is one for retries and hedges together', async () => {
    const visit = site.visit(hedged(10), { concurrency: 50 });
    const first = await askedAll(10);
    site.clock.advance(100);
    for (const one of first) one.reply(1);
    await visit;
    expect(stats()?.budget).toBe(0);
    backend.answer('/a', 'no', { status: 503 });
    expect(await outcome(site.visit({ a: { url: url('/a'), retry: 3 } }))).toMatchObject({ attempts: 1 });
  });
});

test('a connection that breaks before the delay is no reason for a hedge', async () => {
  const origin = await startRawBackend((socket) => socket.destroy());
  const visit = site.visit({ a: { url: `${origin}/`, hedge: 100 } });
  expect(await outcome(visit)).toMatchObject({ error: { code: 'ERR_UPSTREAM_NETWORK' }, attempts: 1 });
  expect(site.clock.pending).toBe(0);
});

describe('a hedge that its origin has no place for', () => {
  const narrow = () =>
    mashupWith({ clock: site.clock, connections: new KeptConnections(), limits: { perOrigin: 1, queue: 0 } });

  test('does not hide why the first attempt failed', async () => {
    const mashup = narrow();
    closeLater(() => mashup.close());
    const connected = deferred<Socket>();
    const origin = await startRawBackend((socket) => socket.once('data', () => connected.resolve(socket)));
    const visiting = (await openPage({ a: { url: `${origin}/`, hedge: 100 } }, { mashup }))();
    const socket = await connected.promise;
    site.clock.advance(100);
    socket.destroy();
    const { outcomes } = await visiting;
    expect(outcomes['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_NETWORK' }, attempts: 1 });
  });

  test('leaves the first attempt under way', async () => {
    const mashup = narrow();
    closeLater(() => mashup.close());
    const visiting = (await openPage({ a: { url: url('/a'), hedge: 100 } }, { mashup }))();
    const first = await backend.asked('/a');
    site.clock.advance(100);
    first.reply('there');
    expect((await visiting).locals['a']).toBe('there');
  });
});

describe('with retry around it', () => {
  test('each try is a race of its own', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100, retry: { attempts: 1, backoff: 0.001 } } });
    const [first, second] = (await bothAsked()) as [Asked, Asked];
    second.reply('no', { status: 503 });
    first.reply('no', { status: 503 });
    while (stats()?.inFlight !== 0) await settled();
    await settled();
    site.clock.advance(1);
    const third = await backend.asked('/a');
    site.clock.advance(100);
    (await backend.asked('/a')).reply('at last');
    expect(await outcome(visit)).toMatchObject({
      status: 'success',
      data: 'at last',
      attempts: 4,
      timings: { started: 0, firstByte: 201, ended: 201 },
    });
    await third.closed;
    expect(site.clock.pending).toBe(0);
  });

  test('a failure that the hedge makes good is not tried again', async () => {
    const visit = site.visit({ a: { url: url('/a'), hedge: 100, retry: 3 } });
    const [first, second] = (await bothAsked()) as [Asked, Asked];
    first.reply('no', { status: 503 });
    second.reply('yes');
    expect(await outcome(visit)).toMatchObject({ data: 'yes', attempts: 2 });
  });
});

describe('the config', () => {
  const problem = (options: object): string => {
    try {
      createMashup()({ a: { url: 'http://localhost/', ...options } });
      return '';
    } catch (error) {
      return isConfigError(error) ? error.message : String(error);
    }
  };

  test.each(['POST', 'put', 'DELETE', 'PATCH', 'OPTIONS'])('a hedge of %s is an error', (method) => {
    expect(problem({ method, hedge: 100 })).toMatch(/a\.hedge: .*for GET and HEAD, not/);
  });

  test.each(['GET', 'head', undefined])('a hedge of %s is none', (method) => {
    expect(problem({ method, hedge: 100 })).toBe('');
  });

  test.each([0, -1, NaN, Infinity, '100', 'p99', true, null])('hedge: %p is an error', (hedge) => {
    expect(problem({ hedge })).toMatch(/a\.hedge: expected milliseconds, or 'p95', but was given/);
  });
});
