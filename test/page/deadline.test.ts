import request from 'supertest';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { Ends, expresses, type Site, startSite } from '../support/site.js';

const fast = ['a', 'b', 'c', 'd', 'e'];
const slow = ['x', 'y', 'z'];

describe.each(expresses)('%s: at the deadline', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  /** A page of five upstreams that answer and three that hang, when everything has happened that will. */
  async function visitEight() {
    const ends = new Ends();
    for (const name of fast) backend.answer(`/${name}`, name);
    const upstreams = Object.fromEntries(
      [...slow, ...fast].map((name) => [name, { url: `${backend.origin}/${name}`, when: ends.watch }]),
    );
    const visit = site.visit(upstreams, { deadline: 500 });
    const hanging = await Promise.all(slow.map((name) => backend.asked(`/${name}`)));
    await ends.reach(fast.length);
    return { visit, hanging };
  }

  test('the handler gets what has arrived, and an error for each that has not', async () => {
    const { visit } = await visitEight();
    site.clock.advance(500);
    const { locals, response } = await visit;
    expect(response.status).toBe(200);
    for (const name of fast) expect(locals.mashup[name]).toMatchObject({ status: 'success', data: name });
    for (const name of slow) {
      expect(locals.mashup[name]).toMatchObject({
        status: 'error',
        data: null,
        error: { code: 'ERR_UPSTREAM_DEADLINE', status: 504 },
        timings: { ended: 500 },
      });
      expect(locals[name]).toBeNull();
    }
  });

  test('the message says what the deadline was', async () => {
    const { visit } = await visitEight();
    site.clock.advance(500);
    expect((await visit).locals.mashup['x']?.error?.message).toBe(
      `upstream 'x': not here by the deadline of 500 ms (GET ${backend.origin}/x)`,
    );
  });

  test('nothing ends before', async () => {
    const ends = new Ends();
    let handled = 0;
    site.app.get(
      '/',
      site.mashup({ x: { url: `${backend.origin}/x`, when: ends.watch }, a: `${backend.origin}/a` }, { deadline: 500 }),
      (_req, res) => {
        handled++;
        res.end();
      },
    );
    const visit = request(site.origin).get('/').then();
    const [x, a] = await Promise.all([backend.asked('/x'), backend.asked('/a')]);
    x.reply(1);
    await ends.reach(1);
    site.clock.advance(499);
    expect(handled).toBe(0);
    site.clock.advance(1);
    expect(handled).toBe(1);
    await Promise.all([visit, a.closed]);
  });

  test('the requests that hang are aborted', async () => {
    const { visit, hanging } = await visitEight();
    site.clock.advance(500);
    await visit;
    await Promise.all(hanging.map(({ closed }) => closed));
    expect(backend.inFlight).toBe(0);
  });

  test('a body that has begun is not waited for', async () => {
    const visit = site.visit({ user: `${backend.origin}/user` }, { deadline: 500 });
    const asked = await backend.asked('/user');
    asked.begin('{"id":');
    site.clock.advance(500);
    expect((await visit).locals.mashup).toMatchObject({ user: { error: { code: 'ERR_UPSTREAM_DEADLINE' } } });
    await asked.closed;
  });

  test('what comes later changes nothing', async () => {
    const { visit } = await visitEight();
    site.clock.advance(500);
    const { locals } = await visit;
    const before = JSON.stringify(locals);
    site.clock.advance(10_000);
    expect(JSON.stringify(locals)).toBe(before);
  });

  test('no timer is left, neither after it nor where all arrive before it', async () => {
    const { visit } = await visitEight();
    expect(site.clock.pending).toBe(1);
    site.clock.advance(500);
    await visit;
    expect(site.clock.pending).toBe(0);

    await site.visit({ a: { url: `${backend.origin}/a`, timeout: 100, attemptTimeout: 50 } });
    expect(site.clock.pending).toBe(0);
  });

  test('of two seconds where the page says nothing', async () => {
    let handled = false;
    site.app.get('/', site.mashup({ x: `${backend.origin}/x` }), (_req, res) => {
      handled = true;
      res.end();
    });
    const visit = request(site.origin).get('/').then();
    await backend.asked('/x');
    site.clock.advance(1999);
    expect(handled).toBe(false);
    site.clock.advance(1);
    expect(handled).toBe(true);
    await visit;
  });

  test('of each request on its own', async () => {
    const first = site.visit({ x: `${backend.origin}/x` }, { deadline: 500 });
    await backend.asked('/x');
    site.clock.advance(400);
    const second = site.visit({ y: `${backend.origin}/y` }, { deadline: 500 });
    const late = await backend.asked('/y');
    site.clock.advance(100);
    expect((await first).locals.mashup['x']).toMatchObject({ status: 'error', timings: { ended: 500 } });
    late.reply('in time');
    expect((await second).locals.mashup['y']).toMatchObject({ status: 'success', timings: { ended: 100 } });
  });
});
