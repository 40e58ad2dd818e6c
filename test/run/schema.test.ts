import type { StandardResult, StandardSchema } from '../../src/standard-schema.js';
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

type Validate = (value: unknown) => StandardResult<unknown>;

const kinds: [string, (validate: Validate) => StandardSchema][] = [
  ['a schema', (validate) => ({ '~standard': { version: 1, vendor: 'zod', validate } })],
  [
    'an async schema',
    (validate) => ({ '~standard': { version: 1, vendor: 'zod', validate: async (value) => validate(value) } }),
  ],
  [
    'a schema that is a function',
    (validate) => Object.assign(() => {}, { '~standard': { version: 1, vendor: 'zod', validate } as const }),
  ],
];

describe.each(kinds)('%s', (_kind, make) => {
  const fails = (...issues: { message: string; path?: (PropertyKey | { key: PropertyKey })[] }[]) =>
    make(() => ({ issues }));

  /** The outcome of a call that is answered with this data. */
  async function outcomeOf(schema: StandardSchema, data: unknown, status = 200) {
    backend.answer('/a', data, { status });
    return (await site.visit({ a: { url: `${backend.origin}/a`, schema } })).locals.mashup['a'];
  }

  test('is given the data, and its output is the data', async () => {
    const schema = make((value) => ({ value: { id: Number((value as { id: string }).id) } }));
    expect(await outcomeOf(schema, { id: '7' })).toMatchObject({ status: 'success', data: { id: 7 } });
  });

  test('is given what transformResponse has made', async () => {
    backend.answer('/a', 'a');
    const schema = make((value) => ({ value: `checked ${value}` }));
    const { locals } = await site.visit({
      a: { url: `${backend.origin}/a`, schema, transformResponse: () => 'transformed' },
    });
    expect(locals['a']).toBe('checked transformed');
  });

  test('that the data does not meet is ERR_UPSTREAM_SCHEMA', async () => {
    expect(await outcomeOf(fails({ message: 'expected a number' }), 'text')).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_SCHEMA', upstreamStatus: 200, status: 502 },
      response: { status: 200 },
    });
  });

  test('of a library that may quote the data has the paths of its issues in the message, and not their texts', async () => {
    const schema = fails({ message: 'got the secret', path: ['user', 'id'] });
    const quoting = Object.assign(() => {}, { '~standard': { ...schema['~standard'], vendor: 'another' } });
    const outcome = await outcomeOf(quoting, {});
    expect(outcome?.error?.message).toContain('does not meet the schema: user.id: invalid');
    expect(outcome?.error?.message).not.toContain('secret');
  });

  test('has its issues, with their paths, in the message', async () => {
    const outcome = await outcomeOf(
      fails(
        { message: 'no number', path: ['user', 'id'] },
        { message: 'too short', path: [{ key: 'names' }, { key: 0 }] },
        { message: 'wrong as a whole' },
      ),
      {},
    );
    expect(outcome?.error?.message).toContain(
      'its data does not meet the schema: user.id: no number; names.0: too short; wrong as a whole',
    );
  });

  test('has all its issues in the cause, and the first of many in the message', async () => {
    const issues = Array.from({ length: 50 }, (_, at) => ({ message: `wrong ${at}` }));
    const outcome = await outcomeOf(fails(...issues), {});
    expect(outcome?.error?.cause).toEqual({ issues });
    expect(outcome?.error?.message).toContain('wrong 0; wrong 1;');
    expect(outcome?.error?.message.length).toBeLessThan(300);
  });

  test('that the data does not meet makes the fallback the data', async () => {
    backend.answer('/a', 1);
    const schema = fails({ message: 'no' });
    const { locals } = await site.visit({ a: { url: `${backend.origin}/a`, schema, fallback: 'instead' } });
    expect(locals.mashup['a']).toMatchObject({ status: 'fallback', data: 'instead' });
  });

  test('that the data does not meet makes a required upstream fail the page', async () => {
    backend.answer('/a', 1);
    const schema = fails({ message: 'no' });
    const { response, error } = await site.visit({ a: { url: `${backend.origin}/a`, schema, required: true } });
    expect(response.status).toBe(502);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_SCHEMA' });
  });

  test('is not asked about an answer that is no success', async () => {
    let asked = 0;
    await outcomeOf(
      make((value) => ({ value: [value, ++asked] })),
      'no',
      500,
    );
    expect(asked).toBe(0);
  });

  test('is asked about an answer without a body', async () => {
    backend.answer('/a', null, { status: 204 });
    const schema = make((value) => ({ value: `was ${value}` }));
    const { locals } = await site.visit({ a: { url: `${backend.origin}/a`, schema } });
    expect(locals['a']).toBe('was null');
  });

  test('gives what others read', async () => {
    backend.answer('/a', { id: 1 });
    backend.answer('/b/2', 'found');
    const schema = make(() => ({ value: { id: 2 } }));
    const { locals } = await site.visit({
      a: { url: `${backend.origin}/a`, schema },
      b: `${backend.origin}/b/{a.id}`,
    });
    expect(locals['b']).toBe('found');
  });
});
