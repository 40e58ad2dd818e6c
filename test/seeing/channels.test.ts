import { AsyncLocalStorage } from 'node:async_hooks';
import { type Channel, channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import axios from 'axios';
import type { AttemptMessage, CacheMessage, CallMessage, Mashup, RunMessage, UpstreamMap } from '../../src/index.js';
import type { PageOptions } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';

let backend: Backend;
let clock: ManualClock;
let mashup: Mashup;
/** What was published, in order. */
let seen: [event: string, message: object][];

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
  mashup = mashupWith({ clock });
  closeLater(() => mashup.close());
  seen = [];
});
afterEach(closeAll);

const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const url = (path: string) => backend.origin + path;

function listen(...names: ('run' | 'call' | 'attempt')[]): void {
  for (const name of names) {
    const handlers = Object.fromEntries(
      events.map((event) => [event, (message: object) => seen.push([`${name} ${event}`, message])]),
    ) as unknown as Parameters<ReturnType<typeof tracingChannel>['subscribe']>[0];
    const traced = tracingChannel(`express-mashup:${name}`);
    traced.subscribe(handlers);
    closeLater(() => void traced.unsubscribe(handlers));
  }
}

function listenTo(name: string): object[] {
  const messages: object[] = [];
  const heard = (message: unknown) => void messages.push(message as object);
  subscribe(name, heard);
  closeLater(() => void unsubscribe(name, heard));
  return messages;
}

const run = async (upstreams: UpstreamMap, options: PageOptions = {}) => await mashup(upstreams, options).run();
const messages = <T>(event: string): T[] => seen.flatMap(([name, message]) => (name === event ? [message as T] : []));
const kinds = () => messages<AttemptMessage>('attempt asyncEnd').map(({ kind, upstream }) => `${kind} ${upstream}`);

test('a run, its calls and their attempts are told in order, each with one message', async () => {
  listen('run', 'call', 'attempt');
  backend.answer('/a', { id: 7 });
  backend.answer('/b/7?token=1', 'b');
  const { outcomes } = await run({ a: url('/a'), b: url('/b/{a.id}?token=1') });
  expect(seen.map(([event]) => event)).toEqual([
    ...['run start', 'call start', 'attempt start', 'attempt end', 'call end', 'run end'],
    ...['attempt asyncStart', 'attempt asyncEnd', 'call asyncStart', 'call asyncEnd'],
    ...['call start', 'call end', 'attempt start', 'attempt end', 'attempt asyncStart', 'attempt asyncEnd'],
    ...['call asyncStart', 'call asyncEnd', 'run asyncStart', 'run asyncEnd'],
  ]);
  const [started] = messages<RunMessage>('run start');
  const [ended] = messages<RunMessage>('run asyncEnd');
  expect(ended).toBe(started);
  expect(ended).toEqual({
    req: null,
    upstreams: ['a', 'b'],
    began: 5000,
    ended: 5000,
    outcomes: [outcomes['a'], outcomes['b']],
    error: null,
  });
  const [, b] = messages<CallMessage>('call asyncEnd');
  expect(b).toEqual({ name: 'b', run: ended, began: 5000, outcome: outcomes['b'], error: null });
  expect(messages<AttemptMessage>('attempt asyncEnd')[1]).toEqual({
    call: b,
    kind: 'first',
    shared: false,
    upstream: 'b',
    method: 'GET',
    url: url('/b/7?token=…'),
    began: 5000,
    headers: {},
    reused: true,
    firstByte: 5000,
    ended: 5000,
    status: 200,
    error: null,
  });
});

