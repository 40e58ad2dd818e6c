import { readdir, readFile, rm } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { type Manifest, pack, readManifest, root, type Tarball, temporaryDirectory } from './package.js';

let directory: string;
let tarball: Tarball;
let manifest: Manifest;

beforeAll(async () => {
  directory = await temporaryDirectory();
  [tarball, manifest] = await Promise.all([pack(directory), readManifest()]);
}, 120_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

const paths = () => tarball.files.map(({ path }) => path);

test('it holds the build and the pages that a reader expects, and nothing else', () => {
  const besides = paths().filter((path) => !/^dist\/.+(\.js|\.d\.ts)$/.test(path));
  expect(besides.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
});

test('its dist is the build of the sources of today: no file is missing, and none is left of an earlier build', async () => {
  const sources = (await readdir(join(root, 'src'), { recursive: true })).filter((path) => path.endsWith('.ts'));
  const types = sources.map((path) => `dist/${path.split(sep).join('/').replace(/\.ts$/, '.d.ts')}`);
  const built = paths().filter((path) => path.startsWith('dist/'));
  expect(built.filter((path) => path.endsWith('.d.ts')).sort()).toEqual(types.sort());
  // What is imported, what is run, and what the two share.
  const code = built.filter((path) => path.endsWith('.js')).map((path) => path.replace(/-[A-Z0-9]{8}\./, '.'));
  expect(code.sort()).toEqual(['dist/chunk.js', 'dist/cli/main.js', 'dist/index.js']);
});

test('every target of its exports is in it, types first', () => {
  expect(Object.keys(manifest.exports)).toContain('.');
  for (const target of Object.values(manifest.exports)) {
    const targets = typeof target === 'string' ? [target] : Object.values(target);
    if (typeof target === 'object') expect(Object.keys(target)).toEqual(['types', 'default']);
    for (const file of targets) expect(paths()).toContain(posix.normalize(file));
  }
});

test('its commands are in it, with the line that says what runs them (npm makes them executable)', async () => {
  expect(Object.keys(manifest.bin)).toEqual(['express-mashup']);
  for (const target of Object.values(manifest.bin)) {
    expect(paths()).toContain(target);
    expect(await readFile(join(root, target), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  }
});
