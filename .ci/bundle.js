// Makes the modules of dist: ES modules for `import`, and CommonJS for `require`, which Jest's default configuration needs.
// The entries are what package.json exports (dist/x.js is made of src/x.ts) and its commands, so a new one is named there
// alone. Run after tsc: the types for CommonJS are made of those that tsc wrote.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';
import { described } from './option-docs.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

// ES modules alone, which Jest cannot `require`: they are put into the CommonJS build.
const inlined = ['leven', 'p-limit'];

const manifest = JSON.parse(await readFile('package.json', 'utf8'));
const entries = Object.values(manifest.exports).flatMap((target) => target.import?.default ?? []);
const commands = Object.values(manifest.bin);
const packages = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });

const node = { platform: 'node', target: 'node20.19', logLevel: 'warning' };
const bundle = { ...node, bundle: true, splitting: true, format: 'esm', outbase: 'src', outdir: 'dist' };

await build({ ...bundle, entryPoints: sources([...entries, ...commands]), packages: 'external' });
await buildCommonJS();
await writeTypes();
await writeSchema();

/** Bundled as ES modules first: esbuild splits only these into chunks, and entries must share what they have in common. */
async function buildCommonJS() {
  const { outputFiles, metafile } = await build({
    ...bundle,
    entryPoints: sources(entries),
    external: packages.filter((name) => !inlined.includes(name)),
    outExtension: { '.js': '.cjs' },
    metafile: true,
    write: false,
  });
  const commonJS = {
    ...node,
    format: 'cjs',
    supported: { 'dynamic-import': false }, // Jest cannot run `import()` in CommonJS
    logOverride: { 'empty-import-meta': 'error' },
  };
  for (const { path, text } of outputFiles) await write(path, atOnce((await transform(text, commonJS)).code));
  await writeLicenses(Object.keys(metafile.inputs));
}

/** An optional package is loaded in `try`. Webpack does without it only if `require` stands there itself, in no function. */
function atOnce(code) {
  return code.replace(/await Promise\.resolve\(\)\.then\(\(\) => (__toESM\(require\("[^"]+"\)\))\)/g, 'await $1');
}

/** The JSON Schema of files of pages, from the options that are checked. */
async function writeSchema() {
  const outfile = 'dist/schema-of-pages.js';
  const { splitting: _, outdir: __, outbase: ___, ...one } = bundle;
  await build({ ...one, entryPoints: ['src/pages/schema.ts'], outfile, packages: 'external' });
  const { fileSchema } = await import(pathToFileURL(outfile).href);
  await rm(outfile);
  const schema = await described(fileSchema());
  await write('dist/pages.schema.json', `${JSON.stringify(schema, null, 2)}\n`);
}

/** The licenses of the packages that these files are of: whoever gets a copy must get them too. */
async function writeLicenses(files) {
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  const texts = [];
  for (const folder of [...folders].sort()) {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const license = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
    texts.push(`${name} ${version}\n\n${await readFile(join(folder, license), 'utf8')}`);
  }
  await write('dist/licenses.txt', texts.join('\n'));
}

/** The types of the entries, and of all that these import, under the names that CommonJS has for them. */
async function writeTypes() {
  const found = new Set(entries.map((file) => posix.normalize(file).replace(/\.js$/, '.d.ts')));
  for (const path of found) {
    const text = await readFile(path, 'utf8');
    const renamed = text.replace(/(?<=\b(?:from|import) ?\(?)(["'])(\..+?)\.js\1/g, (_, quote, to) => {
      found.add(posix.join(dirname(path), `${to}.d.ts`));
      return `${quote}${to}.cjs${quote}`;
    });
    await write(path.replace(/\.ts$/, '.cts'), renamed);
  }
}

function sources(files) {
  return files.map((file) => posix.normalize(file).replace(/^dist\/(.+)\.js$/, 'src/$1.ts'));
}

async function write(path, text) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
