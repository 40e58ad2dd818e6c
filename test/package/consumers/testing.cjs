const { createMashup } = require('express-mashup');
const { everyFault, mockUpstreams } = require('express-mashup/testing');
const express = require('express');

const url = 'https://a.example.test/';

test('fake timers of Jest', async () => {
  jest.useFakeTimers();
  const mashup = createMashup();
  const upstreams = mockUpstreams(mashup, { a: { delay: 5000, body: 1 } });
  const running = mashup({ a: { url, timeout: 9000 } }, { deadline: 9000 }).run();
  await jest.advanceTimersByTimeAsync(5001);
  expect((await running).data).toEqual({ a: 1 });
  upstreams.done();
  jest.useRealTimers();
});

test('everyFault', async () => {
  const mashup = createMashup();
  const upstreams = mockUpstreams(mashup, { a: { id: 1 } });
  const app = express().get('/', mashup({ a: url }), (_req, res) => res.json({}));
  expect((await everyFault(app, '/')).unanswered).toEqual([]);
  upstreams.done();
});
