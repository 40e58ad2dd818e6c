import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/get.js';
import { startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mashup-cli-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
});
afterEach(closeAll);

function cli(args: string[], signal?: AbortSignal, onWrite: (text: string) => void = () => {}) {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      written[name] += text;
      onWrite(text);
    },
  });
  const surroundings = {
    stdin: (async function* () {})(),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: {},
  };
  const ended = run(args, signal === undefined ? surroundings : { ...surroundings, signal });
  return { written, ended };
}

const page = (upstreams: object) => ({
  pages: { 'GET /city/:name': { deadline: 1500, concurrency: 2, upstreams, json: true } },
});

async function fileOf(content: unknown): Promise<string> {
  const file = join(folder, 'pages.json');
  await writeFile(file, JSON.stringify(content, null, 2));
  return file;
}

test('check draws the pages of a file, with their longest way', async () => {
  const file = await fileOf(
    page({
      city: { url: 'https://a.example.com/{params.name}', required: true, timeout: 400 },
      country: { url: 'https://a.example.com/{city.iso}', cache: true, timeout: 300, schema: 'Country' },
      near: { url: 'https://a.example.com/{item}', each: 'country.borders', timeout: 200 },
      both: { url: 'https://a.example.com/{city.id}', after: ['news'], timeout: 100 },
      news: { url: 'https://a.example.com/news', timeout: 100, headers: { k: { $env: 'NOT_SET_HERE' } } },
      slow: { url: 'https://a.example.com/slow', defer: true, fallback: { $function: 'any' } },
    }),
  );
  const { written, ended } = cli(['check', file]);
  expect([await ended, written.stderr]).toEqual([0, '']);
  expect(written.stdout).toBe(`GET /city/:name  (deadline 1500 ms, 2 requests at once)
  city (required, 400 ms)
  └─ country (cached, 300 ms)
     └─ near (200 ms)
  news (100 ms)
  └─ both (100 ms, after city, news)
  slow (deferred)
  longest way: city → country → near; at worst 900 ms

${file}: 1 page, nothing wrong
`);
});

test('check says what is wrong, each with its line, and its exit code is 1', async () => {
  const file = await fileOf(page({ a: { url: 'https://a.example.com/{b.id}', timeot: 1 } }));
  const { written, ended } = cli(['check', file]);
  expect([await ended, written.stdout]).toEqual([1, '']);
  expect(written.stderr).toMatch(
    /^\S+pages\.json:9:\d+ pages › GET \/city\/:name › upstreams › a › timeot: is not an option: did you mean 'timeout'\?$/m,
  );
  const none = join(folder, 'none.json');
  for (const [command, path, why] of [
    ['check', none, 'is not there: express-mashup init makes a first one'],
    ['check', folder, 'is a folder'],
    ['serve', none, 'is not there: express-mashup init makes a first one'],
  ] as const) {
    const { written, ended } = cli([command, path]);
    expect([await ended, written]).toEqual([1, { stdout: '', stderr: `express-mashup: ${path} ${why}\n` }]);
  }
});

test('init writes a first file, which is right, and none over another', async () => {
  const file = join(folder, 'pages.json');
  expect(await cli(['init', file]).ended).toBe(0);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    $schema: expect.stringContaining('pages.schema.json'),
  });
  expect(await cli(['check', file]).ended).toBe(0);
  const again = cli(['init', file]);
  expect([await again.ended, again.written.stderr]).toEqual([1, `express-mashup: ${file} is there already\n`]);
});

/** Serves until the signal. */
async function served(args: string[], signal: AbortSignal) {
  let listening = (_port: string) => {};
  const port = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const { ended } = cli(['serve', ...args, '--port', '0'], signal, (text) => {
    const [, found] = /localhost:(\d+)/.exec(text) ?? [];
    if (found !== undefined) listening(found);
  });
  return { origin: `http://localhost:${await port}`, ended };
}

test('serve serves a file until it is interrupted', async () => {
  const backend = await startBackend();
  backend.answer('/a', { n: 1 });
  const file = await fileOf({ pages: { '/a': { upstreams: { a: `${backend.origin}/a` }, json: true } } });
  const controller = new AbortController();
  const { origin, ended } = await served([file], controller.signal);
  const get = async (path: string) => (await fetch(origin + path, { headers: { connection: 'close' } })).text();
  expect(await get('/a')).toBe('{"a":{"n":1}}');
  expect(await get('/healthz')).toBe('{"status":"ok"}');
  expect(await get('/_mashup/')).toContain('GET /a');
  controller.abort();
  expect(await ended).toBe(0);
  const wrong = cli(['serve', await fileOf({ pages: {} })], controller.signal);
  expect([await wrong.ended, wrong.written.stderr]).toEqual([
    1,
    expect.stringContaining('pages.json:2:12 pages: expected an object of pages'),
  ]);
});

test('serve ends what it watches with, lets a page be finished, and keeps no connection after it', async () => {
  const backend = await startBackend();
  const asked = backend.asked('/a');
  const file = await fileOf({ pages: { '/a': { upstreams: { a: `${backend.origin}/a` }, json: true } } });
  const controller = new AbortController();
  const { origin, ended } = await served([file], controller.signal);
  const watched = await fetch(`${origin}/_mashup/events`);
  expect(watched.headers.get('content-type')).toBe('text/event-stream');
  const answer = fetch(`${origin}/a`);
  await asked;
  controller.abort();
  expect(await watched.text()).toContain(': open');
  (await asked).reply('late');
  expect((await answer).headers.get('connection')).toBe('close');
  expect(await (await answer).text()).toBe('{"a":"late"}');
  expect(await ended).toBe(0);
});

test('serve ends where it was told to before it could listen', async () => {
  const file = await fileOf(page({ a: 'https://a.example.com/' }));
  const before = process.listenerCount('SIGTERM');
  expect(await cli(['serve', file, '--port', '0'], AbortSignal.abort()).ended).toBe(0);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('serve on a port that is taken says so, and leaves nothing that listens', async () => {
  const taken = createServer().listen(0);
  closeLater(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const before = process.listenerCount('SIGHUP');
  const { written, ended } = cli(['serve', await fileOf(page({ a: 'https://a.example.com/' })), '--port', `${port}`]);
  expect([await ended, written.stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  expect(process.listenerCount('SIGHUP')).toBe(before);
});

test('serve finds the engine of the views by the ending of their names', async () => {
  const backend = await startBackend();
  backend.answer('/a', 'Ada');
  const file = await fileOf({ pages: { '/a': { upstreams: { a: `${backend.origin}/a` }, view: 'boxes/hello' } } });
  const views = join(folder, 'views');
  await mkdir(join(views, 'boxes'), { recursive: true });
  await writeFile(join(views, 'boxes', 'hello.ejs'), '<p><%= a %>');
  const controller = new AbortController();
  const { origin, ended } = await served([file, '--views', views], controller.signal);
  expect(await (await fetch(`${origin}/a`, { headers: { connection: 'close' } })).text()).toBe('<p>Ada');
  controller.abort();
  expect(await ended).toBe(0);
});

test('check finds a path that Express refuses, and shows nothing that a terminal would obey', async () => {
  const file = await fileOf({
    pages: { 'GET /a\u001b[31m': { upstreams: { a: 'https://a.example.com/' }, json: true } },
  });
  const { written, ended } = cli(['check', file]);
  expect([await ended, written.stderr]).toEqual([
    1,
    expect.stringContaining('/a\\x1b[31m: Express does not take this'),
  ]);
  expect(written.stderr).not.toContain('\u001b');
});
