import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import axios, { type AxiosInstance } from 'axios';
import { createMashup } from '../../src/index.js';
import type { UpstreamOptions } from '../../src/types.js';
import { lines, problemsThrown, problemsWith } from '../config/problems.js';
import { type Asked, type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { HastyClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { openPage, type Visit } from '../support/site.js';

let backend: Backend;
let clock: HastyClock;

beforeEach(async () => {
  backend = await startBackend();
  clock = new HastyClock();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const down = { status: 503 };

/** A page of one upstream, on an instance of its own. */
async function page(entry: UpstreamOptions, instance: AxiosInstance | null = null): Promise<() => Promise<Visit>> {
  const mashup = mashupWith({ clock, axios: instance });
  closeLater(() => mashup.close());
  return await openPage({ a: entry }, { mashup });
}

async function visit(entry: UpstreamOptions, instance?: AxiosInstance): Promise<Visit> {
  return await (await page(entry, instance))();
}

describe.each<[string, () => AxiosInstance | undefined]>([
  ['by itself', () => undefined],
  ['by an axios instance', () => axios.create()],
])('%s', (_, make) => {
  test.each(['GET', 'HEAD', 'head'])('%s is sent again', async (method) => {
    const visiting = visit({ url: url('/a'), method, retry: true }, make());
    (await backend.asked('/a')).reply('no', down);
    (await backend.asked('/a')).reply('well');
    expect((await visiting).outcomes['a']).toMatchObject({ status: 'success', attempts: 2 });
  });

  test.each<[string, unknown, string]>([
    ['an object', { a: [1] }, '{"a":[1]}'],
    ['text', 'text', 'text'],
    ['bytes', Buffer.from('bytes'), 'bytes'],
    ['a form', new URLSearchParams({ a: '1' }), 'a=1'],
    ['a function', () => ({ made: 1 }), '{"made":1}'],
  ])('POST is sent again where methods asks for it, and its body too: %s', async (_what, data, body) => {
    const entry = { url: url('/a'), method: 'POST', data, retry: { methods: ['post'] } } as UpstreamOptions;
    const visiting = visit(entry, make());
    const bodies: string[] = [];
    const types = new Set<unknown>();
    for (const reply of [down, {}]) {
      const asked: Asked = await backend.asked('/a');
      bodies.push(await asked.body());
      types.add(asked.headers['content-type']);
      expect(asked.method).toBe('POST');
      asked.reply('answer', reply);
    }
    expect((await visiting).outcomes['a']).toMatchObject({ data: 'answer', attempts: 2 });
    expect(bodies).toEqual([body, body]);
    expect(types.size).toBe(1);
  });

  test('POST without retry is sent once', async () => {
    backend.answer('/a', 'no', down);
    const { outcomes } = await visit({ url: url('/a'), method: 'POST', data: {} }, make());
    expect(outcomes['a']?.attempts).toBe(1);
    expect(backend.seen).toHaveLength(1);
  });

  test('each status, and what the last was', async () => {
    const visiting = visit({ url: url('/a'), retry: { attempts: 3, backoff: 10 } }, make());
    for (const status of [502, 503, 504, 500]) (await backend.asked('/a')).reply('no', { status });
    expect((await visiting).outcomes['a']).toMatchObject({
      attempts: 4,
      error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 500 },
    });
    expect(clock.waits).toEqual([5, 10, 20]);
  });

  test('404 is not', async () => {
    backend.answer('/a', 'no', { status: 404 });
    const { outcomes } = await visit({ url: url('/a'), retry: 3 }, make());
    expect(outcomes['a']).toMatchObject({ attempts: 1, error: { status: 404 } });
  });

  test('a connection that is reset is', async () => {
    let asked = 0;
    const origin = await startRawBackend((socket) => {
      socket.on('data', () => (++asked === 1 ? socket.resetAndDestroy() : answer(socket)));
    });
    expect((await visit({ url: `${origin}/a`, retry: 3 }, make())).outcomes['a']).toMatchObject({
      data: 42,
      attempts: 2,
    });
  });
});

describe('POST', () => {
  test('with retry, but not among its methods, is a config error', () => {
    const line =
      "user.retry: sends POST again only where that is asked for: add methods: ['POST'], or safe: true if it only reads";
    for (const retry of [true, 2, {}, { methods: ['GET', 'PUT'] }]) {
      expect(lines(problemsWith({ method: 'post', retry }))).toEqual([line]);
      const page = () => createMashup({ axios: axios.create() })({ user: { url: url('/'), method: 'post', retry } });
      expect(lines(problemsThrown(page))).toEqual([line]);
    }
    expect(problemsWith({ method: 'POST', retry: false })).toEqual([]);
    expect(problemsWith({ method: 'POST', retry: { methods: ['GET', 'post'] } })).toEqual([]);
  });
});

describe('an axios instance', () => {
  test('whose interceptor makes an error of its own of a status is tried again all the same', async () => {
    const instance = axios.create();
    instance.interceptors.response.use(undefined, () => {
      throw new Error('of its own');
    });
    const visiting = visit({ url: url('/a'), retry: true }, instance);
    (await backend.asked('/a')).reply('no', down);
    (await backend.asked('/a')).reply('well');
    expect((await visiting).outcomes['a']).toMatchObject({ data: 'well', attempts: 2 });
  });

  test('waits as Retry-After says', async () => {
    const visiting = visit({ url: url('/a'), retry: true }, axios.create());
    (await backend.asked('/a')).reply('no', { ...down, headers: { 'retry-after': '0' } });
    (await backend.asked('/a')).reply('well');
    expect((await visiting).locals['a']).toBe('well');
    expect(clock.waits).toEqual([0]);
  });

  test('runs its interceptors for each attempt', async () => {
    const instance = axios.create();
    let token = 0;
    instance.interceptors.request.use((config) => {
      config.headers.set('x-token', String(++token));
      return config;
    });
    const visiting = visit({ url: url('/a'), retry: true }, instance);
    const first = await backend.asked('/a');
    first.reply('no', down);
    const second = await backend.asked('/a');
    second.reply('well');
    await visiting;
    expect([first, second].map(({ headers }) => headers['x-token'])).toEqual(['1', '2']);
  });
});

describe('a kept connection that is reset as it is used again', () => {
  /** Answers the first request of each connection, and resets it at the second. */
  async function forgetful(): Promise<{ origin: string; seen: string[] }> {
    const seen: string[] = [];
    const origin = await startRawBackend((socket) => {
      let before = 0;
      socket.on('data', (head) => {
        seen.push(String(head).split(' ')[0] as string);
        if (before++ > 0) socket.resetAndDestroy();
        else answer(socket);
      });
    });
    return { origin, seen };
  }

  test.each<[string, UpstreamOptions['retry']]>([
    ['without retry', false],
    ['with retry', true],
  ])('under a GET is asked once more %s, which counts for nothing', async (_, retry = false) => {
    const { origin, seen } = await forgetful();
    const mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const ask = await openPage({ a: { url: `${origin}/a`, retry } }, { mashup });
    await ask();
    expect((await ask()).outcomes['a']).toMatchObject({ data: 42, attempts: 1 });
    expect(seen).toEqual(['GET', 'GET', 'GET']);
    expect(clock.waits).toEqual([]);
    expect(mashup.stats().origins[origin]).toMatchObject({ budget: 10, inFlight: 0, outcomes: { answered: 2 } });
  });

  test('under a POST is not', async () => {
    const { origin, seen } = await forgetful();
    const ask = await page({ url: `${origin}/a`, method: 'POST' });
    await ask();
    expect((await ask()).outcomes['a']).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_NETWORK' } });
    expect(seen).toEqual(['POST', 'POST']);
  });

  test('under a POST that may be sent again is one more attempt, which counts', async () => {
    const { origin, seen } = await forgetful();
    const ask = await page({ url: `${origin}/a`, method: 'POST', retry: { methods: ['POST'] } });
    await ask();
    expect((await ask()).outcomes['a']).toMatchObject({ data: 42, attempts: 2 });
    expect(seen).toEqual(['POST', 'POST', 'POST']);
    expect(clock.waits).toEqual([50]);
  });
});

function answer(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n42');
}
