import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mock, test } from 'node:test';
import express from 'express';
import * as modules from 'express-mashup';
import * as testing from 'express-mashup/testing';

const require = createRequire(import.meta.url);
const commonJS = { ...require('express-mashup'), ...require('express-mashup/testing') };
const url = 'https://a.example.test/';

test('each module mocks the default instance, and instances that the other made', async () => {
  const sides = [{ ...modules, ...testing }, commonJS];
  for (const { mockUpstreams } of sides) {
    for (const { mashup, createMashup } of sides) {
      for (const [instance, args] of [[mashup, []], ...[createMashup()].map((own) => [own, [own]])]) {
        const upstreams = mockUpstreams(...args, { a: [{ error: 'ERR_UPSTREAM_TIMEOUT' }, { id: 1 }] });
        const page = instance({ a: { url, retry: 1 } });
        const { outcomes } = await page.run();
        assert.equal(outcomes.a.error?.code ?? outcomes.a.data.id, 1);
        await assert.rejects(instance({ b: url }).run(), /'b' is not mocked/);
        assert.throws(() => upstreams.done(), /'b' is not mocked/);
      }
    }
  }
});

test('timers of node:test move a deadline, a back-off and the mocks', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const upstreams = testing.mockUpstreams({ a: { stall: true }, b: [{ status: 503 }, { delay: 1000, body: 1 }] });
  const running = modules.mashup({ a: url, b: { url, retry: { backoff: 500 } } }, { deadline: 20_000 }).run();
  for (let ms = 0; ms < 20_000; ms += 500) {
    mock.timers.tick(500);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  }
  const { outcomes } = await running;
  assert.equal(outcomes.a.error.code, 'ERR_UPSTREAM_DEADLINE');
  assert.equal(outcomes.b.data, 1);
  mock.timers.reset();
  upstreams.done();
});

test('everyFault breaks each upstream in each way', async () => {
  const upstreams = testing.mockUpstreams({ a: 1, b: 2 });
  const app = express().get('/', modules.mashup({ a: url, b: url }), (_req, res) => res.json({}));
  const { visits, unanswered } = await testing.everyFault(app, '/');
  assert.deepEqual(unanswered, []);
  assert.deepEqual([...new Set(visits.map(({ upstream }) => upstream))], ['a']);
  upstreams.done();
});
