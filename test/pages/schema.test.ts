import { readdir, readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { getLanguageService, TextDocument } from 'vscode-json-languageservice';
import { z } from 'zod';
import { pageChecks } from '../../src/config/page.js';
import { upstreamChecks } from '../../src/config/upstream.js';
import { pages } from '../../src/pages/index.js';
import { fileSchema, functionOptions } from '../../src/pages/schema.js';
import { readJson, readYaml } from '../../src/pages/source.js';
import { closeAll } from '../support/closing.js';
import { newMashup } from '../support/site.js';

afterEach(closeAll);

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const shippedSchema = JSON.parse(await read('dist/pages.schema.json')) as object;
const isRight = new Ajv2020({ strict: false, allErrors: true }).compile(fileSchema());

interface Schema {
  properties: Record<string, object>;
  $defs: { upstream: { properties: Record<string, object> } };
}
const { properties, $defs } = fileSchema() as unknown as Schema;
const { properties: pageProperties } = (
  properties['pages'] as { additionalProperties: { properties: Record<string, object> } }
).additionalProperties;

/** The options of an interface, as its source says them. */
async function optionsOf(name: string): Promise<string[]> {
  const [, body = ''] =
    new RegExp(`^export interface ${name} {\\n([\\s\\S]*?)^}`, 'm').exec(await read('src/types.ts')) ?? [];
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, option = '']) => option).sort();
}

test('every option of the types is in the schema, and nothing else but what files have besides', async () => {
  const upstream = await optionsOf('UpstreamOptions');
  expect(Object.keys(upstreamChecks).sort()).toEqual(upstream);
  expect(Object.keys($defs.upstream.properties).sort()).toEqual([...upstream, 'use'].sort());
  const page = await optionsOf('PageOptions');
  expect(Object.keys(pageChecks).sort()).toEqual(page);
  expect(Object.keys(pageProperties).sort()).toEqual(
    [...page, 'upstreams', 'view', 'json', 'late', 'wait', 'locals'].sort(),
  );
  for (const option of functionOptions) expect([...upstream, ...page]).toContain(option);
});

test('the schema that is shipped is this one, and describes each option in the words of the types', async () => {
  const shipped = JSON.parse(await read('dist/pages.schema.json')) as Schema;
  const bare = (schema: object) =>
    JSON.parse(
      JSON.stringify(schema, (key, value) => (key === 'description' && typeof value === 'string' ? undefined : value)),
    );
  expect(bare(shipped)).toEqual(bare(fileSchema()));
  const described = Object.entries(shipped.$defs.upstream.properties as Record<string, { description?: string }>);
  expect(described.filter(([, { description = '' }]) => description === '').map(([name]) => name)).toEqual([]);
  const { timeout, retry } = shipped.$defs.upstream.properties as Record<
    string,
    { description: string; anyOf: object[] }
  >;
  expect(timeout?.description).toMatch(/^Milliseconds for the whole call, .* Default: the deadline\.$/);
  expect(JSON.stringify(retry?.anyOf)).toContain('How many attempts there may be after the first. Default: 1.');
});

describe("VS Code's JSON language service", () => {
  const service = getLanguageService({});
  service.configure({ schemas: [{ uri: 'pages.schema.json', fileMatch: ['*'], schema: shippedSchema }] });

  /** What is offered at the cursor, which `|` stands for. */
  async function offered(text: string): Promise<{ label: string; documentation?: unknown }[]> {
    const document = TextDocument.create('file:///pages.json', 'json', 1, text.replace('|', ''));
    const position = document.positionAt(text.indexOf('|'));
    const parsed = service.parseJSONDocument(document);
    return (await service.doComplete(document, position, parsed))?.items ?? [];
  }

  test('completes the names of all options, of pages and of upstreams, with what they do', async () => {
    const upstream = await offered('{ "pages": { "GET /a": { "upstreams": { "a": { "|" } } } } }');
    expect(upstream.map(({ label }) => label).sort()).toEqual([...(await optionsOf('UpstreamOptions')), 'use'].sort());
    expect(upstream.find(({ label }) => label === 'timeout')?.documentation).toMatch(
      /^Milliseconds for the whole call/,
    );
    const page = (await offered('{ "pages": { "GET /a": { "|" } } }')).map(({ label }) => label);
    expect(page).toEqual(expect.arrayContaining([...(await optionsOf('PageOptions')), 'upstreams', 'view', 'json']));
    const top = (await offered('{ "|" }')).map(({ label }) => label);
    expect(top.sort()).toEqual(['$schema', 'defaults', 'pages', 'upstreams']);
    const cache = await offered('{ "pages": { "GET /a": { "upstreams": { "a": { "cache": { "|" } } } } } }');
    expect(cache.map(({ label }) => label)).toEqual(expect.arrayContaining(['ttl', 'swr', 'staleIfError', 'tags']));
    const values = await offered('{ "pages": { "GET /a": { "upstreams": { "a": { "responseType": | } } } } }');
    expect(values.map(({ label }) => label)).toEqual(['"json"', '"text"', '"arraybuffer"']);
  });

  test('underlines what is wrong', async () => {
    const text =
      '{ "pages": { "GET /a": { "upstreams": { "a": { "url": "https://a.example.com/", "timeot": 5 } }, "json": true } } }';
    const document = TextDocument.create('file:///pages.json', 'json', 1, text);
    const problems = await service.doValidation(document, service.parseJSONDocument(document));
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('timeot')]);
  });
});

