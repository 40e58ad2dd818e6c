import { type ClientRequest, get } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Outcome, PageOptions, UpstreamMap, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

type Body = { a: unknown; mashup: Record<'a', Outcome> };

interface Client {
  readonly request: ClientRequest;
  /** What the page answers: its data and outcomes. */
  readonly body: Promise<Body>;
}

const shared = (options: Partial<UpstreamOptions> = {}): UpstreamMap => ({
  a: { url: `${backend.origin}/a`, coalesce: true, ...options },
});

let pages = 0;

function page(upstreams: UpstreamMap = shared(), options: PageOptions = {}): () => Client {
  const path = `/page${++pages}`;
  site.app.get(path, site.mashup(upstreams, options), (_req, res) => void res.json(res.locals));
  return () => {
    const request = get(site.origin + path, { agent: false }).on('error', () => {});
    const body = new Promise<Body>((resolve) => {
      request.on('response', async (response) => resolve(JSON.parse(await text(response))));
    });
    return { request, body };
  };
}

/** Asks for pages, one after the other: each waits for its data when the next begins. */
async function crowd(asks: readonly (() => Client)[]): Promise<Client[]> {
  const clients: Client[] = [];
  for (const ask of asks) {
    const timers = site.clock.pending;
    clients.push(ask());
    while (site.clock.pending === timers) await settled();
    await settled();
  }
  return clients;
}

const times = (count: number, ask: () => Client): (() => Client)[] => Array.from({ length: count }, () => ask);

test('50 equal GETs of 50 clients at once are one request', async () => {
  const clients = await crowd(times(50, page()));
  const asked = await backend.asked('/a');
  expect(site.begun).toBe(1);
  asked.reply({ to: 'all' });
  const bodies = await Promise.all(clients.map(({ body }) => body));
  expect(bodies.map(({ a }) => a)).toEqual(Array(50).fill({ to: 'all' }));
  expect(bodies.map(({ mashup }) => mashup.a.source)).toEqual(['network', ...Array(49).fill('shared')]);
  expect(bodies.map(({ mashup }) => mashup.a.attempts)).toEqual([1, ...Array(49).fill(0)]);
  expect(backend.seen).toEqual(['/a']);
});

test('the outcome of a follower says that nothing was sent for it', async () => {
  const [ask] = [page()];
  const [leader] = await crowd([ask]);
  const asked = await backend.asked('/a');
  site.clock.advance(30);
  const [follower] = await crowd([ask]);
  site.clock.advance(40);
  asked.reply(1);
  expect((await leader?.body)?.mashup.a.timings).toEqual({ ready: 0, started: 0, firstByte: 70, ended: 70 });
  expect((await follower?.body)?.mashup.a).toMatchObject({
    status: 'success',
    source: 'shared',
    response: { status: 200, url: `${backend.origin}/a` },
    attempts: 0,
    timings: { ready: 0, started: null, firstByte: null, ended: 40 },
  });
});

test('different pages share too', async () => {
  const clients = await crowd([page(), page(shared({ timeout: 100 })), page(shared({ fallback: 0 }))]);
  (await backend.asked('/a')).reply(1);
  expect((await Promise.all(clients.map(({ body }) => body))).map(({ a }) => a)).toEqual([1, 1, 1]);
  expect(backend.seen).toHaveLength(1);
});

test('without the option every run asks', async () => {
  const clients = await crowd(times(2, page(shared({ coalesce: false }))));
  for (const _ of clients) (await backend.asked('/a')).reply(1);
  const bodies = await Promise.all(clients.map(({ body }) => body));
  expect(bodies.map(({ mashup }) => mashup.a.source)).toEqual(['network', 'network']);
});

test('a page that does not want it neither leads nor follows', async () => {
  const clients = await crowd([page(shared({ coalesce: false })), page(), page(), page(shared({ coalesce: false }))]);
  for (let at = 0; at < 3; at++) (await backend.asked('/a')).reply(1);
  await Promise.all(clients.map(({ body }) => body));
  expect(backend.seen).toHaveLength(3);
});

