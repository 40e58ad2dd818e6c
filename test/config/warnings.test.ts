import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { jest } from '@jest/globals';
import express, { type RequestHandler } from 'express';
import { createMashup, type Mashup } from '../../src/index.js';
import { Reader, site } from '../html/reader.js';
import { listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses } from '../support/site.js';
import { lines, problemsOf } from './problems.js';

let warnings: [message: string, code: string][];
let mashup: Mashup;
const environment = process.env['NODE_ENV'];

beforeEach(() => {
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation(((message: string, { code }: { code: string }) => {
    warnings.push([message, code]);
  }) as never);
  mashup = createMashup();
  closeLater(() => mashup.close());
});
afterEach(async () => {
  process.env['NODE_ENV'] = environment;
  jest.restoreAllMocks();
  await closeAll();
});

const url = 'https://a.example.com/';

test('a timeout above the deadline is warned of, once, in development', () => {
  mashup({ slowTest: { url, timeout: 5000 } }, { deadline: 1000 });
  expect(warnings).toEqual([]);
  process.env['NODE_ENV'] = 'development';
  const upstreams = {
    slow1: { url, timeout: 5000 },
    slow2: { url, timeout: 20_000, defer: true },
    ok: { url, timeout: 900 },
  };
  for (let count = 0; count < 2; count++) mashup(upstreams, { deadline: 1000 });
  expect(warnings).toEqual([
    [
      "express-mashup: the timeout of 'slow1', 5000 ms, is longer than the page's deadline of 1000 ms, which ends it before",
      'MASHUP_TIMEOUT',
    ],
    [
      "express-mashup: the timeout of 'slow2', 20000 ms, is longer than the page's late deadline of 10000 ms, which ends it before",
      'MASHUP_TIMEOUT',
    ],
  ]);
});

test('pages that are made for each request are warned of', () => {
  for (let count = 0; count < 2500; count++) mashup({ a: url });
  expect(warnings).toEqual([
    [expect.stringContaining('make a page where its route is mounted, not in a handler'), 'MASHUP_PAGES'],
  ]);
});

test('a page that is mounted twice on a path says so', async () => {
  const backend = await startBackend();
  backend.answer('/', 1);
  const page = mashup({ a: backend.origin }) as unknown as RequestHandler;
  const { text } = await new Reader(await site(express, page, page, (_req, res) => void res.end())).ended();
  expect(text).toContain('this page has run on this request already: it is mounted twice on its path');
});

test.each(expresses)('what replaces res.locals after a page is warned of on %s', async (name, express) => {
  const backend = await startBackend();
  backend.answer('/', 1);
  const page = mashup({ a: backend.origin }) as unknown as RequestHandler;
  const path = `/${name.slice(-1)}`;
  const app = express();
  app.get('/', page, (_req, res) => void res.json(Object.keys(res.locals)));
  app.get(path, page, (_req, res, next) => {
    res.locals = { mine: true };
    next();
  });
  app.get(path, (_req, res) => void res.json(Object.keys(res.locals)));
  const origin = originOf(await listen(createServer(app)));
  expect((await new Reader(origin).ended()).text).toBe('["mashup","a"]');
  expect(warnings).toEqual([]);
  expect((await new Reader(origin + path).ended()).text).toBe('["mine"]');
  const fix = 'replaces res.locals, where its data is: add to res.locals, or let it stand before the page';
  expect(warnings).toEqual([[`express-mashup: what stands after ${path} ${fix}`, 'MASHUP_LOCALS']]);
});

test('a parameter of the router above is a missing one, and the message says how to have it', async () => {
  const page = mashup({ a: 'https://a.example.com/{params.id}' });
  const { outcomes } = await page.run();
  expect(outcomes.a.error?.message).toContain(
    '{params.id} is missing or empty, and the path needs it (of a router above? express.Router({ mergeParams: true }))',
  );
});

test.each([
  [`https://a.example.com/\${params.id}`, 'a.url: "${" at position 23'],
  [`https://a.example.com/?a=\${1}`, 'write {params.id}, without the "$", or %24 if the "$" is meant'],
  ['https://a.example.com/:id', 'write {params.id}'],
  ['undefined/users', 'a variable that was not set'],
])('%s is a config error', (template, message) => {
  expect(lines(problemsOf({ a: template })).join()).toContain(message);
});

test.each(['GETT', 'CONNECT', 'trace', 'get it', ''])('the method %j is none', (method) => {
  expect(lines(problemsOf({ a: { url, method } }))).toEqual([
    `a.method: expected an HTTP method such as GET or POST, but was given '${method}'`,
  ]);
});

test('every warning has an entry in the docs, and there are no others', async () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const entries = [...(await read('docs/warnings.md')).matchAll(/^## (\w+)$/gm)].map(([, code]) => code);
  const used = new Set<string>();
  for (const file of ['warn.ts', 'cache/guarded-store.ts']) {
    for (const [code] of (await read(`src/${file}`)).matchAll(/MASHUP_[A-Z]+/g)) used.add(code);
  }
  expect(entries.sort()).toEqual([...used].sort());
});
