import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { isConfigError, type Mashup } from '../../src/index.js';
import { type Pages, type PagesOptions, pages, type Reload } from '../../src/pages/index.js';
import { filled, Reader } from '../html/reader.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses, newMashup } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;
let folder: string;
beforeEach(async () => {
  backend = await startBackend();
  mashup = newMashup();
  folder = await mkdtemp(join(tmpdir(), 'mashup-pages-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
});
afterEach(closeAll);

const url = (path: string) => backend.origin + path;

async function made(file: string | object, options: PagesOptions = {}): Promise<Pages> {
  const router = await pages(file, { instance: mashup, onReload: () => {}, ...options });
  closeLater(() => router.close());
  return router;
}

async function fileOf(content: string | object, name = 'pages.json'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  return file;
}

async function problemsOf(content: string | object, options: PagesOptions = {}, name?: string): Promise<string[]> {
  const file = await fileOf(content, name);
  const error = await made(file, options).then(
    () => null,
    (problem: unknown) => problem,
  );
  if (!isConfigError(error)) throw new Error(`no config error: ${error}`);
  return error.problems.map(({ path, message }) => `${path.replace(`${folder}/`, '')}: ${message}`);
}

describe.each(expresses)('pages of a file on %s', (_name, express) => {
  async function open(file: string | object, options?: PagesOptions): Promise<(path: string) => Promise<Reader>> {
    const app = express()
      .set('views', fileURLToPath(new URL('../html/views', import.meta.url)))
      .set('view engine', 'ejs');
    app.use('/site', await made(file, options));
    const origin = originOf(await listen(createServer(app)));
    return (path) => new Reader(origin + path).ended();
  }

  test('are served: as JSON, by a view, and by one that is filled in later', async () => {
    backend.answer('/users/7', { id: 7, name: 'Ada' });
    backend.answer('/reviews', ['good']);
    const get = await open({
      pages: {
        'GET /users/:id': {
          upstreams: { user: url('/users/{params.id}'), none: { url: url('/users/7'), when: 'query.all' } },
          json: true,
        },
        '/waiting': { upstreams: { user: url('/users/7') }, view: 'waiting', locals: { title: 'T' } },
        'GET /city': {
          upstreams: { reviews: { url: url('/reviews'), defer: true }, more: { url: url('/reviews'), defer: true } },
          view: 'city',
          late: { reviews: 'reviews', more: 'reviews' },
          wait: 'waiting',
          locals: { title: 'City' },
        },
      },
    });
    expect(JSON.parse((await get('/site/users/7')).text)).toEqual({ user: { id: 7, name: 'Ada' }, none: null });
    expect(JSON.parse((await get('/site/users/7?all=1')).text).none).toEqual({ id: 7, name: 'Ada' });
    expect((await get('/site/waiting')).text).toBe('<i>wait for T</i>');
    expect(filled((await get('/site/city')).text)).toContain('<li>good City</li>');
    expect((await get('/site/other')).status).toBe(404);
  });

  test('do not call what reads an empty list, and render each page anew', async () => {
    backend.answer('/list', []);
    backend.answer('/one', ['one']);
    const get = await open({
      pages: {
        'GET /a': {
          upstreams: { list: url('/list'), a: { url: url('/one'), when: 'list' }, b: { url: url('/one'), when: 'a' } },
          json: true,
        },
        'GET /waiting': { upstreams: { user: url('/one') }, view: 'waiting', locals: { title: 'T' } },
      },
    });
    expect(JSON.parse((await get('/site/a')).text)).toEqual({ list: [], a: null, b: null });
    for (const _ of [1, 2]) expect((await get('/site/waiting')).text).toBe('<i>wait for T</i>');
  });

  test('may attach their data under a name', async () => {
    backend.answer('/users/7', { id: 7, name: 'Ada' });
    backend.answer('/reviews', ['good']);
    const get = await open({
      defaults: { page: { into: 'data' } },
      pages: {
        'GET /user': { upstreams: { user: url('/users/7'), later: { url: url('/reviews'), defer: true } }, json: true },
        'GET /city': {
          upstreams: { reviews: { url: url('/reviews'), defer: true }, more: { url: url('/reviews'), defer: true } },
          view: 'city',
          late: { reviews: 'reviews', more: 'reviews' },
          locals: { title: 'City' },
        },
      },
    });
    expect(JSON.parse((await get('/site/user')).text)).toEqual({ user: { id: 7, name: 'Ada' }, later: ['good'] });
    expect(filled((await get('/site/city')).text)).toContain('<li>good City</li>');
  });

  test('use shared upstreams, defaults, functions, schemas and environment variables', async () => {
    process.env['MASHUP_TEST_TOKEN'] = 'secret';
    closeLater(() => void delete process.env['MASHUP_TEST_TOKEN']);
    const asked = backend.asked('/data/7');
    const get = await open(
      {
        defaults: {
          page: { deadline: 900 },
          origins: {
            [backend.origin]: { headers: { 'x-key': { $env: 'MASHUP_TEST_TOKEN' }, 'x-a': '1' }, timeout: 800 },
          },
        },
        upstreams: { data: { url: url('/data/{params.id}'), schema: 'Data', headers: { 'x-a': '2' } } },
        pages: {
          'GET /:id': {
            upstreams: {
              mine: { use: 'data', fallback: { $function: 'instead' } },
              after: { url: url('/x'), when: 'mine.more' },
            },
            json: true,
          },
        },
      },
      { schemas: { Data: z.object({ n: z.number() }) }, functions: { instead: () => 'instead' } },
    );
    const answer = get('/site/7');
    const { headers } = await asked;
    expect([headers['x-key'], headers['x-a']]).toEqual(['secret', '2']);
    (await asked).reply({ n: 'no number' });
    expect(JSON.parse((await answer).text)).toEqual({ mine: 'instead', after: null });
  });
});

describe('what is wrong with a file', () => {
  test('is told at once, each with its line and column', async () => {
    const problems = await problemsOf(`{
  "defaults": { "pages": {}, "origins": { "https://a.example.com/x": {} } },
  "upstreams": {
    "slow": { "url": "https://a.example.com/{params.id}", "timeout": -1 }
  },
  "pages": {
    "GET /a": {
      "upstreams": {
        "one": { "use": "slow" },
        "two": { "url": "https://a.example.com/{thre.id}", "timeot": 5 }
      },
      "json": true
    },
    "GET /b": {
      "deadline": "2s",
      "upstreams": { "x": { "use": "slo" }, "y": { "url": "https://a.example.com/", "schema": "No", "headers": { "k": { "$env": "MASHUP_NOT_SET" } } } },
      "json": true
    },
    "b": { "upstreams": {}, "json": true, "view": "v" },
    "/c": 7
  }
}`);
    expect(problems).toEqual([
      "pages.json:2:26 defaults › pages: is not known here: did you mean 'page'?",
      "pages.json:2:70 defaults › origins › https://a.example.com/x: expected an origin such as 'https://api.example.com', and an object of options",
      "pages.json:4:22 upstreams › slow › url: reads params.id, but the path of 'GET /a' has no ':id'",
      expect.stringMatching(/^pages\.json:4:\d+ upstreams › slow › timeout: expected milliseconds/),
      expect.stringMatching(
        /^pages\.json:10:\d+ pages › GET \/a › upstreams › two › timeot: is not an option: did you mean 'timeout'\?/,
      ),
      expect.stringMatching(/^pages\.json:10:\d+ pages › GET \/a › upstreams › two › url: .*'thre'/),
      expect.stringMatching(
        /^pages\.json:16:\d+ pages › GET \/b › upstreams › x › use: there is no such upstream: did you mean 'slow'\?/,
      ),
      expect.stringMatching(
        /^pages\.json:16:\d+ pages › GET \/b › upstreams › y › schema: the program gives no schema of the name 'No'/,
      ),
      expect.stringMatching(
        /^pages\.json:16:\d+ pages › GET \/b › upstreams › y › headers › k: the environment variable MASHUP_NOT_SET is not set/,
      ),
      expect.stringMatching(/^pages\.json:19:\d+ pages › b: expected a method and a path/),
      expect.stringMatching(/^pages\.json:19:\d+ pages › b: expected a view, or json: true/),
      'pages.json:19:10 pages › b: names no upstream',
      expect.stringMatching(/^pages\.json:20:\d+ pages › \/c: expected an object with upstreams/),
    ]);
  });

  test('is told once, and where it stands: in what several pages use, or in the defaults', async () => {
    const problems = await problemsOf(`{
  "defaults": {
    "page": { "deadline": 0 },
    "origins": { "https://a.example.com": { "timeout": "1 s", "headers": { "k": { "$env": "MASHUP_NOT_SET" } } } }
  },
  "upstreams": { "b": { "url": "https://b.example.com/", "retry": -1 } },
  "pages": {
    "GET /a": { "upstreams": { "a": "HTTPS://A.example.com:443/", "b": { "use": "b" } }, "json": true },
    "GET /b": { "upstreams": { "a": "https://a.example.com/", "b": { "use": "b" } }, "json": true },
    "FETCH /c": { "upstreams": { "c": "https://c.example.com/" }, "json": true },
    "GET /d": {
      "upstreams": { "d": "https://d.example.com/", "e": { "url": "https://d.example.com/", "defer": true } },
      "view": "d", "wait": 1, "locals": [], "late": { "d": "d", "f": "f", "e": 3 }
    },
    "GET /e": { "upstreams": { "d": "https://d.example.com/" }, "view": 3 }
  }
}`);
    expect(problems).toEqual([
      'pages.json:4:81 defaults › origins › https://a.example.com › headers › k: the environment variable MASHUP_NOT_SET is not set',
      expect.stringMatching(
        /^pages\.json:4:\d+ defaults › origins › https:\/\/a\.example\.com › timeout: expected milli/,
      ),
      expect.stringMatching(/^pages\.json:6:\d+ upstreams › b › retry: expected/),
      expect.stringMatching(/^pages\.json:3:\d+ defaults › page › deadline: expected milli/),
      expect.stringMatching(/^pages\.json:10:\d+ pages › FETCH \/c: FETCH is no method of a page/),
      expect.stringMatching(/^pages\.json:13:\d+ pages › GET \/d › wait: expected the name of a view/),
      expect.stringMatching(/^pages\.json:13:\d+ pages › GET \/d › locals: expected an object/),
      expect.stringMatching(
        /^pages\.json:13:\d+ pages › GET \/d › late › d: is not deferred: give the upstream defer: true/,
      ),
      expect.stringMatching(/^pages\.json:13:\d+ pages › GET \/d › late › f: there is no such upstream/),
      expect.stringMatching(/^pages\.json:13:\d+ pages › GET \/d › late › e: expected the name of a view/),
      expect.stringMatching(/^pages\.json:15:\d+ pages › GET \/e › view: expected the name of a view/),
    ]);
  });

  const page = { upstreams: { a: 'https://a.example.com/' }, json: true };
  const up = (a: unknown, more: object = {}) => ({
    pages: { 'GET /a/:id': { upstreams: { a }, json: true } },
    ...more,
  });
  const a = 'https://a.example.com/';

  test.each<[string, object, (string | RegExp)[]]>([
    ['a method that is none', { pages: { 'CONNECT /a': page } }, [/CONNECT is no method of a page$/]],
    [
      'a path that Express does not take',
      { pages: { 'GET /a(': page } },
      [/pages › GET \/a\(: Express does not take this path: /],
    ],
    [
      'a page that is there twice',
      { pages: { 'GET /a': page, '/a': page } },
      [/pages › \/a: is the same as 'GET \/a', which would answer$/],
    ],
    [
      'a parameter that the path does not have',
      up(`${a}{params.id}/{params.other,query.x}`),
      [/a › url: reads params\.other, but the path of 'GET \/a\/:id' has no ':other'$/],
    ],
    ['one that a condition reads', up({ url: a, when: 'params.x' }), [/a › when: reads params\.x, but/]],
    [
      'what is shared and uses something',
      { ...up({ use: 'b' }), upstreams: { b: { use: 'c', url: a }, c: a } },
      [/upstreams › b › use: what is shared uses nothing else$/],
    ],
    [
      'defaults that use something',
      up(a, { defaults: { origins: { 'https://a.example.com': { use: 'b' } } } }),
      [/defaults › origins › .* › use: is of one upstream, not of all$/],
    ],
    [
      'something wrong in what nothing uses',
      up(a, { upstreams: { b: { url: a, timeot: 5 } } }),
      [/upstreams › b › timeot: is not an option: did you mean 'timeout'\?$/],
    ],
    [
      'something wrong in unused defaults',
      up(a, { defaults: { origins: { 'https://b.example.com': { timeout: '1' } } } }),
      [/https:\/\/b\.example\.com › timeout: expected milliseconds/],
    ],
    [
      'a function where none can be',
      up({ url: a, timeout: { $function: 'f' } }),
      [/a › timeout: cannot be a function$/],
    ],
    [
      'a function with more',
      up({ url: a, fallback: { $function: 'f', x: 1 } }),
      [/fallback: expected \$function alone, the name of a function$/, /no function of the name 'f'$/],
    ],
    [
      'a variable with more',
      up({ url: a, headers: { k: { $env: 'HOME', x: 1 } } }),
      [/headers › k: expected text, or \{ "\$env": "NAME" \}$/],
    ],
    [
      'names of prototypes',
      up({ use: 'constructor', fallback: { $function: 'constructor' } }),
      [/use: there is no such upstream$/, /no function of the name 'constructor'$/],
    ],
  ])('is told: %s', async (_, file, expected) => {
    expect(await problemsOf(file)).toEqual(expected.map((one) => expect.stringMatching(one)));
  });

  test('is nothing: a path with a wildcard, merged YAML, and the byte order mark of an editor', async () => {
    await made(await fileOf({ pages: { '/a/:id/b': up(`${a}{params.id}`).pages['GET /a/:id'] } }));
    await made(await fileOf(`\ufeff${JSON.stringify(up(a))}`, 'bom.json'));
    const merged =
      'pages:\n  GET /a:\n    json: true\n    upstreams:\n      a: &a { url: "https://a.example.com/" }\n      b: { <<: *a, timeout: 5 }\n';
    await made(await fileOf(merged, 'merged.yaml'));
  });

  test.each([
    ['a date', 'pages: !!timestamp 2020-01-01', 'nothing that JSON has'],
    ['an unknown tag', 'pages: !thing { a: 1 }', '1:8: '],
    ['an alias of nothing', 'pages: *nothing', '1:8: there is no &nothing before this'],
    ['a page that leads back to itself', 'pages: &p\n  GET /a: *p\n', ''],
    ['what is nested deeply', `pages: ${'['.repeat(200)}${']'.repeat(200)}`, ''],
  ])('is told of YAML: %s', async (_, text, expected) => {
    const [first = '', ...others] = await problemsOf(text, {}, 'pages.yaml');
    expect(first).toMatch(/^pages\.yaml:\d+:\d+/);
    expect(first).toContain(expected);
    expect(others).toEqual([]);
  });

  test('is told of an object that leads back to itself, and of a function that is none', async () => {
    const circle: Record<string, unknown> = { url: a };
    circle['data'] = circle;
    await expect(made(up(circle))).rejects.toThrow('is nested too deeply');
    const named = { functions: { f: 7 as never } };
    await expect(made(up({ url: a, fallback: { $function: 'f' } }), named)).rejects.toThrow(
      "what the program gives as 'f' is no function",
    );
  });

  test('a text of a megabyte is read', async () => {
    await made(await fileOf(up({ url: a, fallback: 'x'.repeat(1_000_000) })));
  });

  test('is told of YAML whose aliases would make it huge', async () => {
    const tenfold = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]'];
    for (const [name, of] of ['ba', 'cb', 'dc']) tenfold.push(`${name}: &${name} [${Array(10).fill(`*${of}`).join()}]`);
    expect(await problemsOf(tenfold.join('\n'), {}, 'pages.yaml')).toEqual([
      expect.stringMatching(/^pages\.yaml:1:1: Excessive alias count/),
    ]);
  });

  test.each([
    ['{ "pages": }', '1:12: this is no JSON'],
    ['{ "pages": {},\n  "pages": {} }', "2:3: 'pages' stands here twice"],
    ['{ "pages": {}, }', "1:16: a comma before '}'"],
    ['{ pages: {} }', '1:3: expected a name in double quotes'],
    ['{ "a": 1 } x', '1:12: something stands after the end'],
    ['{ "a" 1 }', "1:7: expected ':'"],
    ['[1 2]', "1:4: expected ',' or ']'"],
    ['', '1:1: this is no JSON'],
    ['{ "a": "\u0001" }', '1:8: this is no JSON'],
    [`${'['.repeat(100)}`, '1:66: it is nested too deeply'],
    ['[]', '1:1: expected an object with pages'],
    ['{}', '1:1 pages: expected an object of pages, such as { "GET /city/:name": { … } }'],
  ])('as text: %j', async (text, expected) => {
    expect(await problemsOf(text)).toEqual([`pages.json:${expected}`]);
  });

  test('is told of YAML, too', async () => {
    expect(
      await problemsOf(
        'pages:\n  GET /a:\n    json: true\n    upstreams:\n      a:\n        url: https://a.example.com/\n        timeout: no\n',
        {},
        'pages.yaml',
      ),
    ).toEqual([
      expect.stringMatching(/^pages\.yaml:7:18 pages › GET \/a › upstreams › a › timeout: expected milliseconds/),
    ]);
    expect(await problemsOf('pages: [', {}, 'pages.yml')).toEqual([expect.stringMatching(/^pages\.yml:1:9: /)]);
    const file = await fileOf(
      'pages:\n  GET /a:\n    json: true\n    upstreams: { a: "https://a.example.com/" }\n',
      'good.yaml',
    );
    await made(file);
  });

  test('a file that is not there, and wrong options, are errors', async () => {
    await expect(made(join(folder, 'none.json'))).rejects.toThrow('ENOENT');
    await expect(made({ pages: {} }, { instance: {} as Mashup })).rejects.toThrow(
      'options.instance: expected a mashup',
    );
    await expect(made({ pages: {} }, { function: {} } as PagesOptions)).rejects.toThrow("did you mean 'functions'");
  });
});

describe('a reload', () => {
  const pageOf = (path: string, more = {}) => ({ upstreams: { a: { url: url(path), ...more } }, json: true });
  const [, express] = expresses[0];

  test('swaps all pages in one step, says what changed, and lets runs under way end on the old ones', async () => {
    backend.answer('/new', 'new');
    const file = await fileOf({
      pages: { 'GET /a': pageOf('/old'), 'GET /b': pageOf('/same'), 'GET /c': pageOf('/gone') },
    });
    const router = await made(file);
    const origin = originOf(await listen(createServer(express().use(router))));
    const asked = backend.asked('/old');
    const running = new Reader(`${origin}/a`).ended();
    await asked;
    await fileOf({ pages: { 'GET /a': pageOf('/new'), 'GET /b': pageOf('/same'), 'GET /d': pageOf('/new') } });
    expect(await router.reload()).toEqual({ error: null, added: ['GET /d'], changed: ['GET /a'], removed: ['GET /c'] });
    expect((await new Reader(`${origin}/a`).ended()).text).toBe('{"a":"new"}');
    expect((await new Reader(`${origin}/c`).ended()).status).toBe(404);
    (await asked).reply('old');
    expect((await running).text).toBe('{"a":"old"}');
  });

  test('of a wrong file changes nothing', async () => {
    backend.answer('/old', 'old');
    const file = await fileOf({ pages: { 'GET /a': pageOf('/old') } });
    const router = await made(file);
    const origin = originOf(await listen(createServer(express().use(router))));
    for (const wrong of ['{', { pages: { 'GET /a': pageOf('/{nothing.id}') } }, { pages: {} }]) {
      await fileOf(wrong);
      const { error, ...others } = await router.reload();
      expect(isConfigError(error)).toBe(true);
      expect(others).toEqual({ added: [], changed: [], removed: [] });
      expect((await new Reader(`${origin}/a`).ended()).text).toBe('{"a":"old"}');
    }
  });

  test('comes by itself when the file is written, or another takes its place, and on SIGHUP', async () => {
    const heard: Reload[] = [];
    let tell = () => {};
    const next = async (change: () => Promise<void> | void) => {
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      await change();
      await told;
    };
    const onReload = (reload: Reload) => {
      heard.push(reload);
      tell();
      throw new Error('the listener');
    };
    const file = await fileOf({ pages: { 'GET /a': pageOf('/1') } });
    await made(file, { onReload });
    await next(async () => void (await fileOf({ pages: { 'GET /a': pageOf('/2') } })));
    await next(async () => {
      const other = await fileOf({ pages: { 'GET /b': pageOf('/2') } }, 'other.tmp');
      await rename(other, file);
    });
    expect(heard.at(-1)).toMatchObject({ error: null, added: ['GET /b'], removed: ['GET /a'] });
    await next(async () => void (await fileOf('{')));
    expect(isConfigError(heard.at(-1)?.error)).toBe(true);
    await next(() => void process.emit('SIGHUP', 'SIGHUP'));
    expect(heard.length).toBeGreaterThanOrEqual(4);
  });

  test('comes where the file is a link and another takes the place of its folder, as with a ConfigMap', async () => {
    const heard: Reload[] = [];
    const versions = ['one', 'two'].map((name) => join(folder, `..${name}`));
    for (const [at, version] of versions.entries()) {
      await mkdir(version);
      await writeFile(join(version, 'pages.json'), JSON.stringify({ pages: { [`GET /${at}`]: pageOf('/1') } }));
    }
    await symlink('..one', join(folder, '..data'));
    await symlink('..data/pages.json', join(folder, 'pages.json'));
    const told = new Promise<void>((resolve) => {
      const onReload = (reload: Reload) => {
        heard.push(reload);
        resolve();
      };
      void made(join(folder, 'pages.json'), { onReload }).then(async () => {
        await symlink('..two', join(folder, '..next'));
        await rename(join(folder, '..next'), join(folder, '..data'));
      });
    });
    await told;
    expect(heard).toEqual([{ error: null, added: ['GET /1'], changed: [], removed: ['GET /0'] }]);
  });

  test('100 times under load, half of the files wrong: no page fails, none is a mix, caches live on', async () => {
    for (const path of ['/one', '/two', '/cached'])
      backend.answer(path, path, { headers: { 'cache-control': 'max-age=600' } });
    const content = (at: number) => {
      const path = at % 2 === 0 ? '/one' : '/two';
      return {
        pages: {
          'GET /a': {
            upstreams: { a: url(path), b: url(path), cached: { url: url('/cached'), cache: true } },
            json: true,
          },
        },
      };
    };
    const router = await made(await fileOf(content(0)));
    const origin = originOf(await listen(createServer(express().use(router))));
    let isOver = false;
    let seen = 0;
    const load = async () => {
      while (!isOver) {
        const { text } = await new Reader(`${origin}/a`).ended();
        const { a, b, cached } = JSON.parse(text);
        expect([a, cached]).toEqual([b, '/cached']);
        seen++;
      }
    };
    const loads = [load(), load(), load()];
    for (let at = 1; at <= 100; at++) {
      await fileOf(at % 2 === 0 ? '{ "pages": ' : content(at % 4 === 1 ? 1 : 0));
      await router.reload();
    }
    isOver = true;
    await Promise.all(loads);
    expect(seen).toBeGreaterThan(50);
    // Only the first pages, all at the same time, found nothing there.
    expect(mashup.stats().cache.misses).toBeLessThanOrEqual(3);
  });
});
