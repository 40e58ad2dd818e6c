import { once } from 'node:events';
import { createServer, get } from 'node:http';
import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import express from 'express';
import type { UpstreamMap } from '../../src/index.js';
import { type Asked, type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { visitBy } from '../support/site.js';

let backend: Backend;
let clock: ManualClock;

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
const visit = (upstreams: UpstreamMap, defaults: CreateAxiosDefaults = {}, instance = axios.create(defaults)) =>
  visitBy(instance, upstreams, clock);

/** What happens to an upstream that does not answer, until its connection is closed. */
type Silence = (asked: Asked) => void;
const silences: [string, Silence][] = [
  ['does not answer', () => {}],
  ['stops in the middle of its body', (asked) => asked.begin('[1,')],
];

describe.each(silences)('an upstream that %s', (_, silence) => {
  test.each<[string, object, CreateAxiosDefaults, number, string]>([
    ['the deadline', {}, {}, 2000, 'DEADLINE'],
    ['its timeout', { timeout: 300 }, {}, 300, 'TIMEOUT'],
    ['its attemptTimeout', { attemptTimeout: 300 }, {}, 300, 'TIMEOUT'],
    ["the instance's timeout", {}, { timeout: 300 }, 300, 'TIMEOUT'],
  ])('is given up by %s, and its connection is closed', async (_name, entry, defaults, ms, code) => {
    const visiting = visit({ a: { url: url('/a'), ...entry } }, defaults);
    const asked = await backend.asked('/a');
    silence(asked);
    clock.advance(ms);
    await asked.closed;
    const { outcomes } = await visiting;
    expect(outcomes['a']).toMatchObject({
      error: { code: `ERR_UPSTREAM_${code}`, status: 504 },
      timings: { ended: ms },
    });
    expect(clock.pending).toBe(0);
  });
});

test('the deadline ends before a longer timeout of the instance', async () => {
  const visiting = visit({ a: url('/a') }, { timeout: 60_000 });
  const asked = await backend.asked('/a');
  clock.advance(2000);
  await asked.closed;
  expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
  expect(clock.pending).toBe(0);
});

test("the instance's timeout says whose it is", async () => {
  const visiting = visit({ a: url('/a') }, { timeout: 300 });
  await backend.asked('/a');
  clock.advance(300);
  expect((await visiting).outcomes['a']?.error?.message).toContain("no answer within axios's 300 ms");
});

test('a required upstream that fails closes the connections of the others', async () => {
  const visiting = visit({ a: { url: url('/a'), required: true }, b: url('/b') });
  const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
  a.reply('no', { status: 500 });
  await b.closed;
  expect((await visiting).error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstream: 'a' });
});

test('a client that leaves closes the connections', async () => {
  const mashup = mashupWith({ clock, axios: axios.create() });
  closeLater(() => mashup.close());
  const app = express().get('/', mashup({ a: url('/a'), b: url('/b') }));
  const client = get(originOf(await listen(createServer(app)))).on('error', () => {});
  const asked = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
  client.destroy();
  await Promise.all(asked.map(({ closed }) => closed));
  expect(clock.pending).toBe(0);
});

describe('with an interceptor', () => {
  let instance: AxiosInstance;

  beforeEach(() => {
    instance = axios.create();
  });

  test('that puts a signal of its own in the place of ours, the connection is closed all the same', async () => {
    instance.interceptors.request.use((config) => ({ ...config, signal: new AbortController().signal }));
    const visiting = visit({ a: url('/a') }, {}, instance);
    const asked = await backend.asked('/a');
    clock.advance(2000);
    await asked.closed;
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
  });

  test('whose own signal is aborted, the connection is closed, and the call was canceled', async () => {
    const controller = new AbortController();
    instance.interceptors.request.use((config) => ({ ...config, signal: controller.signal }));
    const visiting = visit({ a: url('/a') }, {}, instance);
    const asked = await backend.asked('/a');
    controller.abort();
    await asked.closed;
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_CANCELED');
    expect(clock.pending).toBe(0);
  });

  test('that never ends, the deadline holds, and nothing is sent', async () => {
    const started = new Promise<void>((resolve) => {
      instance.interceptors.request.use(() => {
        resolve();
        return new Promise(() => {});
      });
    });
    const visiting = visit({ a: url('/a') }, {}, instance);
    await started;
    clock.advance(2000);
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    expect(backend.seen).toEqual([]);
  });

  test('that ends after the deadline, nothing is sent', async () => {
    let goOn = () => {};
    const started = new Promise<void>((resolve) => {
      instance.interceptors.request.use(async (config) => {
        resolve();
        await new Promise<void>((end) => {
          goOn = end;
        });
        return { ...config, signal: new AbortController().signal };
      });
    });
    const visiting = visit({ a: url('/a') }, {}, instance);
    await started;
    clock.advance(2000);
    await visiting;
    goOn();
    await new Promise(setImmediate);
    expect(backend.seen).toEqual([]);
  });

  test('that repeats what failed without end, the deadline holds', async () => {
    const again = new AbortController();
    let tries = 0;
    instance.interceptors.response.use(undefined, (error) => {
      if (error.response?.status !== 503) throw error;
      if (++tries === 3) again.abort();
      return instance.request(error.config);
    });
    backend.answer('/a', 'no', { status: 503 });
    const visiting = visit({ a: url('/a') }, {}, instance);
    await once(again.signal, 'abort');
    clock.advance(2000);
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    const { length } = backend.seen;
    await new Promise(setImmediate);
    expect(backend.seen.length - length).toBeLessThanOrEqual(1);
  });

  test('that waits before it repeats, the deadline holds, and nothing more is sent', async () => {
    let failed = () => {};
    const waiting = new Promise<void>((resolve) => {
      failed = resolve;
    });
    let goOn = () => {};
    instance.interceptors.response.use(undefined, async (error) => {
      failed();
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return await instance.request(error.config);
    });
    backend.answer('/a', 'no', { status: 503 });
    const visiting = visit({ a: url('/a') }, {}, instance);
    await waiting;
    clock.advance(2000);
    expect((await visiting).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    goOn();
    await new Promise(setImmediate);
    expect(backend.seen).toEqual(['/a']);
  });
});
