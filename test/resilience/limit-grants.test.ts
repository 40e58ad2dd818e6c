import { get } from 'node:http';
import request, { type Response } from 'supertest';
import type { Mashup, OriginStats, PageOptions, UpstreamMap } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

// What happens in the moments in which a place at an origin, or a slot of a run, goes from one to the next.

let x: Backend;
let y: Backend;
let site: Site;
let mashup: Mashup;

beforeEach(async () => {
  x = await startBackend();
  y = await startBackend();
  site = await startSite();
  const limits = { perOrigin: 1, queue: 100 };
  mashup = mashupWith({ clock: site.clock, limits });
  closeLater(() => mashup.close());
});
afterEach(closeAll);

let pages = 0;

function mount(upstreams: UpstreamMap, options: PageOptions = {}): string {
  const path = `/page${++pages}`;
  site.app.get(path, mashup(upstreams, options), (_req, res) => void res.json(res.locals));
  return path;
}

const visit = (upstreams: UpstreamMap, options?: PageOptions): Promise<Response> =>
  request(site.origin)
    .get(mount(upstreams, options))
    .then((response) => response);

const statsOf = ({ origin }: Backend): Partial<OriginStats> => mashup.stats().origins[origin] ?? {};

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settled();
}

/** Long enough for anything that was going to be sent. */
async function allSettled(): Promise<void> {
  for (let turns = 0; turns < 30; turns++) await settled();
}

test('a place that came for a call is used before the slot is another’s', async () => {
  const client = get(site.origin + mount({ a: `${x.origin}/a`, b: `${y.origin}/b` })).on('error', () => {});
  await Promise.all([x.asked('/a'), y.asked('/b')]);
  const second = visit({ onY: `${y.origin}/1`, onX: `${x.origin}/2` }, { concurrency: 1 });
  await until(() => statsOf(x).queued === 1 && statsOf(y).queued === 1);
  // Both places come in one tick, and there is one slot.
  client.destroy();
  await until(() => x.seen.includes('/2') || y.seen.includes('/1'));
  const [free, path] = x.seen.includes('/2') ? [y, '/1'] : [x, '/2'];
  const third = visit({ c: `${free.origin}/3` });
  (await free.asked('/3')).reply(3);
  await third;
  for (const [backend, asked] of [[free === x ? y : x, free === x ? '/1' : '/2'] as const, [free, path] as const]) {
    (await backend.asked(asked)).reply(1);
  }
  expect((await second).body).toMatchObject({ onX: 1, onY: 1 });
});

test('items of a fan-out keep their order, though one has waited at its origin', async () => {
  const first = visit({ a: `${x.origin}/a` });
  const a = await x.asked('/a');
  const gate = deferred<boolean>();
  const list = { url: `${x.origin}/i{item}`, each: () => [0, 1, 2, 3] };
  const second = visit({ list, y: { url: `${y.origin}/y`, when: () => gate.promise } }, { concurrency: 1 });
  await until(() => statsOf(x).queued === 1);
  gate.resolve(true);
  const other = await y.asked('/y');
  // Its place comes while the slot is taken.
  a.reply(1);
  await first;
  await allSettled();
  for (const item of [0, 1, 2, 3]) x.answer(`/i${item}`, item);
  other.reply(1);
  expect((await second).body.list).toEqual([0, 1, 2, 3]);
  expect(x.seen).toEqual(['/a', '/i0', '/i1', '/i2', '/i3']);
});

test.each([
  ['', {}],
  [' of an attempt that had a timeout', { attemptTimeout: 5000 }],
])('an answer%s makes a hedge needless that waits for its place', async (_, extra) => {
  const page = visit({ a: { url: `${x.origin}/a`, hedge: 100, ...extra } });
  const a = await x.asked('/a');
  site.clock.advance(100);
  expect(statsOf(x)).toMatchObject({ inFlight: 1, queued: 1 });
  a.reply('a');
  expect((await page).body.mashup.a.attempts).toBe(1);
  await allSettled();
  expect(x.seen).toEqual(['/a']);
});

test.each([
  ['', {}],
  [' that would have been tried again', { retry: 1 }],
  [' of an attempt that had a timeout', { attemptTimeout: 5000 }],
])('a required failure%s lets nobody in who waits for its place', async (_, extra) => {
  const page = visit({ a: { url: `${x.origin}/a`, required: true, ...extra }, b: `${x.origin}/b` });
  const a = await x.asked('/a');
  await until(() => statsOf(x).queued === 1);
  a.reply('a', { status: 404 });
  expect((await page).status).toBe(404);
  await allSettled();
  expect(x.seen).toEqual(['/a']);
  expect(statsOf(x)).toMatchObject({ inFlight: 0, queued: 0, outcomes: { answered: 1 } });
});