test('a failure is told as an error, with its code', async () => {
  listen('run', 'call', 'attempt');
  backend.answer('/a', 0, { status: 503 });
  void backend.asked('/b').then((asked) => asked.cut());
  await expect(run({ b: url('/b'), a: { url: url('/a'), required: true } })).rejects.toMatchObject({ upstream: 'a' });
  expect(messages<AttemptMessage>('attempt asyncEnd').map(({ status, error }) => [status, error?.code])).toEqual(
    expect.arrayContaining([[503, undefined]]),
  );
  expect(messages<CallMessage>('call error').map(({ name, error }) => [name, error?.code])).toContainEqual([
    'a',
    'ERR_UPSTREAM_STATUS',
  ]);
  expect(messages<RunMessage>('run error')).toMatchObject([{ error: { code: 'ERR_UPSTREAM_STATUS' } }]);
});

test('a retry and a hedge are attempts of their own kind', async () => {
  listen('attempt');
  backend.answer('/retry', 0, { status: 503 });
  backend.answer('/hedge', 1);
  const slow = backend.asked('/slow');
  const running = run({
    retry: { url: url('/retry'), retry: { backoff: 0.001 } },
    hedge: { url: url('/slow'), hedge: 10 },
  });
  await slow;
  const second = backend.asked('/slow');
  clock.advance(20);
  (await second).reply(1);
  await running;
  expect(kinds().sort()).toEqual(['first hedge', 'first retry', 'hedge hedge', 'retry retry']);
  const lost = messages<AttemptMessage>('attempt asyncEnd').find(
    ({ upstream, kind }) => `${upstream}${kind}` === 'hedgefirst',
  );
  expect(lost?.error?.code).toBe('ERR_UPSTREAM_CANCELED');
});

test('a shared request is one attempt, and a refresh behind the page is one that the call had begun', async () => {
  listen('call', 'attempt');
  const answers = listenTo('express-mashup:cache') as CacheMessage[];
  backend.answer('/a', 1);
  const entry = { url: url('/a'), cache: { ttl: 1000, swr: 10_000 } };
  const page = mashup({ a: entry });
  await Promise.all([page.run(), page.run()]);
  expect(messages<AttemptMessage>('attempt asyncEnd')).toMatchObject([
    { shared: true, kind: 'first', call: { name: 'a' } },
  ]);
  expect(messages('call asyncEnd')).toHaveLength(2);
  clock.advance(2000);
  await page.run();
  while (kinds().length < 2) await settled();
  expect(kinds()).toEqual(['first a', 'refresh a']);
  expect(messages<AttemptMessage>('attempt asyncEnd')[1]).toMatchObject({ call: { name: 'a' }, shared: true });
  expect(answers.map(({ upstream, record }) => [upstream, record.status])).toEqual([
    ['a', 'miss'],
    ['a', 'miss'],
    ['a', 'stale'],
  ]);
});

test('a fan-out is one call, with an attempt for each item', async () => {
  listen('call', 'attempt');
  for (const id of [1, 2]) backend.answer(`/${id}`, id);
  await run({ all: { url: url('/{item}'), each: () => [1, 2] } });
  expect(messages<CallMessage>('call asyncEnd')).toMatchObject([{ name: 'all', outcome: { data: [1, 2] } }]);
  expect(messages<AttemptMessage>('attempt asyncEnd').map(({ call }) => call?.name)).toEqual(['all', 'all']);
});

test('a deferred call ends after its run', async () => {
  listen('run', 'call');
  const { data } = await run({ slow: { url: url('/slow'), defer: true } });
  expect(messages<RunMessage>('run asyncEnd')).toMatchObject([{ outcomes: [{ status: 'pending' }] }]);
  expect(messages('call asyncEnd')).toEqual([]);
  (await backend.asked('/slow')).reply(1);
  await data['slow'];
  expect(messages<CallMessage>('call asyncEnd')).toMatchObject([{ outcome: { status: 'success' } }]);
  expect(messages('run asyncEnd')).toHaveLength(1);
});

