import type { ClientRequest } from 'node:http';
import { get } from 'node:http';
import type { OriginStats, UpstreamMap } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

// Breakers, budgets and percentiles count what an upstream did, and nothing else.

let backend: Backend;
let other: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  other = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const statsOf = ({ origin } = backend): OriginStats => site.mashup.stats().origins[origin] as OriginStats;
// The first failure that counts opens it.
const breaker = { minimum: 1, threshold: 1 };
const down = { status: 503 };

/** Asks for a page whose client is in the test's hands. */
function ask(upstreams: UpstreamMap, headers: Record<string, string> = {}, options = {}): ClientRequest {
  const path = `/by-hand${++pages}`;
  site.app.get(path, site.mashup(upstreams, options), (_req, res) => void res.end());
  return get(`${site.origin}${path}`, { headers }, (response) => response.resume()).on('error', () => {});
}
let pages = 0;

const ended = (client: ClientRequest) => new Promise((resolve) => client.on('close', resolve));

describe('a breaker says nothing of an upstream', () => {
  test('for which another one had left too little time', async () => {
    const visit = site.visit({
      slow: `${other.origin}/slow`,
      healthy: { url: url('/a{?slow.id}'), breaker },
    });
    const slow = await other.asked('/slow');
    site.clock.advance(1500);
    slow.reply({ id: 7 });
    await backend.asked('/a?id=7');
    site.clock.advance(500);
    expect((await visit).locals.mashup['healthy']).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' } });
    expect(statsOf().breaker).toBe('closed');
  });

  test('for which the line of its run had left too little time', async () => {
    const visit = site.visit(
      { first: `${other.origin}/first`, healthy: { url: url('/a'), breaker, timeout: 1000 } },
      { concurrency: 1 },
    );
    const first = await other.asked('/first');
    site.clock.advance(900);
    first.reply(1);
    await backend.asked('/a');
    site.clock.advance(100);
    expect((await visit).locals.mashup['healthy']).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' } });
    expect(statsOf().breaker).toBe('closed');
  });

  test('that had its time: that one is open', async () => {
    const visit = site.visit({ a: { url: url('/a'), breaker, timeout: 1000 } });
    await backend.asked('/a');
    site.clock.advance(1000);
    await visit;
    expect(statsOf().breaker).toBe('open');
  });

  test('for clients in a hurry, though they share its request', async () => {
    const upstreams = { a: { url: url('/a'), breaker, coalesce: true } };
    const clients = [1, 2, 3].map(() => ask(upstreams, { 'x-wait': '20' }, { deadlineFrom: 'x-wait' }));
    await backend.asked('/a');
    while (site.clock.pending < 3) await settled();
    site.clock.advance(20);
    await Promise.all(clients.map(ended));
    expect(statsOf()).toMatchObject({ breaker: 'closed', inFlight: 0 });
  });
});

test('one client who asks for what is slow does not keep a breaker open for the others', async () => {
  backend.answer('/down', 'no', { status: 500 });
  await site.visit({ a: { url: url('/down'), breaker } });
  site.clock.advance(5000);
  const slow = ask({ a: { url: url('/slow'), breaker } });
  await backend.asked('/slow');
  backend.answer('/ordinary', 'well');
  expect((await site.visit({ a: { url: url('/ordinary'), breaker } })).locals['a']).toBe('well');
  expect(statsOf().breaker).toBe('closed');
  slow.destroy();
  await ended(slow);
});

describe('the budget of extra attempts', () => {
  test('is not spent by clients that leave while a try waits for its back-off', async () => {
    backend.answer('/a', 'no', down);
    for (let at = 0; at < 12; at++) {
      const backOff = site.clock.nextTimer();
      const client = ask({ a: { url: url('/a'), retry: { backoff: 1000 } } });
      await backOff;
      await site.clock.nextTimer();
      client.destroy();
      while (site.clock.pending > 0) await settled();
    }
    expect(backend.seen).toHaveLength(12);
    expect(statsOf().budget).toBe(10);
  });

  test('is not grown by calls that the breaker refuses', async () => {
    backend.answer('/a', 'no', { status: 500 });
    for (let at = 0; at < 200; at++) await site.visit({ a: { url: url('/a'), breaker, retry: { statuses: [599] } } });
    expect(backend.seen).toHaveLength(1);
    expect(statsOf().budget).toBe(10);
  });
});

test('the loser of a race counts for the percentile, for it took longer than that', async () => {
  for (let at = 0; at < 40; at++) backend.answer(`/${at}`, at);
  for (let at = 0; at < 40; at++) await site.visit({ a: url(`/${at}`) });
  expect(statsOf().p95).toBe(0);
  // Four of 44 are slow: more than 5 %.
  for (let at = 0; at < 4; at++) {
    const visit = site.visit({ a: { url: url(`/slow${at}`), hedge: 100 } });
    await backend.asked(`/slow${at}`);
    site.clock.advance(100);
    (await backend.asked(`/slow${at}`)).reply('by the second');
    expect((await visit).locals['a']).toBe('by the second');
  }
  expect(statsOf().p95).toBe(100);
});

test('a client that leaves early makes no upstream seem fast', async () => {
  for (let at = 0; at < 20; at++) {
    const visit = site.visit({ a: url(`/${at}`) });
    const asked = await backend.asked(`/${at}`);
    site.clock.advance(500);
    asked.reply(at);
    await visit;
  }
  for (let at = 0; at < 30; at++) {
    const client = ask({ a: url(`/left${at}`) });
    const asked = await backend.asked(`/left${at}`);
    client.destroy();
    await asked.closed;
  }
  expect(statsOf()).toMatchObject({ p50: 500, p95: 500 });
});

test('what is tried again by one page’s rules is not shared with a page that has other rules', async () => {
  const retry = { statuses: [503], backoff: 1 };
  const visits = [
    site.visit({ a: { url: url('/a'), coalesce: true, retry } }),
    site.visit({ a: { url: url('/a'), coalesce: true, retry, validateStatus: (status) => status === 503 } }),
  ];
  const asked = [await backend.asked('/a'), await backend.asked('/a')];
  for (const one of asked) one.reply('busy', down);
  const backOff = await site.clock.nextTimer();
  backend.answer('/a', 'well');
  site.clock.advance(backOff);
  const [strict, lenient] = await Promise.all(visits);
  expect([strict?.locals['a'], lenient?.locals['a']]).toEqual(['well', 'busy']);
});
