import { get } from 'node:http';
import { WireAnswer } from '../../src/answer/wire-answer.js';
import { errorCodes, Failure } from '../../src/errors.js';
import { verdictOf } from '../../src/stages/breaker.js';
import type { UpstreamMap, UpstreamOptions } from '../../src/types.js';
import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

// Where nobody listens, nor can any other test meanwhile.
const nobody = 'http://127.0.0.1:1';
const url = (path: string) => `${backend.origin}${path}`;
// The first failure that counts opens it.
const breaker = { minimum: 1, threshold: 1 };
const stateOf = (origin = backend.origin) => site.mashup.stats().origins[origin]?.breaker;

/** Asks for a page whose client is in the test's hands. */
function leave(upstreams: UpstreamMap) {
  site.app.get('/', site.mashup(upstreams));
  return get(site.origin).on('error', () => {});
}

describe('an answer', () => {
  test.each([200, 204, 301, 304, 400, 401, 404, 408, 410, 429, 499])('with status %i is no failure', async (status) => {
    expect(verdictOf(new WireAnswer(status, [], ''))).toBe('success');
    backend.answer('/a', 1, { status });
    await site.visit({ a: { url: url('/a'), breaker, maxRedirects: 0 } });
    expect(stateOf()).toBe('closed');
  });

  test.each([500, 501, 502, 503, 504, 599])('with status %i is one', async (status) => {
    backend.answer('/a', 1, { status });
    await site.visit({ a: { url: url('/a'), breaker } });
    expect(stateOf()).toBe('open');
  });

  test('that a page cannot use is none: JSON that is broken, data that no schema takes', async () => {
    backend.answer('/a', 1, { headers: { 'content-length': '1' } });
    const transformResponse = () => JSON.parse('{');
    await site.visit({ a: { url: url('/a'), breaker, transformResponse } });
    expect(stateOf()).toBe('closed');
  });
});

test.each(errorCodes)('%s is a failure unless it is nobody’s, or ours', (code) => {
  const ours = ['CANCELED', 'OVERLOAD', 'QUOTA', 'BLOCKED', 'HOOK', 'TOO_LARGE', 'REDIRECT'].map(
    (name) => `ERR_UPSTREAM_${name}`,
  );
  expect(verdictOf(new Failure(code, ''))).toBe(ours.includes(code) ? 'nothing' : 'failure');
});

describe('a failure', () => {
  test('to connect counts', async () => {
    const origin = nobody;
    await site.visit({ a: { url: `${origin}/`, breaker } });
    expect(stateOf(origin)).toBe('open');
  });

  test('of the connection counts', async () => {
    const origin = await startRawBackend((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await site.visit({ a: { url: `${origin}/`, breaker } });
    expect(stateOf(origin)).toBe('open');
  });

  test.each<[string, Partial<UpstreamOptions>, number]>([
    ["the run's deadline", {}, 2000],
    ['its timeout', { timeout: 300 }, 300],
    ['its attemptTimeout', { attemptTimeout: 300 }, 300],
    ['the deadline, with a hedge beside it', { hedge: 100 }, 2000],
    ['the deadline, the request being shared', { coalesce: true }, 2000],
    ['its timeout, the request being shared', { coalesce: true, timeout: 300 }, 300],
  ])('to answer by %s counts', async (_, entry, ms) => {
    const visit = site.visit({ a: { url: url('/a'), breaker, ...entry } });
    const asked = await backend.asked('/a');
    site.clock.advance(ms);
    await asked.closed;
    await visit;
    expect(stateOf()).toBe('open');
  });

  test('for as long as a call has counts, though its hedge, sent late, had less time', async () => {
    const visit = site.visit({ a: { url: url('/a'), breaker, hedge: 900, timeout: 1000 } });
    await backend.asked('/a');
    site.clock.advance(900);
    await backend.asked('/a');
    site.clock.advance(100);
    await visit;
    expect(stateOf()).toBe('open');
  });

  test('to answer equal calls of a run counts', async () => {
    const entry = { url: url('/a'), breaker };
    const visit = site.visit({ a: entry, b: entry });
    await backend.asked('/a');
    site.clock.advance(2000);
    await visit;
    expect(stateOf()).toBe('open');
  });
});

describe('nothing is said of an upstream', () => {
  test.each([
    ['that nobody shares', {}],
    ['that may be shared', { coalesce: true }],
    ['with a hedge', { hedge: 'p95' }],
  ] as const)('%s by a client that leaves', async (_, entry) => {
    const ends = new Ends();
    const client = leave({ a: { url: url('/a'), breaker, when: ends.watch, ...entry } });
    const asked = await backend.asked('/a');
    client.destroy();
    await Promise.all([asked.closed, ends.reach(1)]);
    await settled();
    expect(stateOf()).toBe('closed');
  });

  test('by a run that ends because another upstream failed', async () => {
    backend.answer('/b', 1, { status: 404 });
    await site.visit({ a: { url: url('/a'), breaker }, b: { url: url('/b'), required: true } });
    expect(stateOf()).toBe('closed');
  });

  test('by a request that is not allowed', async () => {
    await site.visit({ a: { url: () => url('/a'), origins: 'public', breaker } });
    expect(stateOf()).toBe('closed');
  });

  describe.each([
    ['its timeout', { timeout: 300 }, 2000],
    ['the deadline', {}, 300],
  ])('by %s before anything was sent, for another upstream holds the slot', (_, time, deadline) => {
    test.each([
      ['alone', {}],
      ['with a hedge', { hedge: 100 }],
      ['with retry', { retry: 3 }],
      ['sharing its request with another of the run', {}],
    ])('%s', async (how, entry) => {
      const other = await startBackend();
      const b = { url: `${other.origin}/b`, breaker, ...time, ...entry };
      const upstreams = { a: url('/a'), b, ...(how.startsWith('sharing') ? { c: b } : {}) };
      const visit = site.visit(upstreams, { concurrency: 1, deadline });
      const asked = await backend.asked('/a');
      site.clock.advance(300);
      asked.reply(1);
      expect((await visit).locals.mashup['b']).toMatchObject({ attempts: 0, status: 'error' });
      expect(stateOf(other.origin)).toBe('closed');
      expect(other.seen).toEqual([]);
    });
  });
});

describe('a probe', () => {
  beforeEach(async () => {
    backend.answer('/down', 1, { status: 500 });
    await site.visit({ a: { url: url('/down'), breaker } });
    site.clock.advance(5000);
  });

  test('whose client leaves frees its place for the next, who may try at once', async () => {
    const ends = new Ends();
    const client = leave({ a: { url: url('/a'), breaker, when: ends.watch } });
    await backend.asked('/a');
    expect(stateOf()).toBe('half-open');
    client.destroy();
    await ends.reach(1);
    await settled();
    backend.answer('/b', 'well');
    expect((await site.visit({ a: { url: url('/b'), breaker } })).locals['a']).toBe('well');
    expect(stateOf()).toBe('closed');
  });

  test('hears nothing of a call from before', async () => {
    const other = { ...breaker, window: 5000 };
    const early = site.visit({ a: { url: url('/early'), breaker: other } }, { deadline: 60_000 });
    const late = await backend.asked('/early');
    await site.visit({ a: { url: url('/down'), breaker: other } });
    site.clock.advance(5000);
    const probing = site.visit({ a: { url: url('/probe'), breaker: other } });
    const probe = await backend.asked('/probe');
    late.reply('well');
    await early;
    expect(stateOf()).toBe('half-open');
    probe.reply('no', { status: 500 });
    await probing;
    expect(stateOf()).toBe('open');
  });
});
