import { once } from 'node:events';
import { copyFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pack, readManifest, root, run, temporaryDirectory, unpack } from './package.js';

let project: string;
let upstream: http.Server;
let seen: Record<string, unknown>;

beforeAll(async () => {
  project = await temporaryDirectory();
  await unpack(project, await pack(project), [
    'axios',
    'undici',
    'lru-cache',
    'express',
    'leven',
    'p-limit',
    'yocto-queue',
  ]);
  const installed = join(project, 'node_modules/express-mashup');
  await cp(installed, join(project, 'node_modules/nested-mashup'), { recursive: true });
  await cp(installed, join(project, 'node_modules/other-mashup'), { recursive: true });
  const dist = join(project, 'node_modules/other-mashup/dist');
  const { version } = await readManifest();
  for (const file of (await readdir(dist)).filter((name) => name.endsWith('.cjs'))) {
    const code = join(dist, file);
    await writeFile(code, (await readFile(code, 'utf8')).replace(`"${version}"`, '"999.0.0"'));
  }

  upstream = http.createServer((req, res) => {
    res.setHeader('content-type', 'application/json').end(JSON.stringify(req.url));
  });
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  await copyFile(join(root, 'test/package/consumers/copies.mjs'), join(project, 'copies.mjs'));
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const { stdout } = await run(process.execPath, ['copies.mjs', origin], project, 20_000);
  seen = JSON.parse(stdout);
});

afterAll(async () => {
  upstream.close().closeAllConnections();
  await rm(project, { recursive: true, force: true });
});

test('the ES module, the CommonJS module and a second folder of one version have one default instance', () => {
  expect(seen['codeIsShared']).toBe(false);
  expect(seen['default']).toMatchObject({ modules: true, commonJS: true, nested: true });
});

test('another version has a default instance of its own', () => {
  expect(seen['versionIsTheKey']).toBe(true);
  expect(seen['default']).toMatchObject({ other: false });
});

test('the guards of every copy know the errors of every other', () => {
  expect(seen['guards']).toEqual([true]);
});

test('pages that are made through the ES module and the CommonJS module both attach to one request', () => {
  expect(seen['defaultPages']).toEqual({ u0: '/0', u1: '/1', mashup: ['u0', 'u1'] });
});

test("multiGet of the CommonJS module uses the default instance, which the ES module's stats() show", () => {
  expect(seen['multiGetIsCounted']).toBe(true);
});

// These need marks of the global symbol registry on what `res.locals.mashup` and `res.locals[into]` are.
describe('instances that several copies made', () => {
  test('attach their outcomes to one request', () => {
    expect(seen['ownPages']).toEqual({ u0: '/0', u1: '/1', u2: '/2', u3: '/3', mashup: ['u0', 'u1', 'u2', 'u3'] });
  });

  test('attach their data to one `into`', () => {
    const page = { u0: '/0', u1: '/1', u2: '/2', u3: '/3' };
    expect(seen['ownPagesInto']).toEqual({ page, mashup: ['u0', 'u1', 'u2', 'u3'] });
  });
});
