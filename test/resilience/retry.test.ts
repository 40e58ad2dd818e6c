import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { type Asked, type Backend, deadOrigin, listen, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

const url = (path: string) => `${backend.origin}${path}`;
const down = { status: 503 };

/** Fails the next request for a path, and lets the back-off after it pass; resolves to how long that was. */
async function failOnce(path: string, reply: Parameters<Asked['reply']>[1] = down): Promise<number> {
  const asked = await backend.asked(path);
  const backOff = site.clock.nextTimer();
  asked.reply('no', reply);
  const ms = await backOff;
  site.clock.advance(ms);
  return ms;
}

test('503, 503 and 200 with two extra attempts are a success', async () => {
  const visit = site.visit({ a: { url: url('/a'), retry: { attempts: 2 }, required: true } });
  expect(await failOnce('/a')).toBe(50);
  expect(await failOnce('/a')).toBe(100);
  (await backend.asked('/a')).reply('well');
  const { locals, response } = await visit;
  expect(response.status).toBe(200);
  expect(locals).toMatchObject({
    a: 'well',
    mashup: { a: { status: 'success', attempts: 3, response: { status: 200 }, timings: { started: 0, ended: 150 } } },
  });
  expect(site.clock.pending).toBe(0);
});

test('when they have been used up, the last failure is the outcome', async () => {
  const visit = site.visit({ a: { url: url('/a'), retry: 2 } });
  await failOnce('/a', { status: 502 });
  await failOnce('/a', { status: 503 });
  (await backend.asked('/a')).reply('no', { status: 504 });
  const { mashup } = (await visit).locals;
  expect(mashup['a']).toMatchObject({
    status: 'error',
    attempts: 3,
    error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: 504, attempts: 3, status: 502 },
  });
  expect(backend.seen).toHaveLength(3);
});

test.each([
  ['true', true, 2],
  ['a number', 3, 4],
  ['an empty object', {}, 2],
  ['attempts', { attempts: 4 }, 5],
])('%s asks for so many', async (_, retry, attempts) => {
  const visit = site.visit({ a: { url: url('/a'), retry } });
  for (let extra = 1; extra < attempts; extra++) await failOnce('/a');
  (await backend.asked('/a')).reply('no', down);
  expect((await visit).locals.mashup['a']).toMatchObject({ attempts, status: 'error' });
  expect(backend.seen).toHaveLength(attempts);
});

test.each([[undefined], [false]])('retry: %p: none', async (retry) => {
  backend.answer('/a', 'no', down);
  const { mashup } = (await site.visit({ a: { url: url('/a'), ...(retry === undefined ? {} : { retry }) } })).locals;
  expect(mashup['a']?.attempts).toBe(1);
});

test('a fallback is for when they have been used up', async () => {
  const visit = site.visit({ a: { url: url('/a'), retry: true, fallback: 'instead' } });
  await failOnce('/a');
  (await backend.asked('/a')).reply('no', down);
  expect((await visit).locals).toMatchObject({ a: 'instead', mashup: { a: { status: 'fallback', attempts: 2 } } });
});

test('each item of a fan-out has its own', async () => {
  const visit = site.visit({ a: { url: url('/{item}'), each: () => [1, 2], retry: true } });
  (await backend.asked('/2')).reply('two');
  await failOnce('/1');
  (await backend.asked('/1')).reply('one');
  expect((await visit).locals).toMatchObject({ a: ['one', 'two'], mashup: { a: { attempts: 3 } } });
});

test('calls of one run that share a request share its extra attempts', async () => {
  const entry = { url: url('/a'), retry: true };
  const visit = site.visit({ a: entry, b: entry });
  await failOnce('/a');
  (await backend.asked('/a')).reply('well');
  expect((await visit).locals).toMatchObject({ a: 'well', b: 'well' });
  expect(backend.seen).toHaveLength(2);
});

