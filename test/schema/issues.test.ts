import { inspect } from 'node:util';
import axios from 'axios';
import * as z from 'zod';
import type { Outcome, UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask, newMashup } from '../support/site.js';
import { users } from './libraries.js';

afterEach(closeAll);

async function outcomeOf(
  data: unknown,
  schema: NonNullable<UpstreamOptions['schema']>,
  mashup = newMashup(),
): Promise<Outcome> {
  const { origin } = await startUpstream((response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(data)),
  );
  return (await ask({ url: `${origin}/`, schema, maxContentLength: 10_000_000 }, {}, { mashup })).outcome;
}

// Long, so that no port, date or timing of an outcome has its digits by chance.
const secretNumber = 5_678_567_856_785_678;
const secrets = new RegExp(`hush|${secretNumber}`);

const wrong = {
  id: 1,
  email: 'hush-email',
  born: ['hush-born'],
  role: 'hush-role',
  tags: [{ name: 'a' }, { name: secretNumber }],
};

interface Issue {
  readonly message: string;
  readonly path: (PropertyKey | { key: PropertyKey })[];
}

const issuesOf = ({ error }: Outcome) => (error as { cause: { issues: readonly Issue[] } }).cause.issues;
const pathOf = ({ path }: Issue) => path.map((part) => (typeof part === 'object' ? part.key : part)).join('.');

describe.each(users)('data that does not meet a schema of %s', (_library, schema) => {
  test('is an error of the page, with what the upstream answered', async () => {
    expect(await outcomeOf(wrong, schema)).toMatchObject({
      status: 'error',
      data: null,
      error: { code: 'ERR_UPSTREAM_SCHEMA', upstreamStatus: 200, status: 502 },
      response: { status: 200 },
    });
  });

  test("has the library's own issues in the cause", async () => {
    const issues = issuesOf(await outcomeOf(wrong, schema));
    expect([...issues].map(pathOf).sort()).toEqual(['born', 'email', 'role', 'tags.1.name']);
    for (const { message } of issues) expect(message).toEqual(expect.any(String));
  });

  test('has the paths in the message', async () => {
    const { error } = await outcomeOf(wrong, schema);
    for (const path of ['born', 'email', 'role', 'tags.1.name']) expect(error?.message).toContain(path);
    expect(error?.message).not.toContain('\n');
  });

  test('has none of it in the message, nor in the JSON', async () => {
    const outcome = await outcomeOf(wrong, schema);
    expect(JSON.stringify(outcome)).not.toMatch(secrets);
    expect(outcome.error?.message).not.toMatch(secrets);
  });

  test('as a whole: the message says so', async () => {
    for (const data of ['hush', secretNumber, null, ['hush']]) {
      const { error } = await outcomeOf(data, schema);
      expect(error?.message).toMatch(/its data does not meet the schema: \S/);
      expect(error?.message).not.toMatch(secrets);
    }
  });

  test('is the same by way of an axios instance', async () => {
    const outcome = await outcomeOf(wrong, schema, newMashup({ axios: axios.create() }));
    expect(outcome.error).toMatchObject({ code: 'ERR_UPSTREAM_SCHEMA', upstreamStatus: 200 });
    expect(issuesOf(outcome)).toHaveLength(4);
  });
});

test('the message has a few issues of many, and the cause all', async () => {
  const outcome = await outcomeOf(Array(100).fill('x'), z.array(z.number()));
  expect(issuesOf(outcome)).toHaveLength(100);
  expect(outcome.error?.message.length).toBeLessThan(500);
});

test('a message of the author stays', async () => {
  const { error } = await outcomeOf({ age: 'x' }, z.object({ age: z.number('must be an age') }));
  expect(error?.message).toContain('age: must be an age');
});

test('what is shown in a log names the issues', async () => {
  const { error } = await outcomeOf({ age: 'x' }, z.object({ age: z.number() }));
  expect(inspect(error)).toContain('ERR_UPSTREAM_SCHEMA');
  expect(inspect(error, { depth: 4 })).toContain('expected number');
});

describe('a message stays short and on one line', () => {
  const hostile = '\r\n\x1b[2J\u202e';

  test('whatever the keys of the data are', async () => {
    const long = 'k'.repeat(1_000_000);
    const data = { [`${hostile}key`]: { [long]: { x: 1 } } };
    const outcome = await outcomeOf(data, z.record(z.string(), z.record(z.string(), z.number())));
    const { message = '' } = outcome.error ?? {};
    expect(message).toContain('\\x0d\\x0a\\x1b[2J\\u{202e}key.kkk');
    expect(message).toMatch(/^\P{C}+$/u);
    expect(message.length).toBeLessThan(700);
    expect(pathOf(issuesOf(outcome)[0] as Issue)).toContain(long);
  });

  test('whatever the schema says of them', async () => {
    const strict = z.strictObject({ id: z.number() });
    const outcome = await outcomeOf({ id: 1, [`${hostile}${'x'.repeat(7_000_000)}`]: 1 }, strict);
    expect(outcome.error?.message).toMatch(/^\P{C}+$/u);
    expect(outcome.error?.message.length).toBeLessThan(700);
  });

  test('however deep the path', async () => {
    const path = Array(100_000).fill('deep');
    const schema = {
      '~standard': { version: 1, vendor: 'zod', validate: () => ({ issues: [{ message: 'no', path }] }) },
    };
    const { error } = await outcomeOf({}, schema as never);
    expect(error?.message).toContain(`schema: ${'deep.'.repeat(10)}…: no`);
  });

  test('however many issues are long', async () => {
    const message = 'm'.repeat(10_000);
    const schema = {
      '~standard': { version: 1, vendor: 'zod', validate: () => ({ issues: Array(9).fill({ message }) }) },
    };
    expect((await outcomeOf({}, schema as never)).error?.message.length).toBeLessThan(700);
  });
});
