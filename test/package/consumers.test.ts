import { once } from 'node:events';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { install, pack, readManifest, root, run, type Tarball, temporaryDirectory } from './package.js';

// Far longer than a consumer may take: one that an idle connection keeps alive is noticed.
const keepAliveTimeout = 60_000;
const consumerLimit = 20_000;
// For npm, where nothing is in its cache yet.
const installLimit = 180_000;

const consumers = join(root, 'test/package/consumers');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

const compilerOptions = {
  target: 'es2023',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
};

let directory: string;
let tarball: Tarball;
let upstreams: http.Server[];

beforeAll(async () => {
  directory = await temporaryDirectory();
  tarball = await pack(directory);
  upstreams = await Promise.all([
    startUpstream((url) => (url === '/users/7' ? { name: 'Ada', account: 'a7' } : null)),
    startUpstream((url) => (url === '/orders?account=a7' ? [1, 2] : null)),
  ]);
}, installLimit);

afterAll(async () => {
  for (const server of upstreams) server.close().closeAllConnections();
  await rm(directory, { recursive: true, force: true });
});

describe.each([
  { express: 'express4', types: '@types/express@^4.17', whole: false },
  { express: 'express', types: '@types/express@^5', whole: true }, // with its optional peers, where it has any
])('installed from its tarball beside $express', ({ express, types, whole }) => {
  let project: string;

  beforeAll(async () => {
    project = join(directory, express);
    const { peerDependencies = {} } = await readManifest();
    const optional = Object.keys(peerDependencies).filter((name) => name !== 'express');
    const specs = [
      `express@${await installedVersion(express)}`,
      types,
      `@types/node@${await installedVersion('@types/node')}`,
    ];
    await install(project, tarball, whole ? [...specs, ...optional] : specs);
    for (const name of ['page.cjs', 'page.mjs']) await copyFile(join(consumers, name), join(project, name));
    // One source for both module systems: what it is compiled to depends on its name.
    for (const name of ['typed.mts', 'typed.cts']) await copyFile(join(consumers, 'page.ts'), join(project, name));
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts', '*.cts'] }));
  }, installLimit);

  /** Runs a consumer, which prints its pages and must then end although the upstreams keep its connections open. */
  async function pageOf(file: string): Promise<unknown> {
    const origins = upstreams.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { stdout, stderr } = await run(process.execPath, [file, ...origins], project, consumerLimit);
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  const page = { user: { name: 'Ada', account: 'a7' }, orders: [1, 2] };

  test.each(['page.cjs', 'page.mjs'])('%s serves its pages and ends', async (file) => {
    expect(await pageOf(file)).toEqual([page, page]);
  });

  test('TypeScript compiles to both module systems, the types of the libraries checked, and runs', async () => {
    await run(process.execPath, [tsc, '-p', '.'], project);
    expect(await pageOf('typed.mjs')).toEqual([page, page]);
    expect(await pageOf('typed.cjs')).toEqual([page, page]);
  });

  test('the command prints the version', async () => {
    const { version } = await readManifest();
    const { stdout, stderr } = await run(join(project, 'node_modules/.bin/express-mashup'), ['--version'], project);
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: version, stderr: '' });
  });

  if (!whole) return;

  test('every entry can be imported and required', async () => {
    const entries = Object.entries((await readManifest()).exports).filter(([, target]) => typeof target === 'object');
    const names = entries.map(([subpath]) => `express-mashup${subpath.slice(1)}`);
    await writeFile(join(project, 'entries.mjs'), names.map((name) => `import '${name}';`).join('\n'));
    await run(process.execPath, ['entries.mjs'], project);
    await writeFile(join(project, 'entries.cjs'), names.map((name) => `require('${name}');`).join('\n'));
    await run(process.execPath, ['entries.cjs'], project);
  });
});

async function installedVersion(name: string): Promise<string> {
  return (await readManifest(join(root, 'node_modules', name))).version;
}

async function startUpstream(answer: (url: string) => unknown): Promise<http.Server> {
  const server = http.createServer({ keepAliveTimeout }, (req, res) => {
    const data = answer(req.url ?? '');
    res.writeHead(data === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
