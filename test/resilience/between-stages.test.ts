import axios from 'axios';
import type { Outcome, UpstreamMap, UpstreamOptions } from '../../src/index.js';
import type { Mashup } from '../../src/page-types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';

// What only goes wrong where one stage meets another.

let backend: Backend;
let clock: ManualClock;

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
// The first failure that counts opens it.
const breaker = { minimum: 1, threshold: 1 };

function make(parts: Parameters<typeof mashupWith>[0] = {}): Mashup {
  const mashup = mashupWith({ clock, ...parts });
  closeLater(() => mashup.close());
  return mashup;
}

async function outcome(mashup: Mashup, entry: UpstreamOptions): Promise<Outcome> {
  const { outcomes } = await mashup({ a: entry } as UpstreamMap, { deadline: 1000 }).run();
  return outcomes['a'] as Outcome;
}

describe('a breaker and a hedge', () => {
  test.each([100, 200, 300, 399])('silence counts where the hedge was sent after %i of 400 ms', async (hedge) => {
    const mashup = make();
    const ended = outcome(mashup, { url: url('/a'), timeout: 400, hedge, breaker });
    await backend.asked('/a');
    clock.advance(hedge);
    await backend.asked('/a');
    clock.advance(400 - hedge);
    expect(await ended).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' }, attempts: 2 });
    expect(mashup.stats().origins[backend.origin]?.breaker).toBe('open');
  });
});

describe('a hedge and a full origin', () => {
  const full = { perOrigin: 1, queue: 0 };

  test('a hedge that found no place is not what the call ends with', async () => {
    const mashup = make({ limits: full });
    const ended = outcome(mashup, { url: url('/a'), hedge: 100, breaker });
    const first = await backend.asked('/a');
    clock.advance(100);
    await settled();
    first.cut();
    expect(await ended).toMatchObject({ error: { code: 'ERR_UPSTREAM_NETWORK' }, attempts: 1 });
    expect(mashup.stats().origins[backend.origin]?.breaker).toBe('open');
  });

  test('and the first is tried again', async () => {
    const mashup = make({ limits: full });
    const ended = outcome(mashup, { url: url('/a'), hedge: 100, retry: { attempts: 1, backoff: 1 } });
    const first = await backend.asked('/a');
    clock.advance(100);
    await settled();
    const waits = clock.nextTimer();
    first.cut();
    await waits;
    clock.advance(1);
    (await backend.asked('/a')).reply('well');
    expect(await ended).toMatchObject({ status: 'success', attempts: 2 });
  });
});

describe('close({ timeout })', () => {
  const closed = { status: 'error', error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 0 };

  test('nothing is sent for a call that is to share a request, and whose callback is still at work', async () => {
    const mashup = make();
    const hold = deferred<string>();
    const ended = outcome(mashup, { url: () => hold.promise, origins: [backend.origin], coalesce: true });
    await mashup.close({ timeout: 1 });
    hold.resolve(url('/a'));
    expect(await ended).toMatchObject(closed);
  });

  test('nor by an axios instance whose interceptor is still at work', async () => {
    const hold = deferred<void>();
    const began = deferred<void>();
    const instance = axios.create();
    instance.interceptors.request.use(async (config) => {
      began.resolve();
      await hold.promise;
      return config;
    });
    const mashup = make({ axios: instance });
    const ended = outcome(mashup, { url: url('/a') });
    await began.promise;
    await mashup.close({ timeout: 1 });
    hold.resolve();
    expect(await ended).toMatchObject({ ...closed, attempts: 1 });
  });
});
