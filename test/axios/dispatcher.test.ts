import { gzipSync } from 'node:zlib';
import axios from 'axios';
import { Agent, Client, type Dispatcher, interceptors, Pool } from 'undici';
import { createMashup, type Mashup } from '../../src/index.js';
import { DispatcherConnections } from '../../src/transport/dispatcher.js';
import { deadOrigin, json, type Recorder, startBackend, startUpstream } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { ask, openPage } from '../support/site.js';

let upstream: Recorder;
let agent: Agent;
let mashup: Mashup;

beforeEach(async () => {
  upstream = await startUpstream((response, { url }) => {
    if (url === '/redirect') return response.writeHead(302, { location: '/found?a=hush' }).end();
    if (url === '/gzip')
      return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1000)));
    if (url === '/500') return json(response, {}, 500);
    return json(response, { url });
  });
  agent = new Agent();
  closeLater(() => agent.destroy());
  mashup = createMashup({ dispatcher: agent });
});
afterEach(closeAll);

const askPath = (path: string, entry = {}) => ask({ url: upstream.origin + path, ...entry }, {}, { mashup });

describe('an Agent', () => {
  test('sends every request', async () => {
    let dispatched = 0;
    const counting = agent.compose((dispatch) => (options, handler) => {
      dispatched++;
      return dispatch(options, handler);
    });
    const visit = await openPage(
      { a: `${upstream.origin}/a`, b: `${upstream.origin}/b` },
      { mashup: createMashup({ dispatcher: counting }) },
    );
    expect((await visit()).data).toEqual({ a: { url: '/a' }, b: { url: '/b' } });
    expect(dispatched).toBe(2);
  });

  test('sends headers and bodies', async () => {
    await askPath('/a', { method: 'POST', data: { a: 'ø' }, headers: { 'x-a': ['1', '2'] } });
    expect(upstream.only).toMatchObject({
      method: 'POST',
      headers: { 'x-a': '1, 2', 'content-type': 'application/json' },
    });
    expect(upstream.only.body.toString()).toBe('{"a":"ø"}');
  });

  test('gives outcomes as ever', async () => {
    expect((await askPath('/a')).outcome).toMatchObject({
      status: 'success',
      source: 'network',
      attempts: 1,
      response: { status: 200, headers: { 'content-type': 'application/json' }, url: `${upstream.origin}/a` },
    });
    expect((await askPath('/500')).outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 500 });
    const { outcome } = await ask(`${await deadOrigin()}/`, {}, { mashup });
    expect(outcome.error?.code).toBe('ERR_UPSTREAM_CONNECT');
  });

  test('follows redirects by our rules', async () => {
    const { data, outcome } = await askPath('/redirect');
    expect(data).toEqual({ url: '/found?a=hush' });
    expect(outcome.response?.url).toBe(`${upstream.origin}/found?a=…`);
    expect((await askPath('/redirect', { maxRedirects: 0 })).outcome.error?.upstreamStatus).toBe(302);
  });

  test('has our limit of what a body may be, decompressed', async () => {
    for (const [path, maxContentLength] of [
      ['/a', 5],
      ['/gzip', 999],
    ] as const) {
      expect((await askPath(path, { maxContentLength })).outcome.error?.code).toBe('ERR_UPSTREAM_TOO_LARGE');
    }
    expect((await askPath('/gzip', { maxContentLength: 1000 })).data).toHaveLength(1000);
  });

  test('keeps its connections, and they are its own', async () => {
    for (const path of ['/a', '/b', '/c']) await askPath(path);
    expect(upstream.connections).toBe(1);
    await (await agent.request({ origin: upstream.origin, path: '/d', method: 'GET' })).body.dump();
    expect(upstream.connections).toBe(1);
  });

  test('is left open by close()', async () => {
    await askPath('/a');
    await mashup.close();
    expect(agent.closed || agent.destroyed).toBe(false);
    expect((await askPath('/b')).data).toEqual({ url: '/b' });
    expect(upstream.connections).toBe(1);
  });

  test('that is closed makes outcomes', async () => {
    await agent.close();
    expect((await askPath('/a')).outcome.error?.code).toBe('ERR_UPSTREAM_CONNECT');
  });

  test('may be used by an axios instance', async () => {
    const instance = axios.create({ baseURL: upstream.origin });
    instance.interceptors.response.use(({ data }) => data.url);
    let dispatched = 0;
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      dispatched++;
      return dispatch(options, handler);
    });
    const { data } = await ask('/a', {}, { mashup: createMashup({ axios: instance, dispatcher }) });
    expect([data, dispatched]).toEqual(['/a', 1]);
  });

  test("may have interceptors of undici's", async () => {
    let failures = 0;
    const flaky = await startUpstream((response) => json(response, 'here', ++failures < 3 ? 503 : 200));
    const dispatcher = agent.compose(interceptors.retry({ maxRetries: 5, minTimeout: 1, timeoutFactor: 1 }));
    const { data } = await ask(`${flaky.origin}/`, {}, { mashup: createMashup({ dispatcher }) });
    expect([data, flaky.sent.length]).toEqual(['here', 3]);
  });
});

test.each<[string, (origin: string) => Dispatcher]>([
  ['a Pool', (origin) => new Pool(origin, { connections: 1 })],
  ['a Client', (origin) => new Client(origin)],
])('%s may be the dispatcher', async (_, make) => {
  const dispatcher = make(upstream.origin);
  closeLater(() => dispatcher.destroy());
  const { data } = await ask(`${upstream.origin}/a`, {}, { mashup: createMashup({ dispatcher }) });
  expect(data).toEqual({ url: '/a' });
});

describe('what is given up', () => {
  test.each([
    ['by the deadline', {}, 2000, 'DEADLINE'],
    ['by its timeout', { timeout: 300 }, 300, 'TIMEOUT'],
  ])('%s has its connection closed', async (_, entry, ms, code) => {
    const backend = await startBackend();
    const clock = new ManualClock();
    const timed = mashupWith({ clock, connections: new DispatcherConnections(agent) });
    const visiting = (await openPage({ a: { url: `${backend.origin}/a`, ...entry } }, { mashup: timed }))();
    const asked = await backend.asked('/a');
    asked.begin('[1,');
    clock.advance(ms);
    await asked.closed;
    expect((await visiting).outcomes['a']?.error?.code).toBe(`ERR_UPSTREAM_${code}`);
  });

  test('while it waits for a connection of the dispatcher is never sent', async () => {
    const backend = await startBackend();
    const clock = new ManualClock();
    const dispatcher = new Agent({ connections: 1 });
    closeLater(() => dispatcher.destroy());
    const timed = mashupWith({ clock, connections: new DispatcherConnections(dispatcher) });
    const page = { a: `${backend.origin}/a`, b: { url: `${backend.origin}/b`, timeout: 300 } };
    const visiting = (await openPage(page, { mashup: timed }))();
    const asked = await backend.asked('/a');
    clock.advance(300);
    asked.reply(1);
    const { data, outcomes } = await visiting;
    expect(data).toEqual({ a: 1, b: null });
    expect(outcomes['b']?.error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
    // The connection is still good for others.
    backend.answer('/c', 3);
    expect((await ask(`${backend.origin}/c`, {}, { mashup: timed })).data).toBe(3);
    expect(backend.seen).toEqual(['/a', '/c']);
  });
});
