import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isConfigError, type Mashup } from '../../src/index.js';
import { type PagesOptions, pages } from '../../src/pages/index.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses, newMashup } from '../support/site.js';

// Files as nobody should write them, and pages that are asked as nobody should ask.

let mashup: Mashup;
let folder: string;
beforeEach(async () => {
  mashup = newMashup();
  folder = await mkdtemp(join(tmpdir(), 'mashup-hostile-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
});
afterEach(closeAll);

async function problemsOf(text: string, options: PagesOptions = {}, name = 'pages.json'): Promise<string[]> {
  const file = join(folder, name);
  await writeFile(file, text);
  try {
    (await pages(file, { instance: mashup, onReload: () => {}, ...options })).close();
    return [];
  } catch (error) {
    if (!isConfigError(error)) throw error;
    return error.problems.map(({ path, message }) => `${path.replace(`${folder}/`, '')}: ${message}`);
  }
}

const url = 'https://a.example.com/';
/** A file of one page: an upstream's options and the page's own, both as text. */
const fileOf = (upstream: string, page = '"json": true', top = '') =>
  `{ ${top} "pages": { "GET /a": { "upstreams": { "a": { "url": "${url}"${upstream} } }, ${page} } } }`;

describe('no key of a file is ignored', () => {
  test.each([
    ['__proto__ of an upstream', fileOf(', "__proto__": 1'), '› a › __proto__: is not an option'],
    ['__proto__ of a page', fileOf('', '"json": true, "__proto__": 1'), '› __proto__: is not an option'],
    ['$schema that is no text', fileOf('', '"json": true', '"$schema": 7,'), '$schema: expected the URL'],
    [
      'use of what is used',
      fileOf('', '"json": true', '"upstreams": { "b": { "use": "c" } },'),
      'b › use: what is shared uses nothing else',
    ],
    [
      'url and use for an origin',
      fileOf('', '"json": true', `"defaults": { "origins": { "https://b.example.com": { "url": "${url}" } } },`),
      'b.example.com › url: is of one upstream',
    ],
    ['an unused upstream', fileOf('', '"json": true', '"upstreams": { "b": { "timeot": 1 } },'), 'b › timeot: is not'],
    [
      'a default that all override',
      fileOf('', '"json": true, "deadline": 5', '"defaults": { "page": { "deadline": "x" } },'),
      'page › deadline: expected',
    ],
    ['wait without late', fileOf('', '"view": "v", "wait": "w"'), '› wait: expected late beside it'],
    ['locals without a view', fileOf('', '"json": true, "locals": {}'), '› locals: expected a view beside it'],
    ['json that is false', fileOf('', '"view": "v", "json": false'), '› json: expected true'],
    [
      'a key beside $function',
      fileOf(', "fallback": { "$function": "f", "a": 1 }'),
      '› fallback: expected $function alone',
    ],
    ['a function that is none', fileOf(', "fallback": { "$function": "no" }'), '› fallback: what the program gives as'],
    [
      'a key beside $env',
      fileOf(', "headers": { "a": { "$env": "PATH", "b": 1 } }'),
      '› a: expected text, or { "$env"',
    ],
    ['$function as a header', fileOf(', "headers": { "a": { "$function": "f" } }'), '› a: expected text, or { "$env"'],
    [
      '$env in params',
      fileOf(', "params": { "key": { "$env": "PATH" } }'),
      '› params: cannot come from the environment',
    ],
    ['$env in data', fileOf(', "data": { "a": [{ "$env": "PATH" }] }'), '› data: cannot come from the environment'],
    ['$env in place of headers', fileOf(', "headers": { "$env": "PATH" }'), '› headers: cannot come from the'],
    [
      '$env of a name that all objects have',
      fileOf(', "headers": { "a": { "$env": "constructor" } }'),
      'constructor is not set',
    ],
    ['after that is no list, beside when', fileOf(', "after": "b", "when": "a.c"'), '› after: expected a list'],
    ['when of nothing', fileOf(', "when": "usr.name"'), "› when: 'usr' is not an upstream"],
    ['a path that Express refuses', fileOf('').replace('/a"', '/a/:"'), '/a/:: Express does not take this path'],
    [
      'two pages in one place',
      fileOf('').replace('"GET /a"', '"/a": { "upstreams": {}, "json": true }, "GET /a"'),
      'GET /a: is the same as',
    ],
  ])('%s', async (_, text, expected) => {
    const found = await problemsOf(text, { functions: { f: () => null, no: 7 as never } });
    expect(found).toContainEqual(expect.stringContaining(expected));
  });

  test('what is known is not listed where nothing is', async () => {
    const found = await problemsOf(fileOf(', "schema": "S"'));
    expect(found).toEqual([expect.stringMatching(/no schema of the name 'S'$/)]);
  });
});

describe('where something stands', () => {
  test('is right for an upstream that is called options, and for a name with a dot', async () => {
    const text = `{ "pages": { "GET /a": { "json": true, "upstreams": {
      "options": { "url": "${url}", "timeout": -1 },
      "a.b": { "url": "${url}", "timeout": -1 } } } } }`;
    expect(await problemsOf(text)).toEqual([
      expect.stringMatching(/^pages\.json:2:\d+ pages › GET \/a › upstreams › options › timeout: expected/),
      expect.stringMatching(/^pages\.json:3:\d+ pages › GET \/a › upstreams › a\.b: is not a name/),
      expect.stringMatching(/^pages\.json:3:\d+ pages › GET \/a › upstreams › a\.b › timeout: expected/),
    ]);
  });

  test('counts no byte order mark, and any line ending', async () => {
    expect(await problemsOf('\ufeff{}')).toEqual([expect.stringMatching(/^pages\.json:1:1 /)]);
    expect(await problemsOf('\ufeff{\r\n "pages": 7 }')).toEqual([expect.stringMatching(/^pages\.json:2:11 /)]);
    expect(await problemsOf('{\ufeff}')).toEqual(['pages.json:1:2: expected a name in double quotes']);
  });
});

test('text of megabytes in a file is read', async () => {
  for (const text of ['x'.repeat(8_000_000), '"\\'.repeat(4_000_000)]) {
    expect(await problemsOf(fileOf(`, "fallback": ${JSON.stringify(text)}`))).toEqual([]);
  }
});

describe('YAML', () => {
  const yaml = (more: string, top = '') =>
    `${top}pages:\n  GET /a:\n    json: true\n    upstreams:\n      a:\n        url: ${url}\n${more}`;

  test.each([
    ['an alias of nothing', yaml('        data: *none\n'), '7:15: there is no &none before this'],
    ['an alias that leads back to itself', yaml('        data: &d [*d]\n'), ': this is nested too deeply'],
    [
      'a date',
      yaml('        data: 2020-01-01\n', '%YAML 1.1\n---\n'),
      '9:15: this is nested too deeply, or nothing that JSON has',
    ],
    [
      'aliases of aliases',
      `a: &a [1,1]\nb: &b [${'*a,'.repeat(60)}]\nc: [${'*b,'.repeat(60)}]\n`,
      '1:1: Excessive alias count',
    ],
    ['an unknown tag', yaml('        data: !mine 5\n'), '7:15: Unresolved tag: !mine'],
    ['brackets without end', `pages: ${'['.repeat(5000)}`, 'pages.yaml:1:'],
    ['__proto__', yaml('        __proto__: 5\n'), '7:20 pages › GET /a › upstreams › a › __proto__: is not an option'],
  ])('with %s is a problem with a place', async (_, text, expected) => {
    expect(await problemsOf(text, {}, 'pages.yaml')).toContainEqual(expect.stringContaining(expected));
  });
});

test('an object that leads back to itself is a problem', async () => {
  const data: unknown[] = [];
  data.push(data);
  const object = { pages: { '/a': { upstreams: { a: { url, data } }, json: true } } };
  await expect(pages(object, { instance: mashup })).rejects.toThrow('nested too deeply');
});

describe.each(expresses)('on %s', (_name, express) => {
  let backend: Backend;
  beforeEach(async () => {
    backend = await startBackend();
  });

  async function open(file: object, options: PagesOptions = {}): Promise<string> {
    const app = express().set('view engine', 'ejs');
    app.set('views', fileURLToPath(new URL('../html/views', import.meta.url)));
    app.use((_req, res, next) => {
      res.locals['account'] = new (class Account {
        isOpen = true;
      })();
      next();
    });
    app.use(await pages(file, { instance: mashup, ...options }));
    app.use(((error, _req, res, _next) => {
      res.status(error.status ?? 500).send(`handled ${error.code ?? error}`);
    }) as import('express').ErrorRequestHandler);
    return originOf(await listen(createServer(app)));
  }

  const get = async (address: string, method = 'GET') => {
    const response = await fetch(address, { method, headers: { connection: 'close' } });
    return { status: response.status, allow: response.headers.get('allow'), text: await response.text() };
  };

  test("a required upstream's failure reaches the app's error handler", async () => {
    backend.answer('/a', 'no', { status: 503 });
    const upstreams = { a: { url: `${backend.origin}/a`, required: true } };
    const origin = await open({ pages: { '/json': { upstreams, json: true }, '/view': { upstreams, view: 'city' } } });
    for (const path of ['/json', '/view'])
      expect(await get(origin + path)).toMatchObject({ status: 502, text: 'handled ERR_UPSTREAM_STATUS' });
  });

  test('HEAD and OPTIONS are answered as Express does', async () => {
    backend.answer('/a', 'a');
    const upstreams = { a: `${backend.origin}/a` };
    const origin = await open({
      pages: { 'GET /a': { upstreams, json: true }, 'POST /a': { upstreams, json: true } },
    });
    expect(await get(`${origin}/a`, 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect((await get(`${origin}/a`, 'OPTIONS')).allow?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect((await get(`${origin}/a`, 'DELETE')).status).toBe(404);
  });

  test("a view's locals are not written to, nor kept from one visitor to the next", async () => {
    backend.answer('/a', 'a');
    const locals = Object.freeze({ title: 'T' });
    const origin = await open({
      pages: { '/a': { upstreams: { a: `${backend.origin}/a` }, view: 'waiting', locals } },
    });
    expect(await get(`${origin}/a`)).toMatchObject({ status: 200, text: '<i>wait for T</i>' });
  });

  test('a condition reads what a template reads: instances, and lists, of which an empty one is nothing', async () => {
    backend.answer('/list', { none: [], some: [{ id: 1 }] });
    const from = (when: string) => ({ url: `${backend.origin}/list`, when });
    const upstreams = {
      list: `${backend.origin}/list`,
      instance: from('locals.account.isOpen'),
      inherited: from('locals.account.constructor'),
      none: from('list.none'),
      some: from('list.some.0.id'),
    };
    const origin = await open({ pages: { '/a': { upstreams, json: true } } });
    const data = JSON.parse((await get(`${origin}/a`)).text);
    const called = Object.keys(data).filter((name) => data[name] !== null);
    expect(called).toEqual(['list', 'instance', 'some']);
  });

  test("a function of headers takes the place of an origin's, and is not joined with them", async () => {
    const asked = backend.asked('/a');
    const origin = await open(
      {
        defaults: { origins: { [backend.origin]: { headers: { $function: 'signed' } } } },
        pages: { '/a': { upstreams: { a: { url: `${backend.origin}/a`, headers: { 'x-own': '1' } } }, json: true } },
      },
      { functions: { signed: () => ({ 'x-signed': '1' }) } },
    );
    const answer = get(`${origin}/a`);
    const { headers } = await asked;
    (await asked).reply(1);
    expect((await answer).status).toBe(200);
    expect([headers['x-own'], headers['x-signed']]).toEqual(['1', undefined]);
  });
});