const page = (upstream: object, more = {}) => ({
  pages: { 'GET /a': { upstreams: { a: upstream }, json: true, ...more } },
});
const url = 'https://a.example.com/';

test.each([
  page({ url }),
  page({ use: 'b', timeout: 5 }),
  page({
    url,
    headers: { a: 'b', c: { $env: 'TOKEN' }, d: 1 },
    params: { a: 1 },
    data: { any: [1] },
    auth: { username: 'a', password: 'b' },
  }),
  page({
    url,
    retry: true,
    hedge: 'p95',
    breaker: { threshold: 0.5 },
    quota: { requests: 1, per: 1000 },
    cache: { ttl: 1, tags: ['a'] },
  }),
  page({
    url,
    when: 'query.a',
    each: 'user.ids',
    fallback: { $function: 'f' },
    schema: 'S',
    origins: 'public',
    transformResponse: { $function: 'f' },
  }),
  page({ url }, { deadline: 100, pageCache: { maxAge: 5 }, serverTiming: false, onFailure: false }),
])('it takes %j', (file) => {
  expect(isRight(file) ? [] : isRight.errors).toEqual([]);
});

test.each([
  {},
  page({ url, timeot: 5 }),
  page({ url, timeout: 0 }),
  page({ url, required: 'yes' }),
  page({ url, retry: { attempts: 0 } }),
  page({ url, cache: { ttl: -1 } }),
  page({ url, headers: { a: { $evn: 'X' } } }),
  page({ url, responseType: 'xml' }),
  page({ url }, { deadline: '2s' }),
  { pages: { a: { upstreams: {} } } },
])('it refuses %j', (file) => {
  expect(isRight(file)).toBe(false);
});

// Of every kind that an option has somewhere, and of some that none has.
const values: readonly unknown[] = [
  ...[true, false, null, 0, 1, -1, 1.5, 100, 599, 2 ** 31 - 1, 2 ** 31, 1e20],
  ...['', 'a', 'query.x', 'p95', 'public', 'json', 'GET', 'get', 'https://b.example.com', 'https://b.example.com/x'],
  ...[[], ['a'], [1], [''], ['https://b.example.com'], [502], [99]],
  ...[{}, { a: 1 }, { a: 'b' }, { a: ['b', 'c'] }, { a: { $env: 'PATH' } }, { $function: 'f' }],
  ...[
    { attempts: 1 },
    { attempts: 1.5 },
    { backoff: 0 },
    { methods: ['GET'] },
    { statuses: [500] },
    { statuses: [20] },
  ],
  ...[{ ttl: 1 }, { ttl: 0 }, { tags: ['x'] }, { tags: [] }, { swr: 0 }, { keyHeaders: ['A'] }, { softTimeout: 0 }],
  ...[{ requests: 1, per: 1 }, { requests: 1 }, { requests: 1, per: 1, name: 'a' }, { threshold: 2 }, { window: 0 }],
  ...[
    { username: 'a', password: 'b' },
    { username: 'a' },
    { maxAge: 0 },
    { partial: 5 },
    { etag: 'v1' },
    { etag: true },
  ],
];

test('it refuses nothing that the check of a file takes', async () => {
  const mashup = newMashup();
  const named = { functions: { f: () => 1 }, schemas: { a: z.unknown() } };
  const strict: string[] = [];
  for (const option of Object.keys({ ...upstreamChecks, ...pageChecks })) {
    for (const value of values) {
      const own = { [option]: value };
      const file = option in upstreamChecks ? page({ url, ...own }) : page({ url }, own);
      const isTaken = await pages(file, { instance: mashup, ...named }).then(
        () => true,
        () => false,
      );
      if (isTaken && !isRight(file)) strict.push(JSON.stringify(own));
    }
  }
  expect(strict).toEqual([]);
});

test('every example of the docs is right by it', async () => {
  const docs = (await readdir(new URL('../../docs', import.meta.url))).filter((name) => name.endsWith('.md'));
  let examples = 0;
  for (const name of docs) {
    const text = await read(`docs/${name}`);
    for (const [, language = '', code = ''] of text.matchAll(/^```(json|yaml)\n([\s\S]*?)^```/gm)) {
      const { value } = language === 'json' ? readJson(code) : await readYaml(code);
      if (typeof value !== 'object' || value === null || !('pages' in value)) continue;
      examples++;
      expect(isRight(value) ? [] : isRight.errors).toEqual([]);
    }
  }
  expect(examples).toBeGreaterThan(1);
});
