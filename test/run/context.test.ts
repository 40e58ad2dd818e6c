import type { RequestHandler } from 'express';
import request from 'supertest';
import type { Context } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/a', 'a');
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

describe('a context', () => {
  /** The context that the callbacks of a page's only call are given. */
  async function contextOf(...before: RequestHandler[]): Promise<Context> {
    const seen = deferred<Context>();
    const when = (context: Context) => {
      seen.resolve(context);
      return true;
    };
    site.app.get('/users/:id', ...before, site.mashup({ a: { url: url('/a'), when } }), (_req, res) => {
      res.end();
    });
    await request(site.origin).get('/users/7?city=Oslo').set('x-mine', 'yes');
    return seen.promise;
  }

  test('has the request, its parameters and its query', async () => {
    const { req, params, query } = await contextOf();
    expect(req.get('x-mine')).toBe('yes');
    expect(params).toEqual({ id: '7' });
    expect(query).toEqual({ city: 'Oslo' });
  });

  test('has what earlier middleware left in res.locals', async () => {
    const { locals } = await contextOf((_req, res, next) => {
      res.locals['tenant'] = 'acme';
      next();
    });
    expect(locals['tenant']).toBe('acme');
  });

  test('has no item where there is no fan-out', async () => {
    expect((await contextOf()).item).toBeUndefined();
  });

  test('is one for all callbacks of a call, and each call has its own', async () => {
    const seen: Record<string, Context[]> = { a: [], b: [] };
    const note = (name: string) => (context: Context) => {
      seen[name]?.push(context);
      return {};
    };
    await site.visit({
      a: { url: url('/a'), when: note('a'), headers: note('a'), params: note('a') },
      b: { url: url('/a'), when: note('b') },
    });
    expect(new Set(seen['a']).size).toBe(1);
    expect(seen['a']).toHaveLength(3);
    expect(seen['b']?.[0]).not.toBe(seen['a']?.[0]);
  });

  test.each([
    ['a template', { url: '/{locals.bad}' }, 'ERR_UPSTREAM_URL'],
    ['a path of `each`', { url: '/{item}', each: 'locals.bad' }, 'ERR_UPSTREAM_HOOK'],
  ])('may have locals with a getter that throws: %s that reads it fails its call', async (_what, entry, code) => {
    site.app.use((_req, res, next) => {
      Object.defineProperty(res.locals, 'bad', {
        get: () => {
          throw new Error('from a getter');
        },
      });
      next();
    });
    const { locals } = await site.visit({ bad2: { ...entry, url: url(entry.url) }, a: url('/a') });
    expect(locals.mashup['bad2']).toMatchObject({ status: 'error', error: { code } });
    expect(locals['a']).toBe('a');
  });
});

describe('the signal of a context', () => {
  test.each<[string, number]>([
    ['has succeeded', 200],
    ['has failed', 500],
  ])('is aborted when the call %s, and not before', async (_how, status) => {
    const asked = deferred<AbortSignal>();
    const headers = ({ signal }: Context) => {
      asked.resolve(signal);
      return {};
    };
    const visited = site.visit({ a: { url: url('/slow'), headers }, b: url('/b') });
    const signal = await asked.promise;
    const [a, b] = await Promise.all([backend.asked('/slow'), backend.asked('/b')]);
    expect(signal.aborted).toBe(false);
    const aborted = deferred();
    signal.addEventListener('abort', () => aborted.resolve());
    a.reply('a', { status });
    await aborted.promise;
    b.reply('b');
    await visited;
  });

  test('is aborted at the deadline', async () => {
    const asked = deferred<AbortSignal>();
    const when = ({ signal }: Context) => {
      asked.resolve(signal);
      return new Promise<boolean>(() => {});
    };
    const visited = site.visit({ a: { url: url('/a'), when } }, { deadline: 500 });
    const signal = await asked.promise;
    site.clock.advance(500);
    expect(signal.aborted).toBe(true);
    await visited;
  });

  test('is aborted already where it is looked at later', async () => {
    let kept: Context | null = null;
    const when = (context: Context) => {
      kept = context;
      return false;
    };
    await site.visit({ a: { url: url('/a'), when } });
    expect((kept as Context | null)?.signal.aborted).toBe(true);
  });
});
