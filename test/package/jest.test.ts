import { copyFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pack, root, run, temporaryDirectory, unpack } from './package.js';

const { resolve } = createRequire(import.meta.url);
const consumers = join(root, 'test/package/consumers');

let project: string;

// What the CommonJS build has inside is not in the project.
beforeAll(async () => {
  project = await temporaryDirectory();
  await unpack(project, await pack(project), ['axios', 'undici', 'lru-cache', 'express']);
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** A Jest of the project's own. It rejects with all that Jest has printed if a test fails, or if Jest does not end. */
function runJest(...args: string[]) {
  return run(process.execPath, [resolve('jest/bin/jest'), ...args], project, 60_000);
}

test("Jest's default configuration, which knows CommonJS alone, loads the package and serves pages", async () => {
  await copyFile(join(consumers, 'jest.cjs'), join(project, 'page.test.js'));
  const { stderr } = await runJest('page.test.js');
  expect(stderr).toMatch(/^Tests: +3 passed, 3 total$/m);
});

test('so does a Jest that compiles TypeScript to CommonJS', async () => {
  await copyFile(join(consumers, 'jest.ts'), join(project, 'typed.test.ts'));
  const compiler = [resolve('@swc/jest'), { module: { type: 'commonjs' }, jsc: { parser: { syntax: 'typescript' } } }];
  const { stderr } = await runJest('typed.test.ts', '--transform', JSON.stringify({ '\\.ts$': compiler }));
  expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
});
