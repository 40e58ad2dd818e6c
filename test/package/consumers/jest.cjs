'use strict';
const { once } = require('node:events');
const http = require('node:http');
const express = require('express');
const first = require('express-mashup');
jest.resetModules();
const second = require('express-mashup');

const servers = [];
let upstream;

async function listen(handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** The locals of a request that goes through these pages. */
async function localsOf(...pages) {
  const app = express().use(...pages, (_req, res) => res.json(res.locals));
  const response = await fetch(await listen(app), { headers: { connection: 'close' } });
  expect(response.status).toBe(200);
  return response.json();
}

beforeAll(async () => {
  upstream = await listen((req, res) => {
    res.setHeader('content-type', 'application/json').end(JSON.stringify({ url: req.url }));
  });
});

afterAll(() => {
  for (const server of servers) server.close();
});

test('a page is served', async () => {
  const locals = await localsOf(first.mashup({ a: `${upstream}/a`, b: `${upstream}/b?of={a.url}` }));
  expect(locals).toMatchObject({ a: { url: '/a' }, b: { url: '/b?of=%2Fa' }, mashup: { b: { status: 'success' } } });
});

test('an own instance serves one, and closes', async () => {
  const instance = first.createMashup();
  expect(await localsOf(instance({ a: `${upstream}/a` }))).toMatchObject({ a: { url: '/a' } });
  await instance.close();
});

test('the package that is loaded again has the same default instance, and the guards know the errors of both', async () => {
  expect(second.createMashup).not.toBe(first.createMashup);
  expect(second.mashup).toBe(first.mashup);
  const wrong = [first, second].map(({ createMashup }) => {
    try {
      return createMashup({ nothing: 1 });
    } catch (error) {
      return error;
    }
  });
  const failed = [first, second].map(async ({ multiGet }) => (await multiGet(['http://127.0.0.1:1/']))[0][2].error);
  for (const { isConfigError, isUpstreamError } of [first, second]) {
    expect(wrong.map(isConfigError)).toEqual([true, true]);
    expect((await Promise.all(failed)).map(isUpstreamError)).toEqual([true, true]);
  }
});
