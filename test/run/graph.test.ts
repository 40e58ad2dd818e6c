import type { Context } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('the order of calls', () => {
  test('of a diamond: the middle together, the last when both are there', async () => {
    const visit = site.visit({
      last: url('/last/{left.id}/{right.id}'),
      right: url('/right/{first.id}'),
      left: url('/left/{first.id}'),
      first: url('/first'),
    });
    (await backend.asked('/first')).reply({ id: 1 });
    const [left, right] = await Promise.all([backend.asked('/left/1'), backend.asked('/right/1')]);
    right.reply({ id: 3 });
    left.reply({ id: 2 });
    (await backend.asked('/last/2/3')).reply('done');
    expect((await visit).locals['last']).toBe('done');
    expect(backend.seen).toHaveLength(4);
  });

  test('a call starts when what it waits for is there, whatever else is not', async () => {
    const visit = site.visit({ slow: url('/slow'), user: url('/user'), card: url('/cards/{user.id}') });
    const [slow, user] = await Promise.all([backend.asked('/slow'), backend.asked('/user')]);
    user.reply({ id: 7 });
    (await backend.asked('/cards/7')).reply('ace');
    slow.reply(1);
    expect((await visit).locals).toMatchObject({ card: 'ace', slow: 1 });
  });

  test('a chain that the deadline cuts: what has arrived, and an error for the rest', async () => {
    const visit = site.visit(
      { one: url('/one'), two: url('/two/{one.id}'), three: url('/three/{two.id}') },
      { deadline: 500 },
    );
    (await backend.asked('/one')).reply({ id: 1 });
    (await backend.asked('/two/1')).reply({ id: 2 });
    await backend.asked('/three/2');
    site.clock.advance(500);
    const { locals } = await visit;
    expect(locals).toMatchObject({ one: { id: 1 }, two: { id: 2 }, three: null });
    expect(locals.mashup['three']).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' }, attempts: 1 });
  });

  test('a chain that the deadline cuts early: what could not start is late too', async () => {
    const visit = site.visit(
      { one: url('/one'), two: url('/two/{one.id}'), three: url('/three/{two.id}') },
      { deadline: 500 },
    );
    await backend.asked('/one');
    site.clock.advance(500);
    const { mashup } = (await visit).locals;
    for (const name of ['one', 'two', 'three']) {
      expect(mashup[name]).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_DEADLINE' } });
    }
    expect(mashup['three']).toMatchObject({ attempts: 0, timings: { started: null, ended: 500 } });
  });

  test('the call that most others wait for gets a slot first', async () => {
    backend.answer('/light', 0);
    backend.answer('/pair', { id: 1 });
    backend.answer('/head', { id: 1 });
    for (const path of ['/pair/1', '/head/1', '/head/1/1']) backend.answer(path, { id: 1 });
    await site.visit(
      {
        light: url('/light'),
        pair: url('/pair'),
        pairSecond: url('/pair/{pair.id}'),
        head: url('/head'),
        middle: url('/head/{head.id}'),
        tail: url('/head/1/{middle.id}'),
      },
      { concurrency: 1 },
    );
    expect(backend.seen).toEqual(['/head', '/pair', '/head/1', '/light', '/pair/1', '/head/1/1']);
  });

  test('a heavy call that is ready later overtakes the light ones in the queue', async () => {
    for (const path of ['/b', '/c', '/heavy/1', '/next/1']) backend.answer(path, { id: 1 });
    const visit = site.visit(
      {
        first: url('/first'),
        b: url('/b'),
        c: url('/c'),
        heavy: url('/heavy/{first.id}'),
        next: url('/next/{heavy.id}'),
      },
      { concurrency: 1 },
    );
    (await backend.asked('/first')).reply({ id: 1 });
    await visit;
    expect(backend.seen.indexOf('/heavy/1')).toBeLessThan(backend.seen.indexOf('/c'));
  });
});

describe('after', () => {
  test.each([
    ['succeeded', { status: 200 }],
    ['failed', { status: 500 }],
  ])('starts a call when another has %s', async (_how, reply) => {
    const visit = site.visit({ audit: { url: url('/audit'), after: ['user'] }, user: url('/user') });
    const user = await backend.asked('/user');
    expect(backend.seen).toEqual(['/user']);
    user.reply(1, reply);
    (await backend.asked('/audit')).reply('noted');
    expect((await visit).locals['audit']).toBe('noted');
  });

  test('starts a call when another was skipped', async () => {
    backend.answer('/audit', 'noted');
    const { locals } = await site.visit({
      user: { url: url('/user'), when: () => false },
      audit: { url: url('/audit'), after: ['user'] },
    });
    expect(locals['audit']).toBe('noted');
  });

  test('starts a call when another has timed out', async () => {
    const visit = site.visit({
      user: { url: url('/user'), timeout: 100 },
      audit: { url: url('/audit'), after: ['user'] },
    });
    await backend.asked('/user');
    site.clock.advance(100);
    (await backend.asked('/audit')).reply('noted');
    expect((await visit).locals['audit']).toBe('noted');
  });
});

describe('context.results', () => {
  const results: Record<string, unknown>[] = [];
  const look = (context: Context) => {
    results.push(context.results);
    return true;
  };
  beforeEach(() => results.splice(0));

  test('holds the data of what the call waited for, and no more', async () => {
    for (const name of ['user', 'news', 'other']) backend.answer(`/${name}`, { id: name });
    backend.answer('/cards/user', 'ace');
    await site.visit({
      user: url('/user'),
      news: url('/news'),
      other: url('/other'),
      card: { url: url('/cards/{user.id}'), after: ['news'], when: look },
    });
    expect(results[0]).toEqual({ user: { id: 'user' }, news: { id: 'news' } });
  });

  test('holds null for one that failed or was skipped', async () => {
    backend.answer('/bad', 1, { status: 500 });
    backend.answer('/a', 1);
    await site.visit({
      bad: url('/bad'),
      none: { url: url('/none'), when: () => false },
      a: { url: url('/a'), after: ['bad', 'none'], when: look },
    });
    expect(results[0]).toEqual({ bad: null, none: null });
  });

  test('holds nothing where the call waited for nothing', async () => {
    backend.answer('/a', 1);
    await site.visit({ a: { url: url('/a'), when: look } });
    expect(results[0]).toEqual({});
  });

  test('inherits nothing', async () => {
    backend.answer('/a', 1);
    await site.visit({ a: { url: url('/a'), when: look } });
    expect(results[0]?.['toString']).toBeUndefined();
  });
});
