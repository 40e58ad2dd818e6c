import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isSoak } from '../support/soak.js';
import { pack, readManifest, root, run, temporaryDirectory, unpack } from './package.js';

const { resolve } = createRequire(import.meta.url);
// The TypeScript that the check of the types brings is a 5; the project's own is later.
const five = createRequire(resolve('@arethetypeswrong/core')).resolve('typescript/package.json');
const compilers: Record<'5.0' | 5 | 7, string> = {
  // The first that knows const type parameters. It is installed for the test, for its command has the name of the project's own.
  '5.0': '',
  5: join(five, '../bin/tsc'),
  7: join(root, 'node_modules/typescript/bin/tsc'),
};

let project: string;

beforeAll(async () => {
  project = await temporaryDirectory();
  const oldest = join(project, 'oldest');
  await mkdir(oldest);
  await writeFile(join(oldest, 'package.json'), '{ "private": true }');
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...quick, 'typescript@5.0.4'], oldest);
  compilers['5.0'] = join(oldest, 'node_modules/typescript/bin/tsc');
  await unpack(project, await pack(project), ['@types', 'axios', 'undici', 'undici-types']);
  const consumers = join(root, 'test/package/consumers');
  for (const name of ['page.ts', 'page.mts', 'page.cts'])
    await copyFile(join(consumers, 'page.ts'), join(project, name));
  const others = ['mixed-library.cts', 'mixed-app.mts', 'api.ts', 'api-wrong.ts'];
  for (const name of others) await copyFile(join(consumers, name), join(project, name));
});

afterAll(() => rm(project, { recursive: true, force: true }));

test('TypeScript 5.0, 5 and 7 are what their names say', async () => {
  for (const [version, compiler] of Object.entries(compilers)) {
    expect(`${(await readManifest(join(compiler, '../..'))).version}.`.startsWith(`${version}.`)).toBe(true);
  }
});

/** Compiles these files of the project, the types of the libraries checked; rejects with what the compiler says. */
async function compile(compiler: keyof typeof compilers, files: string[], options: Record<string, string>) {
  const compilerOptions = {
    target: 'es2023',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    // TypeScript 5 takes ten times as long as 7 to check the types of all libraries.
    skipLibCheck: compiler === '5.0' || (compiler === 5 && !isSoak),
    esModuleInterop: true,
    noEmit: true,
    ...options,
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  await run(process.execPath, [compilers[compiler], '-p', '.'], project);
}

test.each<[string, ...Parameters<typeof compile>]>([
  [
    'an ES module and CommonJS, with the oldest TypeScript',
    '5.0',
    ['page.mts', 'page.cts'],
    { module: 'node16', target: 'es2022' },
  ],
  ['an ES module and CommonJS, as Node 16 has them', 5, ['page.mts', 'page.cts'], { module: 'node16' }],
  ['an ES module and CommonJS, as Node 20 has them', 7, ['page.mts', 'page.cts'], { module: 'node20' }],
  ['CommonJS, by main and types alone', 5, ['page.ts'], { module: 'commonjs', moduleResolution: 'node10' }],
  ['what a bundler takes', 7, ['page.ts'], { module: 'esnext', moduleResolution: 'bundler' }],
])('a page compiles to %s, with TypeScript %s', (_, ...what) => compile(...what), 120_000);

// This needs a key for the type of `upstream<T>()` that is the same in both modules, which a unique symbol is not.
test('pages, entries and errors of a CommonJS library have the types that an ES module knows', async () => {
  await compile(7, ['mixed-app.mts'], { module: 'nodenext' });
});

test.each(['5.0', 5, 7] as const)(
  'upstreams have the types of an OpenAPI and a GraphQL document, with TypeScript %s',
  async (compiler) => {
    await compile(compiler, ['api.ts'], { module: 'node16', target: 'es2022' });
  },
  60_000,
);

const wrong = [
  "'/userz/{params.id}' is not a path of this API",
  "'land' is not a query parameter of GET /users/{id}",
  "'/users/{id}' has no PUT",
  "this document needs the variable 'id'",
  "this document needs the variable 'id'",
  "this document needs the variable 'id'",
  "this document has no variable 'frist'",
];

test.each(['5.0', 5, 7] as const)(
  'the first line of each error says what is wrong, with TypeScript %s',
  async (compiler) => {
    const failed = await compile(compiler, ['api-wrong.ts'], { module: 'node16', target: 'es2022' }).catch(String);
    const lines = String(failed).split('\n');
    const first = lines.filter((line) => /^api-wrong\.ts\(\d+,\d+\): error/.test(line));
    expect(first).toHaveLength(wrong.length);
    for (const [at, message] of wrong.entries()) expect(first[at]).toContain(message);
  },
  60_000,
);
