import { copyFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pack, root, run, temporaryDirectory, unpack } from './package.js';

const { resolve } = createRequire(import.meta.url);
const consumers = join(root, 'test/package/consumers');

let project: string;

beforeAll(async () => {
  project = await temporaryDirectory();
  const inside = ['leven', 'p-limit', 'yocto-queue'];
  await unpack(project, await pack(project), ['axios', 'undici', 'lru-cache', 'express', '@types', ...inside]);
});

afterAll(() => rm(project, { recursive: true, force: true }));

test('node:test, with its own timers, uses the package by import and by require, and one with the other', async () => {
  await copyFile(join(consumers, 'testing.mjs'), join(project, 'testing.mjs'));
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', 'testing.mjs'], project, 60_000);
  expect(stdout).toMatch(/^# pass 3$/m);
});

test("Jest's default configuration, with its own timers, uses the package", async () => {
  await copyFile(join(consumers, 'testing.cjs'), join(project, 'testing.test.js'));
  const { stderr } = await run(process.execPath, [resolve('jest/bin/jest'), 'testing.test.js'], project, 60_000);
  expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
});

test('TypeScript knows the mocks, and `using`, without skipLibCheck being needed for its types', async () => {
  const code = `
    import { mashup } from 'express-mashup';
    import { everyFault, mockUpstreams } from 'express-mashup/testing';
    using upstreams = mockUpstreams(mashup, { user: { id: 1 }, stock: [{ status: 503 }, { body: 7 }] });
    const method: string | undefined = upstreams.calls.user[0]?.method;
    // @ts-expect-error no such mock
    upstreams.calls.usr;
    export { everyFault, method };
  `;
  await writeFile(join(project, 'typed.mts'), code);
  await writeFile(join(project, 'typed.cts'), code);
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
  };
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...compilerOptions, strict: true, noEmit: true },
      files: ['typed.mts', 'typed.cts'],
    }),
  );
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await expect(run(process.execPath, [compiler, '-p', project], project, 60_000)).resolves.toMatchObject({
    stdout: '',
  });
});