describe('who leaves', () => {
  test('the client of the leader: the other 49 are served', async () => {
    const [leader, ...others] = await crowd(times(50, page()));
    const asked = await backend.asked('/a');
    const left = site.clock.pending - 1;
    leader?.request.destroy();
    while (site.clock.pending > left) await settled();
    asked.reply('here');
    const bodies = await Promise.all(others.map(({ body }) => body));
    expect(bodies.map(({ a }) => a)).toEqual(Array(49).fill('here'));
    expect(bodies.every(({ mashup }) => mashup.a.source === 'shared')).toBe(true);
    expect(backend.seen).toHaveLength(1);
  });

  test('a follower: the others are served', async () => {
    const [leader, follower, last] = await crowd(times(3, page()));
    const asked = await backend.asked('/a');
    follower?.request.destroy();
    while (site.clock.pending > 2) await settled();
    asked.reply('here');
    expect([(await leader?.body)?.a, (await last?.body)?.a]).toEqual(['here', 'here']);
  });

  test('all: the request is aborted at the upstream, with the last of them', async () => {
    const clients = await crowd(times(3, page()));
    const asked = await backend.asked('/a');
    for (const { request } of clients) {
      expect(site.mashup.stats().origins[backend.origin]?.inFlight).toBe(1);
      const timers = site.clock.pending;
      request.destroy();
      while (site.clock.pending === timers) await settled();
    }
    await asked.closed;
    expect(site.mashup.stats().origins[backend.origin]).toMatchObject({ inFlight: 0 });
  });

  test('all, and whoever comes then asks anew', async () => {
    const ask = page();
    const clients = await crowd(times(2, ask));
    const first = await backend.asked('/a');
    for (const { request } of clients) request.destroy();
    await first.closed;
    const [next] = await crowd([ask]);
    (await backend.asked('/a')).reply('new');
    expect(await next?.body).toMatchObject({ a: 'new', mashup: { a: { source: 'network', attempts: 1 } } });
  });
});

describe('each keeps its own time', () => {
  test("a follower's deadline and timeout end the follower alone", async () => {
    const clients = await crowd([
      page(),
      page(shared(), { deadline: 100 }),
      page(shared({ timeout: 200 })),
      page(shared(), { deadline: 1000 }),
    ]);
    const asked = await backend.asked('/a');
    site.clock.advance(300);
    expect((await clients[1]?.body)?.mashup.a).toMatchObject({
      error: { code: 'ERR_UPSTREAM_DEADLINE', attempts: 0 },
      timings: { ended: 100 },
    });
    expect((await clients[2]?.body)?.mashup.a).toMatchObject({
      error: { code: 'ERR_UPSTREAM_TIMEOUT', attempts: 0 },
      timings: { ended: 200 },
    });
    asked.reply(1);
    expect([(await clients[0]?.body)?.a, (await clients[3]?.body)?.a]).toEqual([1, 1]);
  });

  test("a leader's does not end the followers", async () => {
    const clients = await crowd([page(shared(), { deadline: 100 }), page()]);
    const asked = await backend.asked('/a');
    site.clock.advance(100);
    expect((await clients[0]?.body)?.mashup.a).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' }, attempts: 1 });
    asked.reply(1);
    expect(await clients[1]?.body).toMatchObject({ a: 1, mashup: { a: { source: 'shared', attempts: 0 } } });
  });

  test('and the last one ends the request', async () => {
    const clients = await crowd([page(shared(), { deadline: 100 }), page(shared(), { deadline: 200 })]);
    const asked = await backend.asked('/a');
    site.clock.advance(200);
    await asked.closed;
    for (const { body } of clients) {
      expect((await body).mashup.a.error).toMatchObject({ code: 'ERR_UPSTREAM_DEADLINE' });
    }
  });
});

describe('the end of it', () => {
  test('after an answer, the next one asks anew', async () => {
    const ask = page();
    for (const data of ['first', 'second']) {
      const [client] = await crowd([ask]);
      (await backend.asked('/a')).reply(data);
      expect(await client?.body).toMatchObject({ a: data, mashup: { a: { source: 'network' } } });
    }
  });

  test.each([
    ['a status', { status: 500 }, 'ERR_UPSTREAM_STATUS'],
    ['a body too large', { headers: { 'content-length': '99999999' } }, 'ERR_UPSTREAM_TOO_LARGE'],
  ])('a failure, %s, is shared as well: each has an error of its own', async (_what, reply, code) => {
    const ask = page();
    const clients = await crowd([ask, ask, page(shared({ fallback: 'instead' }))]);
    (await backend.asked('/a')).reply('no', reply);
    const [leader, follower, prepared] = await Promise.all(clients.map(({ body }) => body));
    expect(leader?.mashup.a).toMatchObject({ status: 'error', error: { code, attempts: 1 }, source: null });
    expect(follower?.mashup.a).toMatchObject({ status: 'error', error: { code, attempts: 0 }, source: null });
    expect(prepared).toMatchObject({ a: 'instead', mashup: { a: { status: 'fallback', error: { code } } } });
    const [next] = await crowd([ask]);
    (await backend.asked('/a')).reply('better');
    expect((await next?.body)?.a).toBe('better');
  });
});
