import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('timeout', () => {
  test('ends its own call, and the others go on', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 100 }, b: url('/b') });
    const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(100);
    await a.closed;
    b.reply(2);
    const { mashup } = (await visit).locals;
    expect(mashup['a']).toMatchObject({
      status: 'error',
      error: {
        code: 'ERR_UPSTREAM_TIMEOUT',
        status: 504,
        message: `upstream 'a': no answer within its 100 ms (GET ${url('/a')})`,
      },
      attempts: 1,
      timings: { ended: 100 },
    });
    expect(mashup['b']).toMatchObject({ status: 'success', timings: { ended: 100 } });
  });

  test('ends the run where nothing else is left', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 100 } }, { deadline: 500 });
    await backend.asked('/a');
    site.clock.advance(100);
    expect((await visit).locals.mashup['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' } });
    expect(site.clock.pending).toBe(0);
  });

  test.each([
    ['its own timeout is TIMEOUT', { timeout: 100 }, 'ERR_UPSTREAM_TIMEOUT'],
    ['the timeout of a fan-out is TIMEOUT', { timeout: 100, each: () => ['a'] }, 'ERR_UPSTREAM_TIMEOUT'],
    ['the deadline is DEADLINE', {}, 'ERR_UPSTREAM_DEADLINE'],
    ['the deadline, of a fan-out too, is DEADLINE', { timeout: 900, each: () => ['a'] }, 'ERR_UPSTREAM_DEADLINE'],
  ])('data whose decoding takes longer than %s', async (_what, entry, code) => {
    backend.answer('/a', 1);
    const slowly = (data: unknown) => {
      site.clock.block(1000);
      return data;
    };
    const a = { url: url('each' in entry ? '/{item}' : '/a'), transformResponse: slowly, ...entry };
    const { mashup } = (await site.visit({ a }, { deadline: 500 })).locals;
    expect(mashup['a']).toMatchObject({ status: 'error', error: { code }, timings: { ended: 1000 } });
    for (const item of mashup['a']?.items ?? []) expect(item).toMatchObject({ error: { code } });
  });

  test('does not pass before it has passed', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 100 } });
    const a = await backend.asked('/a');
    site.clock.advance(99);
    a.reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test('is each call its own', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 300 }, b: { url: url('/b'), timeout: 100 } });
    await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(300);
    const { mashup } = (await visit).locals;
    expect(mashup).toMatchObject({ a: { timings: { ended: 300 } }, b: { timings: { ended: 100 } } });
  });

  test('counts from when the call could start', async () => {
    const visit = site.visit({ user: url('/user'), card: { url: url('/cards/{user.id}'), timeout: 100 } });
    const user = await backend.asked('/user');
    site.clock.advance(400);
    user.reply({ id: 7 });
    await backend.asked('/cards/7');
    site.clock.advance(100);
    expect((await visit).locals.mashup['card']).toMatchObject({
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
      timings: { ready: 400, ended: 500 },
    });
  });

  test('counts the time in the queue', async () => {
    const visit = site.visit({ a: url('/a'), b: { url: url('/b'), timeout: 100 } }, { concurrency: 1 });
    const a = await backend.asked('/a');
    site.clock.advance(60);
    a.reply(1);
    await backend.asked('/b');
    site.clock.advance(40);
    expect((await visit).locals.mashup['b']).toMatchObject({
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
      timings: { ready: 0, started: 60, ended: 100 },
    });
  });

  test('counts the time that callbacks take', async () => {
    const when = async () => {
      site.clock.advance(60);
      return true;
    };
    const visit = site.visit({ a: { url: url('/a'), timeout: 100, when } });
    await backend.asked('/a');
    site.clock.advance(40);
    expect((await visit).locals.mashup['a']).toMatchObject({
      error: { code: 'ERR_UPSTREAM_TIMEOUT' },
      timings: { started: 60, ended: 100 },
    });
  });

  test('counts a body that drips', async () => {
    const begun = deferred();
    const closed = deferred();
    const origin = await startRawBackend((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome', () => begun.resolve()),
      );
      socket.once('close', () => closed.resolve());
    });
    const visit = site.visit({ a: { url: origin, timeout: 100 } });
    await begun.promise;
    site.clock.advance(100);
    expect((await visit).locals.mashup['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' } });
    await closed.promise;
  });

  test('counts the time that decoding takes', async () => {
    const decoding = deferred();
    const transformResponse = () => {
      decoding.resolve();
      return new Promise(() => {});
    };
    backend.answer('/a', 1);
    const visit = site.visit({ a: { url: url('/a'), timeout: 100, transformResponse } });
    await decoding.promise;
    site.clock.advance(100);
    expect((await visit).locals.mashup['a']).toMatchObject({
      status: 'error',
      error: { code: 'ERR_UPSTREAM_TIMEOUT', upstreamStatus: 200 },
      response: { status: 200 },
    });
  });

  test('is of no use where the deadline comes first', async () => {
    const visit = site.visit({ a: { url: url('/a'), timeout: 800 } }, { deadline: 500 });
    await backend.asked('/a');
    site.clock.advance(800);
    expect((await visit).locals.mashup['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' } });
  });
});

describe('attemptTimeout', () => {
  test('ends an attempt, and with it the call', async () => {
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 50 } });
    const a = await backend.asked('/a');
    site.clock.advance(50);
    expect((await visit).locals.mashup['a']).toMatchObject({
      error: {
        code: 'ERR_UPSTREAM_TIMEOUT',
        message: expect.stringContaining('no answer to an attempt within its 50 ms'),
      },
      attempts: 1,
    });
    await a.closed;
  });

  test('counts the body', async () => {
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 50 } });
    const a = await backend.asked('/a');
    a.begin('[');
    site.clock.advance(50);
    expect((await visit).locals.mashup['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' } });
  });

  test('does not count the time in the queue', async () => {
    const visit = site.visit({ a: url('/a'), b: { url: url('/b'), attemptTimeout: 50 } }, { concurrency: 1 });
    const a = await backend.asked('/a');
    site.clock.advance(400);
    a.reply(1);
    const b = await backend.asked('/b');
    site.clock.advance(49);
    b.reply(2);
    expect((await visit).locals['b']).toBe(2);
  });

  test('leaves the timeout of the call to end it where that is shorter', async () => {
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 50, timeout: 20 } });
    await backend.asked('/a');
    site.clock.advance(20);
    expect((await visit).locals.mashup['a']?.error?.message).toContain('no answer within its 20 ms');
  });

  test('leaves no timer behind', async () => {
    const ends = new Ends();
    backend.answer('/a', 1);
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 50, when: ends.watch }, b: url('/b') });
    await ends.reach(1);
    const b = await backend.asked('/b');
    expect(site.clock.pending).toBe(1);
    b.reply(2);
    await visit;
    expect(site.clock.pending).toBe(0);
  });
});
