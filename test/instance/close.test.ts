import type { Mashup } from '../../src/index.js';
import { type Asked, type Backend, startBackend, startUpstream } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { newMashup, openPage } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;

beforeEach(async () => {
  backend = await startBackend();
  mashup = newMashup();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

/** Asks a page for this path, and answers it: its connection is idle then. */
async function makeIdle(path: string): Promise<Asked> {
  const visiting = (await openPage({ it: url(path) }, { mashup }))();
  const asked = await backend.asked(path);
  asked.reply(1);
  await visiting;
  return asked;
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  await settled();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe('close()', () => {
  test('closes idle connections, and resolves when they are closed', async () => {
    const asked = await makeIdle('/a');
    await mashup.close();
    await asked.closed;
  });

  test('resolves where nothing was ever asked', async () => {
    await expect(mashup.close()).resolves.toBeUndefined();
  });

  test('lets what is under way finish, and resolves then', async () => {
    const visiting = (await openPage({ a: url('/a'), b: url('/b') }, { mashup }))();
    const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    const closing = mashup.close();
    a.reply('a');
    await a.closed;
    expect(await isSettled(closing)).toBe(false);
    b.reply('b');
    expect((await visiting).data).toEqual({ a: 'a', b: 'b' });
    await closing;
    await b.closed;
  });

  test('closes what is idle at once, though something else is under way', async () => {
    const first = (await openPage({ a: url('/a'), b: url('/b') }, { mashup }))();
    const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    for (const asked of [a, b]) asked.reply(1);
    await first;
    const second = (await openPage({ c: url('/c') }, { mashup }))();
    const c = await backend.asked('/c');
    const closing = mashup.close();
    // One of the two connections is idle, and the other one carries c.
    await Promise.race([a.closed, b.closed]);
    c.reply('c');
    expect((await second).data).toEqual({ c: 'c' });
    await Promise.all([closing, a.closed, b.closed]);
  });

  test('does not wait for a run that is given up', async () => {
    const clock = new ManualClock();
    const timed = mashupWith({ clock });
    const visiting = (await openPage({ a: url('/a') }, { mashup: timed }))();
    const a = await backend.asked('/a');
    const closing = timed.close();
    clock.advance(2000);
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    await Promise.all([closing, a.closed]);
  });

  test('may be called twice, one after the other', async () => {
    await makeIdle('/a');
    await mashup.close();
    await expect(mashup.close()).resolves.toBeUndefined();
  });

  test('may be called twice at once, and both resolve', async () => {
    const visiting = (await openPage({ a: url('/a') }, { mashup }))();
    const a = await backend.asked('/a');
    const closings = [mashup.close(), mashup.close()];
    a.reply(1);
    await visiting;
    await Promise.all(closings);
  });

  test('closes the connections to every origin', async () => {
    const others = [await startUpstream(), await startUpstream()];
    const visit = await openPage({ a: `${others[0]?.origin}/`, b: `${others[1]?.origin}/` }, { mashup });
    await visit();
    await mashup.close();
    await visit();
    expect(others.map(({ connections }) => connections)).toEqual([2, 2]);
  });

  test('leaves other instances alone', async () => {
    const upstream = await startUpstream();
    const visit = await openPage({ it: `${upstream.origin}/` }, { mashup: newMashup() });
    await visit();
    await mashup.close();
    await visit();
    expect(upstream.connections).toBe(1);
  });
});

describe('a page whose instance is closed', () => {
  test('still answers', async () => {
    backend.answer('/a', 1);
    const visit = await openPage({ it: url('/a') }, { mashup });
    expect((await visit()).data).toEqual({ it: 1 });
    await mashup.close();
    expect((await visit()).data).toEqual({ it: 1 });
    expect((await visit()).data).toEqual({ it: 1 });
  });

  test('still answers while the rest is being closed', async () => {
    backend.answer('/a', 1);
    const slow = (await openPage({ it: url('/slow') }, { mashup }))();
    const asked = await backend.asked('/slow');
    const closing = mashup.close();
    expect((await (await openPage({ it: url('/a') }, { mashup }))()).data).toEqual({ it: 1 });
    asked.reply(2);
    expect((await slow).data).toEqual({ it: 2 });
    await closing;
  });

  test('starts what waited for others', async () => {
    const visiting = (await openPage({ a: url('/a'), b: url('/b/{a.id}') }, { mashup }))();
    const a = await backend.asked('/a');
    const closing = mashup.close();
    a.reply({ id: 7 });
    (await backend.asked('/b/7')).reply('b');
    expect((await visiting).data).toEqual({ a: { id: 7 }, b: 'b' });
    await closing;
  });

  test('may be closed again', async () => {
    const first = await makeIdle('/a');
    await mashup.close();
    const second = await makeIdle('/b');
    await mashup.close();
    await Promise.all([first.closed, second.closed]);
  });
});
