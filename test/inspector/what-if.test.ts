import { createServer, request } from 'node:http';
import express, { type RequestHandler } from 'express';
import type { Outcome } from '../../src/index.js';
import { inspector } from '../../src/inspector/index.js';
import { Reader } from '../html/reader.js';
import { type Backend, listen, originOf, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';

let backend: Backend;
let clock: ManualClock;
beforeEach(async () => {
  backend = await startBackend();
  backend.answer('/a', { id: 7 });
  backend.answer('/b', { id: 8 });
  clock = new ManualClock();
});
afterEach(closeAll);

async function open(whatIf = true, before: RequestHandler[] = [], parts = {}): Promise<string> {
  const mashup = mashupWith(parts);
  closeLater(() => mashup.close());
  const url = (path: string) => backend.origin + path;
  const page = mashup({ a: url('/a'), b: url('/b'), again: { url: url('/a'), retry: { backoff: 0.001 } } });
  const one = inspector({ instance: mashup, whatIf });
  closeLater(() => one.close());
  const app = express();
  for (const middleware of before) app.use(middleware);
  app.use('/_mashup', one);
  app.get('/', page as unknown as RequestHandler, (_req, res) => void res.json(res.locals['mashup']));
  return originOf(await listen(createServer(app)));
}

/** Sends the form; the cookie, or the status where there is none. */
function change(origin: string, form: string, headers: Record<string, string> = { origin }): Promise<string | number> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    request(
      `${origin}/_mashup/what-if`,
      { method: 'POST', agent: false, headers: { ...type, ...headers } },
      (response) => {
        response.resume();
        const [cookie] = response.headers['set-cookie'] ?? [];
        resolve(cookie ?? response.statusCode ?? 0);
      },
    )
      .on('error', reject)
      .end(form);
  });
}

async function outcomesOf(origin: string, cookie = ''): Promise<Record<string, Outcome>> {
  const reader = await new Reader(origin, { headers: { cookie } }).ended();
  return JSON.parse(reader.text);
}

const codes = (outcomes: Record<string, Outcome>) =>
  Object.fromEntries(Object.values(outcomes).map(({ name, error, status }) => [name, error?.code ?? status]));

test.each([
  ['503', 'ERR_UPSTREAM_STATUS'],
  ['drop', 'ERR_UPSTREAM_NETWORK'],
  ['json', 'ERR_UPSTREAM_BODY'],
])('an upstream can be made sick for one browser: %s', async (way, code) => {
  const origin = await open();
  const cookie = String(await change(origin, `a=${way}&b=&again=${way}&c=${way}&x=evil`));
  expect(cookie).toBe(`mashup-what-if=a=${way}.again=${way}.c=${way}; Path=/; HttpOnly; SameSite=Strict`);
  const mine = cookie.split(';')[0] ?? '';
  expect(codes(await outcomesOf(origin, `other=1; ${mine}`))).toEqual({ a: code, b: 'success', again: code });
  expect(codes(await outcomesOf(origin))).toEqual({ a: 'success', b: 'success', again: 'success' });
});

test('an upstream can be made slow for one browser', async () => {
  const origin = await open(true, [], { clock });
  const slow = outcomesOf(origin, 'mashup-what-if=a=slow');
  for (let turn = 0; turn < 50; turn++) await settled();
  clock.advance(1999);
  for (let turn = 0; turn < 50; turn++) await settled();
  clock.advance(1);
  const { a, b } = await slow;
  expect(codes({ a: a as Outcome, b: b as Outcome })).toEqual({ a: 'ERR_UPSTREAM_DEADLINE', b: 'success' });
});

test('the run page has the form, with what is on', async () => {
  const origin = await open();
  await outcomesOf(origin, 'mashup-what-if=a=503');
  const { text, headers } = await new Reader(`${origin}/_mashup/runs/1`, {
    headers: { cookie: 'mashup-what-if=a=503' },
  }).ended();
  expect(headers['content-security-policy']).toContain("form-action 'self'");
  expect(text).toMatch(/<select name="a">.*<option value="503" selected="true">answers 503/);
  const list = await new Reader(`${origin}/_mashup/`, { headers: { cookie: 'mashup-what-if=a=503' } }).ended();
  expect(list.text).toContain('Made sick for this browser: a answers 503');
});

test('it is not for other sites, nor where it is off, nor in production', async () => {
  const origin = await open();
  expect(await change(origin, 'a=503', {})).toBe(404);
  expect(await change(origin, 'a=503', { origin: 'http://evil.example.com' })).toBe(404);
  expect(await change(origin, 'a=503', { origin: 'null' })).toBe(404);
  const off = await open(false);
  expect(await change(off, 'a=503')).toBe(404);
  expect(codes(await outcomesOf(off, 'mashup-what-if=a=503'))['a']).toBe('success');
  const environment = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  try {
    const production = await open();
    expect(await change(production, 'a=503')).toBe(404);
    expect(codes(await outcomesOf(production, 'mashup-what-if=a=503'))['a']).toBe('success');
  } finally {
    process.env['NODE_ENV'] = environment;
  }
});

test.each([
  'mashup-what-if=',
  'mashup-what-if=a',
  'mashup-what-if=%',
  'mashup-what-if=a=__proto__',
  'mashup-what-if=__proto__=503',
  ';;;=',
  `mashup-what-if=${'z=503.'.repeat(500)}`,
])('a strange cookie changes nothing: %s', async (cookie) => {
  expect(codes(await outcomesOf(await open(), cookie))).toEqual({ a: 'success', b: 'success', again: 'success' });
});

test('a form that somebody else has read, and a large one, are taken', async () => {
  const origin = await open(true, [express.urlencoded({ extended: false })]);
  expect(await change(origin, 'a=503')).toContain('a=503;');
  expect(await change(await open(), `a=503&${'x'.repeat(10_000)}`).catch(() => 'cut')).toMatch(/a=503;|cut/);
  expect(await change(origin, 'a=')).toContain('Max-Age=0');
});
