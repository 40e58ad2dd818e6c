import { readdir, readFile, rm } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import {
  type Conditions,
  type Manifest,
  pack,
  readManifest,
  root,
  type Tarball,
  temporaryDirectory,
} from './package.js';

let directory: string;
let tarball: Tarball;
let manifest: Manifest;

beforeAll(async () => {
  directory = await temporaryDirectory();
  [tarball, manifest] = await Promise.all([pack(directory), readManifest()]);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const paths = () => tarball.files.map(({ path }) => path);

test('it holds the build and the pages that a reader expects, and nothing else', () => {
  const besides = paths().filter((path) => !/^dist\/.+(\.c?js|\.d\.c?ts)$/.test(path));
  expect(besides.sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist/licenses.txt',
    'dist/pages.schema.json',
    'package.json',
  ]);
});

test('its dist is the build of the sources of today: no file is missing, and none is left of an earlier build', async () => {
  const sources = (await readdir(join(root, 'src'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  const types = sources.map((path) => `dist/${path.split(sep).join('/').replace(/\.ts$/, '.d.ts')}`);
  const built = paths().filter((path) => path.startsWith('dist/'));
  expect(built.filter((path) => path.endsWith('.d.ts')).sort()).toEqual(types.sort());
  // What is imported, what is run, and what the two share.
  const code = built.filter((path) => /\.c?js$/.test(path)).map((path) => path.replace(/-[A-Z0-9]{8}\./, '.'));
  const entries = [
    'index',
    'html/index',
    'inspector/index',
    'openapi/index',
    'otel/index',
    'pages/index',
    'redis/index',
    'testing/index',
  ].flatMap((entry) => [`dist/${entry}.cjs`, `dist/${entry}.js`]);
  expect([...new Set(code)].sort()).toEqual(['dist/chunk.cjs', 'dist/chunk.js', 'dist/cli/main.js', ...entries].sort());
});

test('every entry has an ES module and a CommonJS module, each with types of its own kind, and all of them are in it', () => {
  const { './package.json': itself, './pages.schema.json': schema, ...entries } = manifest.exports;
  expect([itself, schema]).toEqual(['./package.json', './dist/pages.schema.json']);
  expect(Object.keys(entries)).toContain('.');
  for (const conditions of Object.values(entries)) {
    const [file = ''] = /^\.\/dist\/.+(?=\.js$)/.exec((conditions as Conditions)['import']?.['default'] ?? '') ?? [];
    expect(conditions).toEqual({
      import: { types: `${file}.d.ts`, default: `${file}.js` },
      require: { types: `${file}.d.cts`, default: `${file}.cjs` },
    });
    for (const end of ['.d.ts', '.js', '.d.cts', '.cjs']) expect(paths()).toContain(posix.normalize(file + end));
  }
});

test('types for CommonJS import nothing that is not in it', async () => {
  for (const path of paths().filter((one) => one.endsWith('.d.cts'))) {
    const text = await readFile(join(root, path), 'utf8');
    for (const [, to = ''] of text.matchAll(/(?:from|import) ?\(?['"](\.[^'"]+)['"]/g)) {
      expect(to).toMatch(/\.cjs$/);
      expect(paths()).toContain(posix.join(posix.dirname(path), to.replace(/\.cjs$/, '.d.cts')));
    }
  }
});

test('its CommonJS modules require no package that is an ES module alone, and the licenses of those inside are in it', async () => {
  const code = await Promise.all(
    paths()
      .filter((path) => path.endsWith('.cjs'))
      .map((path) => readFile(join(root, path), 'utf8')),
  );
  const required = code.flatMap((text) =>
    [...text.matchAll(/\brequire\("([^".][^"]*)"\)/g)].map(([, name = '']) => name),
  );
  const packages = [...new Set(required)].filter((name) => !name.startsWith('node:'));
  expect(packages.sort()).toEqual([
    '@0no-co/graphql.web',
    '@opentelemetry/api',
    '@redis/client',
    'axios',
    'express',
    'lru-cache',
    'undici',
    'yaml',
  ]);
  const licenses = await readFile(join(root, 'dist/licenses.txt'), 'utf8');
  for (const name of ['leven', 'p-limit', 'yocto-queue']) expect(licenses).toMatch(new RegExp(`^${name} \\d`, 'm'));
  expect(licenses.match(/^Permission is hereby granted/gm)).toHaveLength(3);
});

test('it says where its sources, its pages and its issues are', () => {
  const { repository, homepage, bugs } = manifest;
  const address = /^git\+(https:\/\/.+)\.git$/.exec(repository.url)?.[1];
  expect(address).toBeDefined();
  expect({ type: repository.type, homepage, bugs }).toEqual({
    type: 'git',
    homepage: `${address}#readme`,
    bugs: `${address}/issues`,
  });
});

test('its commands are in it, with the line that says what runs them (npm makes them executable)', async () => {
  expect(Object.keys(manifest.bin)).toEqual(['express-mashup']);
  for (const target of Object.values(manifest.bin)) {
    expect(paths()).toContain(target);
    expect(await readFile(join(root, target), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  }
});
