import { type } from 'arktype';
import * as v from 'valibot';
import * as z from 'zod';
import type { StandardSchema, UpstreamOptions } from '../../src/index.js';
import { startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { startSite } from '../support/site.js';

afterEach(closeAll);

type Schema = NonNullable<UpstreamOptions['schema']>;

/** The outcome of an upstream that sends this. */
async function outcomeOf(data: unknown, schema: Schema, entry: Partial<UpstreamOptions> = {}) {
  const [backend, site] = await Promise.all([startBackend(), startSite()]);
  backend.answer('/a', data);
  const { locals } = await site.visit({ a: { url: `${backend.origin}/a`, schema, ...entry } });
  return locals.mashup['a'];
}

const later = async <T>(value: T): Promise<T> => {
  await new Promise(setImmediate);
  return value;
};

const known: [string, Schema][] = [
  ['zod', z.object({ name: z.string().refine((name) => later(name !== 'taken'), 'is taken') })],
  [
    'valibot',
    v.objectAsync({
      name: v.pipeAsync(
        v.string(),
        v.checkAsync((name) => later(name !== 'taken'), 'is taken'),
      ),
    }),
  ],
];

describe.each(known)('an async schema of %s', (_, schema) => {
  test('is waited for', async () => {
    expect(await outcomeOf({ name: 'free' }, schema)).toMatchObject({ status: 'success', data: { name: 'free' } });
  });

  test('that is not met is SCHEMA', async () => {
    const outcome = await outcomeOf({ name: 'taken' }, schema);
    expect(outcome?.error).toMatchObject({ code: 'ERR_UPSTREAM_SCHEMA', cause: { issues: [{ message: 'is taken' }] } });
    expect(outcome?.error?.message).toContain('name');
  });
});

test('an async transform makes the data', async () => {
  const schema = z.object({ id: z.number() }).transform(async ({ id }) => later(id + 1));
  expect((await outcomeOf({ id: 1 }, schema))?.data).toBe(2);
});

const bug = () => {
  throw new Error('a bug');
};
const own = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'own', validate },
});

// zod's own async refinements must not reject: zod leaves a first promise of theirs behind, unhandled (colinhacks/zod#6610).
test.each<[string, Schema]>([
  ['throws in a refinement of zod', z.string().refine(bug)],
  ['throws in a transform of zod', z.string().transform(bug)],
  ['throws in a check of valibot', v.pipe(v.string(), v.check(bug))],
  [
    'rejects in a check of valibot',
    v.pipeAsync(
      v.string(),
      v.checkAsync(async () => bug()),
    ),
  ],
  ['throws in a morph of arktype', type('string').pipe(bug)],
  ['throws by itself', own(bug)],
  ['rejects by itself', own(async () => bug())],
])('a schema that %s is HOOK, and the answer is known', async (_, schema) => {
  expect(await outcomeOf('text', schema)).toMatchObject({
    status: 'error',
    error: { code: 'ERR_UPSTREAM_HOOK', upstreamStatus: 200, cause: new Error('a bug') },
    response: { status: 200 },
  });
});

test('a schema that returns nonsense is HOOK', async () => {
  const nonsense = own(() => undefined as never);
  expect((await outcomeOf('text', nonsense))?.error?.code).toBe('ERR_UPSTREAM_HOOK');
});

test('a schema that throws leaves the fallback', async () => {
  expect(await outcomeOf('text', own(bug), { fallback: 1 })).toMatchObject({ status: 'fallback', data: 1 });
});

test('what a schema takes counts against the timeout, and its late output counts for nothing', async () => {
  const [backend, site] = await Promise.all([startBackend(), startSite()]);
  backend.answer('/a', 'text');
  const asked = deferred();
  const output = deferred<{ value: unknown }>();
  const schema = own(() => {
    asked.resolve();
    return output.promise;
  });
  const visiting = site.visit({ a: { url: `${backend.origin}/a`, schema, timeout: 100 } });
  await asked.promise;
  site.clock.advance(100);
  const { locals } = await visiting;
  output.reject(new Error('late'));
  await new Promise(setImmediate);
  expect(locals.mashup['a']).toMatchObject({ status: 'error', data: null, error: { code: 'ERR_UPSTREAM_TIMEOUT' } });
});
