import { get } from 'node:http';
import { jest } from '@jest/globals';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

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
const retry = { attempts: 5, backoff: 100 };

describe('time-outs', () => {
  test('of an attempt are tried again', async () => {
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 300, retry: true } });
    const first = await backend.asked('/a');
    const backOff = site.clock.nextTimer();
    site.clock.advance(300);
    await first.closed;
    expect(await backOff).toBe(50);
    site.clock.advance(50);
    (await backend.asked('/a')).reply(1);
    expect((await visit).locals).toMatchObject({ a: 1, mashup: { a: { attempts: 2, timings: { ended: 350 } } } });
    expect(site.clock.pending).toBe(0);
  });

  test('of every attempt make an ERR_UPSTREAM_TIMEOUT', async () => {
    const visit = site.visit({ a: { url: url('/a'), attemptTimeout: 300, retry: true } });
    await backend.asked('/a');
    const backOff = site.clock.nextTimer();
    site.clock.advance(300);
    await backOff;
    site.clock.advance(50);
    await backend.asked('/a');
    site.clock.advance(300);
    const { error } = (await visit).locals.mashup['a'] ?? {};
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_TIMEOUT', attempts: 2, status: 504 });
    expect(error?.message).toContain('no answer to an attempt within its 300 ms');
  });

  test('of the last that shares a request are not, though whoever began it had more time', async () => {
    const entry = { url: url('/a'), coalesce: true, retry };
    const ends = new Ends();
    site.app.get('/', site.mashup({ a: { ...entry, when: ends.watch } }));
    const client = get(site.origin).on('error', () => {});
    const asked = await backend.asked('/a');
    const joined = deferred();
    // A callback after which nothing is left to wait for before it joins.
    const when = () => {
      setImmediate(joined.resolve);
      return true;
    };
    const visit = site.visit({ a: { ...entry, when, timeout: 300 } });
    await joined.promise;
    client.destroy();
    await ends.reach(1);
    site.clock.advance(300);
    await asked.closed;
    expect((await visit).locals.mashup['a']?.error?.code).toBe('ERR_UPSTREAM_TIMEOUT');
    await settled();
    expect(site.clock.pending).toBe(0);
    expect(site.begun).toBe(1);
  });

  test('of the call are not, also while its fallback takes time', async () => {
    const made = deferred<string>();
    const visit = site.visit({
      a: { url: url('/a'), timeout: 300, retry: 3 },
      b: { url: url('/b'), timeout: 300, retry: 3, fallback: () => made.promise },
    });
    const asked = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(300);
    await Promise.all(asked.map(({ closed }) => closed));
    made.resolve('instead');
    const { locals } = await visit;
    expect(locals).toMatchObject({
      b: 'instead',
      mashup: {
        a: { attempts: 1, error: { code: 'ERR_UPSTREAM_TIMEOUT' } },
        b: { attempts: 1, error: { code: 'ERR_UPSTREAM_TIMEOUT' } },
      },
    });
    expect(site.begun).toBe(2);
  });
});
