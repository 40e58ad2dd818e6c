import type { UpstreamOptions } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { Ends, type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
  backend.answer('/a', 'a');
  backend.answer('/sibling', 'sibling');
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

type Entry = Partial<UpstreamOptions>;
type Hook = (...args: unknown[]) => unknown;

/** An upstream whose callback of this name is `hook`. */
function withHook(name: string, hook: Hook): UpstreamOptions {
  const entries: Record<string, Entry> = {
    url: { url: hook as never, origins: [backend.origin] },
    fallback: { url: url('/none'), fallback: hook as never },
    data: { method: 'POST', data: hook },
    schema: { schema: { '~standard': { version: 1, vendor: 'test', validate: hook as never } } },
  };
  return { url: url('/a'), ...(entries[name] ?? { [name]: hook }) };
}

/** A page of an upstream with that callback and another that is well. */
async function visit(name: string, hook: Hook) {
  backend.answer('/none', 'none', { status: 404 });
  const { locals, response } = await site.visit({ a: withHook(name, hook), sibling: url('/sibling') });
  return { outcome: locals.mashup['a'], sibling: locals['sibling'], status: response.status };
}

const async = ['when', 'url', 'headers', 'params', 'data', 'each', 'fallback', 'schema'];
const boom = new RangeError('boom');
const throws = () => {
  throw boom;
};

describe.each(async)('a callback for %s', (name) => {
  test.each<[string, Hook]>([
    ['throws', throws],
    ['rejects', () => Promise.reject(boom)],
    ['rejects later', () => settled().then(throws)],
  ])('that %s fails its call with ERR_UPSTREAM_HOOK, and the others arrive', async (_how, hook) => {
    const { outcome, sibling, status } = await visit(name, hook);
    expect(outcome).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_HOOK', upstream: 'a', status: 500, cause: boom },
    });
    expect(outcome?.error?.message).toContain(name);
    expect(sibling).toBe('sibling');
    expect(status).toBe(200);
  });

  test.each([undefined, null, 'text', { name: 'Error' }])('that throws %j fails it too', async (thrown) => {
    const { outcome } = await visit(name, () => {
      throw thrown;
    });
    expect(outcome).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_HOOK', upstream: 'a' } });
    expect(outcome?.error?.message).toContain(name);
  });

  test('that never settles ends by the deadline, and the others have arrived', async () => {
    const asked = deferred();
    const ends = new Ends();
    backend.answer('/none', 'none', { status: 404 });
    const hook = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const visited = site.visit(
      { a: withHook(name, hook), sibling: { url: url('/sibling'), when: ends.watch } },
      { deadline: 500 },
    );
    await Promise.all([asked.promise, ends.reach(1)]);
    site.clock.advance(500);
    const { locals } = await visited;
    expect(locals.mashup['a']).toMatchObject({
      status: 'error',
      error: { code: name === 'fallback' ? 'ERR_UPSTREAM_STATUS' : 'ERR_UPSTREAM_DEADLINE' },
      timings: { ended: 500 },
    });
    expect(locals['sibling']).toBe('sibling');
  });

  test.each<[string, (late: ReturnType<typeof deferred<unknown>>) => void]>([
    ['settles', ({ resolve }) => resolve({ late: true })],
    ['rejects', ({ reject }) => reject(boom)],
  ])('that %s after the deadline changes nothing, and sends nothing', async (_how, settle) => {
    const asked = deferred();
    const late = deferred<unknown>();
    const visited = site.visit(
      {
        a: withHook(name, () => {
          asked.resolve();
          return late.promise;
        }),
      },
      { deadline: 500 },
    );
    if (name === 'fallback') (await backend.asked('/none')).reply('none', { status: 404 });
    await asked.promise;
    site.clock.advance(500);
    const { locals } = await visited;
    const [before, begun] = [JSON.stringify(locals), site.begun];
    settle(late);
    await settled();
    expect(JSON.stringify(locals)).toBe(before);
    expect(site.begun).toBe(begun);
  });
});

describe('validateStatus', () => {
  test('that throws fails its call with ERR_UPSTREAM_HOOK', async () => {
    const { outcome, sibling } = await visit('validateStatus', throws);
    expect(outcome).toMatchObject({
      error: { code: 'ERR_UPSTREAM_HOOK', cause: boom, upstreamStatus: 200 },
      response: { status: 200 },
    });
    expect(sibling).toBe('sibling');
  });

  test.each<[string, Hook]>([
    ['resolves', async () => true],
    ['rejects', () => Promise.reject(boom)],
    ['never settles', () => new Promise(() => {})],
  ])('cannot be async: a promise that %s fails its call', async (_how, hook) => {
    const { outcome } = await visit('validateStatus', hook);
    expect(outcome).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_HOOK' } });
  });
});

describe('transformResponse', () => {
  test.each<[string, Hook]>([
    ['throws', throws],
    ['rejects', () => Promise.reject(boom)],
  ])('that %s fails its call with ERR_UPSTREAM_BODY', async (_how, hook) => {
    const { outcome, sibling } = await visit('transformResponse', hook);
    expect(outcome).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_BODY', cause: boom, upstreamStatus: 200 },
    });
    expect(sibling).toBe('sibling');
  });

  test('that never settles ends by the deadline', async () => {
    const asked = deferred();
    const visited = site.visit(
      {
        a: {
          url: url('/a'),
          transformResponse: () => {
            asked.resolve();
            return new Promise(() => {});
          },
        },
      },
      { deadline: 500 },
    );
    await asked.promise;
    site.clock.advance(500);
    expect((await visited).locals.mashup['a']).toMatchObject({ error: { code: 'ERR_UPSTREAM_DEADLINE' } });
  });
});

describe('what a callback returns', () => {
  test.each<[string, string, unknown, string]>([
    ['a url function', 'url', undefined, 'ERR_UPSTREAM_URL'],
    ['a url function', 'url', null, 'ERR_UPSTREAM_URL'],
    ['a url function', 'url', '', 'ERR_UPSTREAM_URL'],
    ['a url function', 'url', '/relative', 'ERR_UPSTREAM_URL'],
    ['a url function', 'url', 42, 'ERR_UPSTREAM_URL'],
    ['a headers function', 'headers', 'x-a: b', 'ERR_UPSTREAM_HOOK'],
    ['a headers function', 'headers', { 'x a': 'b' }, 'ERR_UPSTREAM_HOOK'],
    ['a headers function', 'headers', { 'x-a': {} }, 'ERR_UPSTREAM_HOOK'],
    ['a params function', 'params', 'a=b', 'ERR_UPSTREAM_HOOK'],
    ['an each function', 'each', 'a', 'ERR_UPSTREAM_ITEMS'],
  ])('%s: %2$j is not that, and nothing is sent', async (_what, name, value, code) => {
    const { outcome } = await visit(name, () => value);
    expect(outcome).toMatchObject({ status: 'error', error: { code }, attempts: 0 });
    expect(backend.seen).toEqual(['/sibling']);
  });

  test.each(['headers', 'params', 'data'])('%s: nothing is none', async (name) => {
    expect((await visit(name, () => undefined)).outcome).toMatchObject({ status: 'success', data: 'a' });
  });
});
