import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mashup } from '../../src/index.js';
import { type Pages, type PagesOptions, pages, type Reload } from '../../src/pages/index.js';
import { Reader } from '../html/reader.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses, newMashup } from '../support/site.js';

let backend: Backend;
let mashup: Mashup;
let file: string;
beforeEach(async () => {
  backend = await startBackend();
  mashup = newMashup();
  const folder = await mkdtemp(join(tmpdir(), 'mashup-reload-'));
  closeLater(() => rm(folder, { recursive: true, force: true }));
  file = join(folder, 'pages.json');
});
afterEach(closeAll);

const contentOf = (...names: string[]) =>
  JSON.stringify({
    pages: Object.fromEntries(
      names.map((name) => [`GET /${name}`, { upstreams: { a: `${backend.origin}/${name}` }, json: true }]),
    ),
  });

async function made(options: PagesOptions = {}): Promise<Pages> {
  const router = await pages(file, { instance: mashup, onReload: () => {}, ...options });
  closeLater(() => router.close());
  return router;
}

/** Hears reloads, until one that is as it should be. */
function hearing(isRight: (reload: Reload) => boolean) {
  let onReload: (reload: Reload) => void = () => {};
  const heard = new Promise<Reload>((resolve) => {
    onReload = (reload) => {
      if (isRight(reload)) resolve(reload);
    };
  });
  return { onReload: (reload: Reload) => onReload(reload), heard };
}

/** Writes another file of the same folder again and again, until something has come. */
async function noisily<T>(awaited: Promise<T>): Promise<T> {
  let isOver = false;
  const done = () => {
    isOver = true;
  };
  void awaited.then(done, done);
  while (!isOver) await writeFile(join(file, '..', 'server.log'), String(Math.random()));
  return awaited;
}

test('a change while the file is read for the first time is not missed', async () => {
  await writeFile(file, contentOf('a').replace('"json"', '"onFailure": { "$function": "f" }, "json"'));
  const { onReload, heard } = hearing(({ added }) => added.includes('GET /b'));
  // Asked for while the file is compiled.
  const functions = new Proxy(
    { f: () => {} },
    {
      getOwnPropertyDescriptor(target, name) {
        writeFileSync(file, contentOf('b'));
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
    },
  );
  await made({ functions, onReload });
  expect(await heard).toEqual({ error: null, added: ['GET /b'], changed: [], removed: ['GET /a'] });
});

test('a change, and SIGHUP, are heard beside a file that is written all the time', async () => {
  await writeFile(file, contentOf('a'));
  const change = hearing(({ added }) => added.includes('GET /b'));
  const wrong = hearing(({ error }) => error !== null);
  let again = hearing(() => false);
  await made({
    onReload: (reload) => {
      for (const { onReload } of [change, wrong, again]) onReload(reload);
    },
  });
  await writeFile(file, contentOf('b'));
  await noisily(change.heard);
  await writeFile(file, '{');
  await noisily(wrong.heard);
  again = hearing(({ error }) => error !== null);
  process.emit('SIGHUP', 'SIGHUP');
  await noisily(again.heard);
});

test('a file that is gone changes nothing, and is read when it is back', async () => {
  backend.answer('/a', 'a');
  await writeFile(file, contentOf('a'));
  const gone = hearing(({ error }) => String(error).includes('ENOENT'));
  const back = hearing(({ added }) => added.includes('GET /b'));
  const router = await made({
    onReload: (reload) => {
      gone.onReload(reload);
      back.onReload(reload);
    },
  });
  const [, express] = expresses[0];
  const origin = originOf(await listen(createServer(express().use(router))));
  await rm(file);
  await gone.heard;
  expect((await new Reader(`${origin}/a`).ended()).text).toBe('{"a":"a"}');
  await writeFile(file, contentOf('b'));
  expect((await back.heard).removed).toEqual(['GET /a']);
});

test('reloads at once come one after the other, and the last one holds', async () => {
  await writeFile(file, contentOf('a'));
  const router = await made();
  const reloads: Promise<Reload>[] = [];
  for (const content of [contentOf('b'), '{', contentOf('c')]) {
    writeFileSync(file, content);
    reloads.push(router.reload());
  }
  const all = await Promise.all(reloads);
  // Each reads what is there when its turn comes.
  expect(all.map(({ error }) => error)).toEqual([null, null, null]);
  expect(all.flatMap(({ added }) => added)).toEqual(['GET /c']);
});

test('after close nothing is heard, and nothing is left that listens', async () => {
  await writeFile(file, contentOf('a'));
  const before = process.listenerCount('SIGHUP');
  const router = await made();
  expect(process.listenerCount('SIGHUP')).toBe(before + 1);
  router.close();
  router.close();
  await writeFile(file, '{');
  await expect(made()).rejects.toThrow('pages.json:1:2');
  expect(process.listenerCount('SIGHUP')).toBe(before);
});

test('a page whose defaults did not change has not changed', async () => {
  const withDefaults = (timeout: number) =>
    contentOf('a').replace(
      '{',
      `{ "defaults": { "origins": { "https://other.example.com": { "timeout": ${timeout} } } }, `,
    );
  await writeFile(file, withDefaults(1));
  const router = await made();
  await writeFile(file, withDefaults(2));
  expect(await router.reload()).toEqual({ error: null, added: [], changed: [], removed: [] });
});
