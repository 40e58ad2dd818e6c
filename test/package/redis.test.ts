import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack, run, temporaryDirectory, unpack } from './package.js';

let project: string;

// Without @redis/client, which is optional.
beforeAll(async () => {
  project = await temporaryDirectory();
  const inside = ['leven', 'p-limit', 'yocto-queue'];
  await unpack(project, await pack(project), ['axios', 'undici', 'lru-cache', 'express', ...inside]);
});

afterAll(() => rm(project, { recursive: true, force: true }));

const body = `
  const { EventEmitter } = require('node:events');
  class Client extends EventEmitter {
    status = 'ready';
    async callBuffer(command, ...args) { return command === 'GET' ? Buffer.from(args[0]) : null; }
    duplicate() { return new Client(); }
    async subscribe() {}
    disconnect() {}
  }
  (async () => {
    const own = redisStore({ client: new Client(), prefix: 'p:' });
    const value = String(await own.get('key'));
    const mashup = createMashup({ cache: { store: own } });
    await mashup.close();
    const missing = redisStore({ url: 'redis://127.0.0.1:1' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const why = await missing.get('key').catch((error) => error.message);
    await missing.close();
    const wrong = (() => { try { redisStore({}); } catch (error) { return error.code; } })();
    console.log(JSON.stringify({ value, why, wrong }));
  })();
`;

test.each([
  [
    'import',
    'client.mjs',
    "import { createRequire } from 'node:module';\nimport { createMashup } from 'express-mashup';\nimport { redisStore } from 'express-mashup/redis';\nconst require = createRequire(import.meta.url);",
  ],
  [
    'require',
    'client.cjs',
    "const { createMashup } = require('express-mashup');\nconst { redisStore } = require('express-mashup/redis');",
  ],
])(
  'express-mashup/redis can be loaded by %s without @redis/client, which a URL alone needs',
  async (_how, file, head) => {
    await writeFile(join(project, file), head + body);
    const { stdout } = await run(process.execPath, [file], project, 20_000);
    expect(JSON.parse(stdout)).toEqual({
      value: 'p:e:key',
      why: 'redisStore({ url }) needs a package: npm install @redis/client',
      wrong: 'ERR_MASHUP_CONFIG',
    });
  },
  60_000,
);
