import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { pageChecks } from '../../src/config/page.js';
import { upstreamChecks } from '../../src/config/upstream.js';
import { createMashup, isConfigError } from '../../src/index.js';
import { pages } from '../../src/pages/index.js';
import { fileSchema } from '../../src/pages/schema.js';
import { closeAll, closeLater } from '../support/closing.js';

// Files of pages at random, most of them a little wrong: an editor, which knows the JSON Schema, and the program have to say the same.

const bySchema = new Ajv2020({ strict: false, allErrors: true }).compile(fileSchema());

const nested = [
  'attempts',
  'statuses',
  'backoff',
  'methods',
  'threshold',
  'minimum',
  'window',
  'halfOpenAfter',
  'requests',
]
  .concat(['per', 'name', 'ttl', 'swr', 'staleIfError', 'softTimeout', 'tags', 'keyHeaders', 'maxAge', 'partial'])
  .concat(['shared', 'etag', 'tagHeader', 'username', 'password', 'a', '$function', '$env', '__proto__']);

const scalar = fc.constantFrom(
  ...[null, true, false, -1, 0, 0.5, 1, 2, 1.5, 404, 2 ** 31, 1e300],
  ...['', 'a', 'a.b', 'query.a', 'a b', 'p95', 'public', 'json', 'text', 'GET', 'get', 'Post', 'nothing', 'f', 'E'],
);
const list = fc.array(scalar, { maxLength: 2 });
const named = fc.constantFrom(
  ...[
    { $function: 'f' },
    { $function: 'g' },
    { $function: 7 },
    { $function: 'f', a: 1 },
    { $env: 'E' },
    { $env: 'E', a: 1 },
  ],
);
const object = fc.dictionary(fc.constantFrom(...nested), fc.oneof(scalar, list, named), {
  maxKeys: 3,
  noNullPrototype: true,
});
const right: Record<string, unknown[]> = {
  headers: [{ a: 'b', b: { $env: 'E' }, c: ['d', 1] }],
  auth: [{ username: 'a', password: 'b' }],
  quota: [{ requests: 1, per: 1 }],
  schema: ['S'],
  url: ['https://a.example.com/'],
};
const value = (option: string) =>
  fc.oneof(
    scalar,
    list,
    named,
    object,
    fc.constantFrom(...(Object.hasOwn(right, option) ? (right[option] as unknown[]) : [5])),
  );

const mostly = <T>(usual: T, others: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant<unknown>(usual) }, { weight: 1, arbitrary: others });
/** An option at most, and seldom two, so that many files are right. */
const some = (names: readonly string[]) =>
  fc
    .uniqueArray(fc.constantFrom(...names), { maxLength: 2, size: 'xsmall' })
    .chain((chosen) => fc.tuple(...chosen.map((name) => value(name).map((given) => [name, given] as const))))
    .map((entries) => Object.fromEntries(entries) as object);

const upstreamOptions = Object.keys(upstreamChecks);
const options = some([...upstreamOptions, ...upstreamOptions, 'use', 'timeot', '__proto__']);
const url = mostly('https://a.example.com/', value('url'));
const entry = fc.oneof(
  url,
  { weight: 4, arbitrary: fc.tuple(url, options).map(([url, more]) => ({ url, ...more })) },
  fc.tuple(fc.constantFrom('shared', 'no'), options).map(([use, more]) => ({ use, ...more })),
);
const page = fc
  .tuple(
    mostly('a', fc.constantFrom('b-c', '1', 'a b', '__proto__')),
    entry,
    mostly(
      { json: true },
      fc.constantFrom<object>({ view: 'v' }, { view: 7 }, { json: 1 }, {}, { json: true, view: 'v' }),
    ),
    mostly({}, some([...Object.keys(pageChecks), 'late', 'wait', 'locals', 'deadlin', '__proto__'])),
  )
  .map(([name, one, answer, more]) => ({
    upstreams: Object.fromEntries([[name, one]]),
    ...(answer as object),
    ...(more as object),
  }));
const file = fc
  .tuple(
    mostly('GET /a', fc.constantFrom('/b', 'POST /c/:d', 'get /d', 'e', 'GET /f g')),
    page,
    mostly(
      {},
      fc.tuple(fc.constantFrom('shared', 'other'), entry).map(([name, one]) => ({ upstreams: { [name]: one } })),
    ),
    mostly(
      {},
      fc
        .tuple(
          fc.constantFrom('https://a.example.com', 'https://b.example.com', 'https://b.example.com/c', 'd'),
          options,
        )
        .map(([origin, around]) => ({ defaults: { origins: { [origin]: around } } })),
    ),
    mostly(
      {},
      some(Object.keys(pageChecks)).map((page) => ({ defaults: { page } })),
    ),
  )
  .map(([key, one, ...others]) => Object.assign({ pages: { [String(key)]: one } }, ...others) as object);

/** What is no matter of one option's form: names that are not there, what does not go together, URLs and names of headers. */
const beyond = new RegExp(
  [
    ...['there is no such upstream', 'is not an upstream', 'the program gives no', 'reserved name', 'waits for itself'],
    ...['is missing: every upstream has a url', 'is needed where url is a function', 'drop one of them', 'beside each'],
    ...[
      'url: (not an absolute URL|a space at)',
      'each: .* is not something that can be read',
      'expected a path to a list',
    ],
    ...['expected origins such as', 'is not a valid header name', 'needs staleIfError', 'no less than the deadline'],
    ...['is for GET and HEAD', 'sends \\w+ again only', 'may send a request twice', 'is for requests that only read'],
    ...['cannot come from the environment', 'expected the name of a deferred upstream'],
  ].join('|'),
);

afterEach(closeAll);

const problemsOf = async (content: object): Promise<string[]> => {
  const instance = createMashup();
  closeLater(() => instance.close());
  const functions = { f: () => null };
  const schemas = { S: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } };
  try {
    (await pages(content, { instance, functions, schemas: schemas as never, onReload: () => {} })).close();
    return [];
  } catch (error) {
    if (!isConfigError(error)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
};

test('what the schema refuses is refused, and what it takes is right but for what no schema can say', async () => {
  process.env['E'] = 'set';
  closeLater(() => void delete process.env['E']);
  let right = 0;
  await fc.assert(
    fc.asyncProperty(file, async (content) => {
      const problems = await problemsOf(content);
      const isTaken = bySchema(content);
      const isRight = problems.length === 0;
      if (isRight) right++;
      expect({ refused: isRight && !isTaken && bySchema.errors }).toEqual({ refused: false });
      expect(isTaken ? problems.filter((problem) => !beyond.test(problem)) : []).toEqual([]);
    }),
    { numRuns: 1500 },
  );
  // It would prove nothing if most files were wrong.
  expect(right).toBeGreaterThan(200);
});