describe('what is tried again', () => {
  test.each([502, 503, 504])('status %i', async (status) => {
    const visit = site.visit({ a: { url: url('/a'), retry: true } });
    await failOnce('/a', { status });
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals['a']).toBe(1);
  });

  test('statuses that are asked for, and those only', async () => {
    const retry = { statuses: [429, 500] };
    const visit = site.visit({ a: { url: url('/a'), retry } });
    await failOnce('/a', { status: 429 });
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals['a']).toBe(1);
    backend.answer('/b', 'no', down);
    expect((await site.visit({ b: { url: url('/b'), retry } })).locals.mashup['b']?.attempts).toBe(1);
  });

  test('a connection that is refused', async () => {
    const origin = await deadOrigin();
    const backOff = site.clock.nextTimer();
    // The first timer is the deadline's.
    const visit = site.visit({ a: { url: `${origin}/a`, retry: true } });
    expect(await backOff).toBe(2000);
    expect(await site.clock.nextTimer()).toBe(50);
    const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end('"up"'));
    const port = Number(new URL(origin).port);
    const given = server.listen.bind(server);
    server.listen = (() => given(port, '127.0.0.1')) as typeof server.listen;
    await listen(server);
    site.clock.advance(50);
    expect((await visit).locals).toMatchObject({ a: 'up', mashup: { a: { attempts: 2 } } });
  });

  test.each<[string, (socket: Socket) => void]>([
    ['is reset', (socket) => socket.resetAndDestroy()],
    ['is closed', (socket) => socket.end()],
    ['breaks off in a body', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')],
    ['speaks no HTTP', (socket) => socket.end('220 mail.example.com ESMTP\r\n')],
  ])('a connection that %s', async (_, fail) => {
    let asked = 0;
    const origin = await startRawBackend((socket) => {
      socket.on('data', () => {
        if (++asked === 1) fail(socket);
        else socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n42');
      });
    });
    const armed = site.clock.nextTimer();
    const visit = site.visit({ a: { url: `${origin}/a`, retry: true } });
    await armed;
    await site.clock.nextTimer();
    site.clock.advance(50);
    expect((await visit).locals).toMatchObject({ a: 42, mashup: { a: { attempts: 2 } } });
  });
});

describe('what is not', () => {
  test.each([400, 401, 403, 404, 408, 410, 429, 500, 501])('status %i', async (status) => {
    backend.answer('/a', 'no', { status });
    const { mashup } = (await site.visit({ a: { url: url('/a'), retry: 5 } })).locals;
    expect(mashup['a']).toMatchObject({ attempts: 1, error: { code: 'ERR_UPSTREAM_STATUS', upstreamStatus: status } });
    expect(backend.seen).toHaveLength(1);
  });

  const schema = {
    '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'wrong' }] }) },
  } as const;

  test.each<[code: string, entry: object, reply: object]>([
    ['BODY', { responseType: 'json' }, { headers: { 'content-encoding': 'gzip' } }],
    ['BODY', { transformResponse: () => JSON.parse('{') }, {}],
    ['SCHEMA', { schema }, {}],
    ['TOO_LARGE', { maxContentLength: 1 }, {}],
    ['REDIRECT', { maxRedirects: 1 }, { status: 302, headers: { location: '/a' } }],
    ['BLOCKED', {}, { status: 302, headers: { location: 'http://127.0.0.1:1/' } }],
    ['HOOK', { validateStatus: () => Promise.resolve(true) }, {}],
  ])('ERR_UPSTREAM_%s', async (code, entry, reply) => {
    backend.answer('/a', 'something', reply);
    const { mashup } = (await site.visit({ a: { url: url('/a'), retry: 5, ...entry } })).locals;
    expect(mashup['a']).toMatchObject({ status: 'error', attempts: 1, error: { code: `ERR_UPSTREAM_${code}` } });
    expect(site.clock.now()).toBe(5000);
  });

  test('a URL that cannot be made, nor an address that is not public', async () => {
    const { mashup } = (
      await site.visit({
        a: { url: url('/{query.none}'), retry: 5 },
        b: { url: () => url('/b'), origins: 'public', retry: 5 },
      })
    ).locals;
    expect(mashup).toMatchObject({
      a: { attempts: 0, error: { code: 'ERR_UPSTREAM_URL' } },
      b: { attempts: 1, error: { code: 'ERR_UPSTREAM_BLOCKED' } },
    });
    expect(backend.seen).toEqual([]);
  });
});
