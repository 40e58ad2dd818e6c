import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import type { StandardIssue, StandardSchema } from '../../src/standard-schema.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

/** The same in each: `id` is text that becomes a number. */
const schemas: [string, StandardSchema][] = [
  ['zod', z.object({ id: z.string().regex(/^\d+$/).transform(Number) })],
  [
    'zod, async',
    z.object({
      id: z
        .string()
        .regex(/^\d+$/)
        .transform(async (text) => Number(text)),
    }),
  ],
  ['valibot', v.object({ id: v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number)) })],
  ['arktype', type({ id: 'string.integer.parse' })],
];

describe.each(schemas)('a schema of %s', (_library, schema) => {
  const visit = async (data: unknown) => {
    backend.answer('/a', data);
    return (await site.visit({ a: { url: `${backend.origin}/a`, schema } })).locals.mashup['a'];
  };

  test('makes its output the data', async () => {
    expect(await visit({ id: '7' })).toMatchObject({ status: 'success', data: { id: 7 } });
  });

  test.each([[{ id: 'seven' }], [{ id: null }], [{}]])('refuses %j, and the message names the path', async (data) => {
    const outcome = await visit(data);
    expect(outcome).toMatchObject({ status: 'error', data: null, error: { code: 'ERR_UPSTREAM_SCHEMA' } });
    expect(outcome?.error?.message).toContain('does not meet the schema: id: ');
    const cause = outcome?.error?.cause as { issues: StandardIssue[] } | undefined;
    expect(cause?.issues[0]?.message).toEqual(expect.any(String));
  });

  test('refuses what is no object', async () => {
    expect(await visit([1])).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_SCHEMA' } });
  });
});
