import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack, run, temporaryDirectory, unpack } from './package.js';

let project: string;

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
});

afterAll(() => rm(project, { recursive: true, force: true }));

const body = `
  const upstream = express().get('/slow', (_req, res) => res.json(['<b>']));
  const other = upstream.listen(0, '127.0.0.1', async () => {
    const mashup = createMashup();
    const page = mashup({ slow: { url: \`http://127.0.0.1:\${other.address().port}/slow\`, defer: true } });
    const app = express().get('/', page, (_req, res) => {
      const slow = late(res.locals.slow, { wait: 'wait', ok: (all, { status }) => html\`<i>\${all} \${status}</i>\` });
      send(res, html\`<body>\${slow}</body>\`);
    });
    const server = app.listen(0, '127.0.0.1', async () => {
      const text = await (await fetch(\`http://127.0.0.1:\${server.address().port}/\`)).text();
      console.log(JSON.stringify([text.replace(/<script>.*<.script>/, 'SCRIPT').replaceAll(/m[\\w-]{12}-/g, 'NAME'), fillerHash]));
      process.exit();
    });
  });
`;

test.each([
  [
    'import',
    'page.mjs',
    "import express from 'express';\nimport { createMashup } from 'express-mashup';\nimport { fillerHash, html, late, send } from 'express-mashup/html';",
  ],
  [
    'require',
    'page.cjs',
    "const express = require('express');\nconst { createMashup } = require('express-mashup');\nconst { fillerHash, html, late, send } = require('express-mashup/html');",
  ],
])(
  'express-mashup/html can be loaded by %s, and fills in a page',
  async (_how, file, head) => {
    await writeFile(join(project, file), head + body);
    const { stdout } = await run(process.execPath, [file], project, 20_000);
    const [text, hash] = JSON.parse(stdout) as [string, string];
    expect(text).toBe(
      '<body><?start name="NAME0">wait<?end>SCRIPT<template for="NAME0"><i>&lt;b&gt; success</i></template><wbr></body>',
    );
    expect(hash).toMatch(/^'sha256-.{44}'$/);
  },
  60_000,
);