test('a run whose client leaves is told once, with canceled outcomes', async () => {
  listen('run', 'call', 'attempt');
  const controller = new AbortController();
  const page = mashup({ a: url('/a'), slow: { url: url('/b'), defer: true } });
  const running = page.run({ signal: controller.signal }).catch(() => 'gone');
  await backend.asked('/a');
  controller.abort();
  expect(await running).toBe('gone');
  expect(messages<RunMessage>('run asyncEnd')).toMatchObject([
    { error: null, outcomes: [{ error: { code: 'ERR_UPSTREAM_CANCELED' } }, {}] },
  ]);
  expect(messages<AttemptMessage>('attempt asyncEnd')[0]?.error?.code).toBe('ERR_UPSTREAM_CANCELED');
});

test('a call that sends nothing has no attempt', async () => {
  listen('call', 'attempt');
  backend.answer('/bad', 0, { status: 500 });
  const breaker = { threshold: 0.1, minimum: 1, window: 10_000, halfOpenAfter: 5000 };
  const states = listenTo('express-mashup:breaker');
  const page = mashup({ bad: { url: url('/bad'), breaker }, skipped: { url: url('/bad'), when: () => false } });
  await page.run();
  await page.run();
  clock.advance(6000);
  await page.run();
  expect(kinds()).toEqual(['first bad', 'first bad']);
  expect(messages<CallMessage>('call asyncEnd').map(({ outcome }) => outcome?.error?.code ?? outcome?.status)).toEqual([
    ...['skipped', 'ERR_UPSTREAM_STATUS', 'ERR_UPSTREAM_CIRCUIT_OPEN', 'skipped'],
    ...['skipped', 'ERR_UPSTREAM_STATUS'],
  ]);
  expect(states).toEqual(['open', 'half-open', 'open'].map((state) => ({ origin: backend.origin, state })));
});

test('a budget that is used up is told', async () => {
  const refused = listenTo('express-mashup:budget');
  backend.answer('/a', 0, { status: 503 });
  const page = mashup({ a: { url: url('/a'), retry: { backoff: 1, attempts: 20 } } });
  const running = page.run();
  while (refused.length === 0) {
    clock.advance(1);
    await settled();
  }
  await running;
  expect(refused).toEqual([{ origin: backend.origin }]);
});

describe.each([
  ['', undefined],
  [' of an axios instance', axios.create()],
])('headers that a subscriber adds to an attempt%s', (_name, axios) => {
  test('are sent, and do not decide who shares it', async () => {
    if (axios !== undefined) {
      mashup = mashupWith({ axios });
      closeLater(() => mashup.close());
    }
    let count = 0;
    const starts = tracingChannel('express-mashup:attempt').start as unknown as Channel;
    const add = (message: unknown) => {
      (message as AttemptMessage).headers['x-trace'] = `${++count}`;
    };
    starts.subscribe(add);
    closeLater(() => void starts.unsubscribe(add));
    backend.answer('/a', 1);
    const asked = backend.asked('/b');
    const running = run({ a: url('/b'), same: url('/b') });
    expect((await asked).headers['x-trace']).toBe('1');
    (await asked).reply(1);
    if (axios !== undefined) (await backend.asked('/b')).reply(1);
    await running;
    expect(count).toBe(axios === undefined ? 1 : 2);
  });
});

test('a store that is bound to the start of an attempt is there while it is sent', async () => {
  const store = new AsyncLocalStorage<string>();
  const starts = channel('tracing:express-mashup:attempt:start');
  starts.bindStore(store as never, (message) => (message as AttemptMessage).upstream as never);
  closeLater(() => void starts.unbindStore(store as never));
  const created: (string | undefined)[] = [];
  const heard = () => void created.push(store.getStore());
  subscribe('undici:request:create', heard);
  closeLater(() => void unsubscribe('undici:request:create', heard));
  backend.answer('/a', 1);
  await run({ a: url('/a') });
  expect(created).toEqual(['a']);
});

test('nothing is published to a run that began before anybody listened', async () => {
  const running = run({ a: url('/a') });
  const asked = await backend.asked('/a');
  listen('run', 'call', 'attempt');
  asked.reply(1);
  await running;
  expect(seen).toEqual([]);
});
