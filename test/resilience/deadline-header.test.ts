import axios from 'axios';
import request from 'supertest';
import { createMashup, type UpstreamOptions } from '../../src/index.js';
import { type Asked, type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { openPage, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const entry = (options: Partial<UpstreamOptions> = {}) => ({
  url: url('/a'),
  deadlineHeader: 'X-Time-Left',
  ...options,
});
const left = ({ headers }: Asked) => headers['x-time-left'];

/** Waits until so many attempts have ended. */
async function ended(count: number): Promise<void> {
  const all = () =>
    Object.values(site.mashup.stats().origins[backend.origin]?.outcomes ?? {}).reduce((a, b) => a + b, 0);
  while (all() < count) await settled();
  await settled();
}

describe('deadlineHeader', () => {
  test.each([
    ['the deadline', {}, { deadline: 700 }, '700'],
    ['the default deadline', {}, {}, '2000'],
    ["the call's timeout, where it is shorter", { timeout: 300 }, { deadline: 700 }, '300'],
    ['the deadline, where the timeout is longer', { timeout: 900 }, { deadline: 700 }, '700'],
    ["an attempt's timeout, where it is shortest", { timeout: 300, attemptTimeout: 120 }, { deadline: 700 }, '120'],
    ["no attempt's timeout that is longer", { attemptTimeout: 900 }, { deadline: 700 }, '700'],
    ['whole milliseconds', { timeout: 99.9 }, {}, '99'],
    ['at least one', { timeout: 0.5 }, {}, '1'],
  ])('says how many milliseconds are left: %s', async (_of, options, page, value) => {
    const visit = site.visit({ a: entry(options) }, page);
    const a = await backend.asked('/a');
    expect(left(a)).toBe(value);
    a.reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test('is not sent unless it is asked for', async () => {
    const visit = site.visit({ a: url('/a') });
    const a = await backend.asked('/a');
    expect(left(a)).toBeUndefined();
    a.reply(1);
    await visit;
  });

  test('counts what others took before', async () => {
    const visit = site.visit({ user: url('/user'), a: entry({ url: url('/a/{user.id}'), timeout: 1000 }) });
    const user = await backend.asked('/user');
    site.clock.advance(1200);
    user.reply({ id: 7 });
    const a = await backend.asked('/a/7');
    expect(left(a)).toBe('800');
    a.reply(1);
    await visit;
  });

  test('counts the wait for a slot', async () => {
    const visit = site.visit({ b: url('/b'), a: entry() }, { concurrency: 1, deadline: 1000 });
    const b = await backend.asked('/b');
    site.clock.advance(400);
    b.reply(1);
    const a = await backend.asked('/a');
    expect(left(a)).toBe('600');
    a.reply(1);
    await visit;
  });

  test('is worked out for each try', async () => {
    const visit = site.visit(
      { a: entry({ retry: { attempts: 2, backoff: 1 }, attemptTimeout: 800 }) },
      { deadline: 1000 },
    );
    const first = await backend.asked('/a');
    site.clock.advance(500);
    first.reply('no', { status: 503 });
    await ended(1);
    site.clock.advance(1);
    const second = await backend.asked('/a');
    expect([first, second].map(left)).toEqual(['800', '499']);
    second.reply(1);
    await visit;
  });

  test('and for the hedge', async () => {
    const visit = site.visit({ a: entry({ hedge: 100 }) }, { deadline: 1000 });
    const first = await backend.asked('/a');
    site.clock.advance(100);
    const second = await backend.asked('/a');
    expect([first, second].map(left)).toEqual(['1000', '900']);
    second.reply(1);
    await visit;
  });

  test('and for each item', async () => {
    const item = entry({ url: url('/{item}'), each: () => [1, 2], timeout: 500 });
    const visit = site.visit({ a: item }, { concurrency: 1, deadline: 1000 });
    const first = await backend.asked('/1');
    site.clock.advance(200);
    first.reply(1);
    const second = await backend.asked('/2');
    expect([first, second].map(left)).toEqual(['500', '300']);
    second.reply(2);
    await visit;
  });

  test('goes with a redirect to the same origin, and to no other', async () => {
    const other = await startBackend();
    backend.answer('/a', '', { status: 302, headers: { location: '/b' } });
    const visit = site.visit({ a: entry({ origins: [other.origin] }) });
    const b = await backend.asked('/b');
    expect(left(b)).toBe('2000');
    b.reply('', { status: 302, headers: { location: `${other.origin}/c` } });
    const c = await other.asked('/c');
    expect(left(c)).toBeUndefined();
    c.reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test('is in place of a header of that name that the page gives, or that the client sends', async () => {
    const page = {
      a: entry({ headers: { 'x-time-left': '7' } }),
      b: entry({ url: url('/b'), forward: ['x-time-left'] }),
    };
    site.app.get('/', site.mashup(page), (_req, res) => void res.end());
    const visit = request(site.origin).get('/').set('X-Time-Left', '9').then();
    const asked = [await backend.asked('/a'), await backend.asked('/b')];
    expect(asked.map(left)).toEqual(['2000', '2000']);
    for (const one of asked) one.reply(1);
    await visit;
  });

  test('says what is left for the first of those who share a request, when it is sent for it', async () => {
    const page = { a: entry({ timeout: 500 }), b: entry(), c: entry({ timeout: 800 }) };
    const visit = site.visit(page, { deadline: 1000 });
    const a = await backend.asked('/a');
    expect(left(a)).toBe('500');
    a.reply(1);
    const { mashup } = (await visit).locals;
    expect(Object.values(mashup).map(({ source }) => source)).toEqual(['network', 'shared', 'shared']);
  });

  test('of another value does not separate calls of different runs', async () => {
    const visits = [
      site.visit({ a: entry({ coalesce: true, timeout: 500 }) }),
      site.visit({ a: entry({ coalesce: true }) }),
    ];
    while (site.clock.pending < 3) await settled();
    await settled();
    expect(site.begun).toBe(1);
    (await backend.asked('/a')).reply(1);
    for (const visit of visits) expect((await visit).locals['a']).toBe(1);
  });

  test('is sent by an axios instance too', async () => {
    const mashup = mashupWith({ clock: site.clock, axios: axios.create() });
    closeLater(() => mashup.close());
    const visit = (await openPage({ a: entry({ timeout: 300 }) }, { mashup }))();
    const a = await backend.asked('/a');
    expect(left(a)).toBe('300');
    a.reply(1);
    expect((await visit).data).toEqual({ a: 1 });
  });

  test.each(['', 'a b', 'x:y', 'Connection', 'Transfer-Encoding', 'Content-Length'])(
    'called %j is a config error',
    (name) => {
      expect(() => createMashup()({ a: { url: 'http://localhost/', deadlineHeader: name } })).toThrow(
        /a\.deadlineHeader/,
      );
    },
  );
});
