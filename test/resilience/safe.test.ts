import { jest } from '@jest/globals';
import axios, { type AxiosInstance } from 'axios';
import type { UpstreamMap, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { HastyClock, ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { openPage, type Visit } from '../support/site.js';

let backend: Backend;

beforeEach(async () => {
  backend = await startBackend();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const query = '{ user(id: 7) { name } }';
const search = (options: Partial<UpstreamOptions> = {}): UpstreamOptions => ({
  url: `${backend.origin}/graphql`,
  method: 'post',
  data: { query },
  safe: true,
  ...options,
});

/** Opens a page on an instance of its own. */
async function open(upstreams: UpstreamMap, clock = new ManualClock(), instance: AxiosInstance | null = null) {
  const mashup = mashupWith({ clock, axios: instance });
  closeLater(() => mashup.close());
  return { mashup, visit: await openPage(upstreams, { mashup }) };
}

describe.each<[string, () => AxiosInstance | null]>([
  ['by itself', () => null],
  ['by an axios instance', () => axios.create()],
])('a safe POST %s', (_, make) => {
  test('is sent again by retry, which names no methods', async () => {
    const { visit } = await open({ a: search({ retry: true }) }, new HastyClock(), make());
    const visiting = visit();
    for (const status of [503, 200]) {
      const asked = await backend.asked('/graphql');
      expect([asked.method, await asked.body()]).toEqual(['POST', JSON.stringify({ query })]);
      asked.reply('well', { status });
    }
    expect((await visiting).outcomes['a']).toMatchObject({ data: 'well', attempts: 2 });
  });

  test('is hedged, with its body', async () => {
    const clock = new ManualClock();
    const { visit } = await open({ a: search({ hedge: 100 }) }, clock, make());
    const visiting = visit();
    const first = await backend.asked('/graphql');
    clock.advance(100);
    const second = await backend.asked('/graphql');
    expect([second.method, await second.body()]).toEqual(['POST', JSON.stringify({ query })]);
    second.reply('well');
    expect((await visiting).outcomes['a']).toMatchObject({ data: 'well', attempts: 2 });
    await first.closed;
  });

  test('is sent once more, uncounted, where its kept connection was closed underneath', async () => {
    const { origin, seen } = await forgetful();
    const { visit, mashup } = await open({ a: search({ url: `${origin}/graphql` }) }, new ManualClock(), make());
    await visit();
    expect((await visit()).outcomes['a']).toMatchObject({ data: 42, attempts: 1 });
    expect(seen).toEqual(Array(3).fill(`POST ${JSON.stringify({ query })}`));
    expect(mashup.stats().origins[origin]).toMatchObject({ budget: 10, outcomes: { answered: 2 } });
  });
});

test('a POST that an interceptor has made a PUT is not sent once more', async () => {
  const { origin, seen } = await forgetful();
  const instance = axios.create();
  instance.interceptors.request.use((config) => ({ ...config, method: 'put' }));
  const { visit } = await open({ a: search({ url: `${origin}/graphql` }) }, new ManualClock(), instance);
  await visit();
  expect((await visit()).outcomes['a']?.error?.code).toBe('ERR_UPSTREAM_NETWORK');
  expect(seen).toHaveLength(2);
});

describe('coalesce', () => {
  /** How many requests are made by two clients at the same time, for a page each. */
  async function requests(one: Partial<UpstreamOptions>, other: Partial<UpstreamOptions>): Promise<number> {
    const clock = new ManualClock();
    const mashup = mashupWith({ clock });
    closeLater(() => mashup.close());
    const visits: Promise<Visit>[] = [];
    for (const options of [one, other]) {
      const visit = await openPage({ a: search({ coalesce: true, ...options }) }, { mashup });
      visits.push(visit());
    }
    while (clock.pending < 2) await settled();
    for (let turns = 0; turns < 5; turns++) await settled();
    const { inFlight = 0 } = mashup.stats().origins[backend.origin] ?? {};
    clock.advance(2000);
    await Promise.all(visits);
    return inFlight;
  }

  test('shares one request of equal bodies', async () => {
    expect(await requests({}, { data: () => ({ query }) })).toBe(1);
  });

  test.each<[string, Partial<UpstreamOptions>]>([
    ['other bodies', { data: { query: '{ user(id: 8) { name } }' } }],
    ['a body and none', { data: null }],
    ['one that is safe and one that is not', { safe: false }],
  ])('does not share one of %s', async (_what, options) => {
    expect(await requests({}, options)).toBe(2);
  });
});

/** Answers the first request of each connection, and resets it at the second. */
async function forgetful(): Promise<{ origin: string; seen: string[] }> {
  const seen: string[] = [];
  const origin = await startRawBackend((socket) => {
    let answered = false;
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      const [, method, length, body = ''] =
        /^(\w+)[\s\S]*?content-length: (\d+)[\s\S]*?\r\n\r\n([\s\S]*)$/i.exec(text) ?? [];
      if (length === undefined || body.length < Number(length)) return;
      seen.push(`${method} ${body}`);
      text = '';
      if (answered) socket.resetAndDestroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n42');
      answered = true;
    });
  });
  return { origin, seen };
}
