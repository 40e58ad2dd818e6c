import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { listen, originOf } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';

const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const describeBuilt = existsSync(built) ? describe : describe.skip;

afterEach(closeAll);

/** An upstream that would keep an idle connection open for longer than any test. */
async function startPatientUpstream(): Promise<string> {
  const server = createServer((_req, res) => res.setHeader('content-type', 'application/json').end('"here"'));
  server.keepAliveTimeout = 600_000;
  return originOf(await listen(server));
}

/** A program with a page, which is asked for once; then its server is closed, and `after` is run. */
const program = (mashup: string, after: string) => `
  import { get } from 'node:http';
  import { createRequire } from 'node:module';
  import { createMashup, mashup, multiGet } from ${JSON.stringify(built)};
  const require = createRequire(${JSON.stringify(built)});
  const express = require('express');
  const axios = require('axios');
  const instance = ${mashup};
  const app = express();
  app.get('/', instance({ it: process.argv[1] }), (_req, res) => res.json(res.locals.it));
  const server = app.listen(0, '127.0.0.1', () => {
    get({ port: server.address().port, agent: false }, (response) => {
      response.on('data', (data) => process.stdout.write(data));
      response.on('end', async () => {
        server.close();
        ${after}
      });
    });
  });`;

/** Runs a program until it ends by itself. */
async function runToItsEnd(source: string): Promise<{ output: string; code: unknown; signal: unknown }> {
  const args = ['--input-type=module', '--eval', source, `${await startPatientUpstream()}/`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  closeLater(() => child.kill());
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { output, code, signal };
}

describeBuilt('a process with a page ends by itself', () => {
  test.each([
    ['an instance that is closed', 'createMashup()', 'await instance.close();'],
    ['an instance that is closed by one who does not wait for it', 'createMashup()', 'instance.close();'],
    ['an instance that is not closed, once it is idle', 'createMashup()', ''],
    ['the default instance, once it is idle', 'mashup', ''],
    ['the default instance that is closed', 'mashup', 'await mashup.close();'],
    ['an axios instance, once it is idle', 'createMashup({ axios: axios.create() })', ''],
    ['multiGet besides', 'mashup', 'await multiGet([process.argv[1]]);'],
  ])('with %s', async (_, mashup, after) => {
    expect(await runToItsEnd(program(mashup, after))).toEqual({ output: '"here"', code: 0, signal: null });
  });
});
