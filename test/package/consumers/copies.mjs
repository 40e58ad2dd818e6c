// Loads the package several times in one process, and prints what the copies have in common.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import express from 'express';
import * as modules from 'express-mashup';

const require = createRequire(import.meta.url);
const commonJS = require('express-mashup');
const nested = require('nested-mashup'); // the same version, in another folder
const other = require('other-mashup'); // another version
const { version } = require('express-mashup/package.json');
const copies = { modules, commonJS, nested, other };

const [upstream] = process.argv.slice(2);

/** The locals of a request that goes through these pages, or the error that it ended with. */
async function localsOf(...pages) {
  const app = express().use(...pages, (_req, res) => res.json(res.locals));
  app.use((error, _req, res, _next) => res.json({ error: error.message }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${server.address().port}`, { headers: { connection: 'close' } });
  server.close();
  const { mashup, ...rest } = await response.json();
  return mashup === undefined ? rest : { ...rest, mashup: Object.keys(mashup) };
}

/** Whether each copy's guards know each copy's errors. */
async function guards() {
  const all = Object.values(copies);
  const known = [];
  for (const { createMashup, multiGet } of all) {
    const [[, , { error: failed }]] = await multiGet(['http://127.0.0.1:1/']);
    for (const { isUpstreamError } of all) known.push(isUpstreamError(failed));
    try {
      createMashup({ nothing: 1 });
    } catch (wrong) {
      for (const { isConfigError } of all) known.push(isConfigError(wrong));
    }
  }
  return known;
}

/** Pages of these instances, one after the other on one request. */
const pages = (instances, options) =>
  instances.map((instance, at) => instance({ [`u${at}`]: `${upstream}/${at}` }, options));

await commonJS.multiGet([upstream]);
const multiGetIsCounted = upstream in modules.mashup.stats().origins;
const own = Object.values(copies).map(({ createMashup }) => createMashup());

console.log(
  JSON.stringify({
    versionIsTheKey: Symbol.for(`express-mashup.default@${version}`) in globalThis,
    codeIsShared: commonJS.createMashup === modules.createMashup,
    default: Object.fromEntries(Object.entries(copies).map(([name, copy]) => [name, copy.mashup === modules.mashup])),
    guards: [...new Set(await guards())],
    defaultPages: await localsOf(...pages([modules.mashup, commonJS.mashup])),
    ownPages: await localsOf(...pages(own)),
    ownPagesInto: await localsOf(...pages(own, { into: 'page' })),
    multiGetIsCounted,
  }),
);
