import { inspect } from 'node:util';
import { isUpstreamError } from '../../src/errors.js';
import type { Outcome } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

const keys = ['name', 'status', 'data', 'error', 'source', 'cache', 'response', 'attempts', 'timings'];

describe.each(expresses)('%s: an outcome', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  test('of a success', async () => {
    const visit = site.visit({ user: `${backend.origin}/user` });
    const asked = await backend.asked('/user');
    site.clock.advance(40);
    asked.reply({ id: 7 }, { headers: { etag: '"a"', 'set-cookie': ['a=1', 'b=2'] } });
    const outcome = (await visit).locals.mashup['user'];
    expect(Object.keys(outcome ?? {})).toEqual(keys);
    expect(outcome).toMatchObject({
      name: 'user',
      status: 'success',
      data: { id: 7 },
      error: null,
      source: 'network',
      attempts: 1,
      timings: { ready: 0, started: 0, firstByte: 40, ended: 40 },
    });
    expect(outcome?.response).toMatchObject({
      status: 200,
      headers: { etag: '"a"', 'set-cookie': ['a=1', 'b=2'], 'content-type': 'application/json' },
      url: `${backend.origin}/user`,
    });
  });

  test('of an answer that is no success', async () => {
    backend.answer('/user', 'gone', { status: 410, headers: { 'x-reason': 'deleted' } });
    const outcome = (await site.visit({ user: `${backend.origin}/user` })).locals.mashup['user'];
    expect(Object.keys(outcome ?? {})).toEqual(keys);
    expect(outcome).toMatchObject({ name: 'user', status: 'error', data: null, source: null, attempts: 1 });
    expect(outcome?.response).toMatchObject({ status: 410, headers: { 'x-reason': 'deleted' } });
    expect(isUpstreamError(outcome?.error)).toBe(true);
    expect(outcome?.error).toMatchObject({
      code: 'ERR_UPSTREAM_STATUS',
      upstream: 'user',
      url: `${backend.origin}/user`,
      upstreamStatus: 410,
      status: 410,
      statusCode: 410,
      attempts: 1,
      message: `upstream 'user': it answered 410 (GET ${backend.origin}/user)`,
    });
  });

  test('of a call that was never sent', async () => {
    const { locals } = await site.visit({ user: `${backend.origin}/users/{locals.nobody}` });
    expect(Object.keys(locals.mashup['user'] ?? {})).toEqual(keys);
    expect(locals.mashup).toMatchObject({
      user: {
        status: 'error',
        data: null,
        error: { code: 'ERR_UPSTREAM_URL', url: null, upstreamStatus: null, attempts: 0, status: 502 },
        source: null,
        response: null,
        attempts: 0,
        timings: { ready: 0, started: null, firstByte: null, ended: 0 },
      },
    });
  });

  test('of a call that began when another had ended', async () => {
    const visit = site.visit({ user: `${backend.origin}/user`, card: `${backend.origin}/cards/{user.id}` });
    const user = await backend.asked('/user');
    site.clock.advance(30);
    user.reply({ id: 7 });
    const card = await backend.asked('/cards/7');
    site.clock.advance(20);
    card.reply('ace');
    const { timings } = (await visit).locals.mashup['card'] ?? {};
    expect(timings).toEqual({ ready: 30, started: 30, firstByte: 50, ended: 50 });
  });

  test('is what JSON and the console show of it', async () => {
    backend.answer('/user', 1);
    const outcome = (await site.visit({ user: `${backend.origin}/user` })).locals.mashup['user'];
    const shown = JSON.parse(JSON.stringify(outcome));
    expect(Object.keys(shown)).toEqual(keys);
    expect(shown.response).toMatchObject({ status: 200, url: `${backend.origin}/user` });
    expect(inspect(outcome)).toContain(`${backend.origin}/user`);
  });
});

describe.each(expresses)('%s: what is shown of a page', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  const secrets = /hush/i;
  const sent = () => ({
    headers: { 'x-api-key': 'hush-key', authorization: 'Bearer hush-token' },
    params: { token: 'hush-param' },
  });
  const literal = () => `${backend.origin}/data?key=hush-literal`;

  async function show(name: string, upstream: object): Promise<{ text: string; seen: string }> {
    const { locals } = await site.visit({ [name]: upstream as { url: string } });
    const outcome = locals.mashup[name];
    return {
      text: `${JSON.stringify(outcome)} ${outcome?.error?.message} ${String(outcome?.error)}`,
      seen: backend.seen.join(' '),
    };
  }

  test('holds no header, no query value and no credentials of a success', async () => {
    backend.answer('/data?key=hush-literal&token=hush-param', 1);
    const { headers, params } = sent();
    const { text } = await show('data', { url: literal(), headers, params });
    expect(text).toContain('"status":"success"');
    expect(text).toContain('/data?key=…&token=…');
    expect(text).not.toMatch(secrets);
  });

  test('holds none of a failed answer', async () => {
    backend.answer('/data?key=hush-literal&token=hush-param', 'no', { status: 401 });
    const { text, seen } = await show('data', { url: literal(), ...sent() });
    expect(seen).toContain('hush-param');
    expect(text).toContain('ERR_UPSTREAM_STATUS');
    expect(text).not.toMatch(secrets);
  });

  test('holds no basic credentials, in no encoding', async () => {
    backend.answer('/data', 'no', { status: 403 });
    const auth = { username: 'hush-user', password: 'hush-password' };
    const { text } = await show('data', { url: `${backend.origin}/data`, auth });
    expect(text).toContain('ERR_UPSTREAM_STATUS');
    expect(text).not.toMatch(secrets);
    expect(text).not.toContain(Buffer.from('hush-user:hush-password').toString('base64'));
  });

  test.each([
    ['credentials', 'http://hush:hush@127.0.0.1/'],
    ['a scheme that is not of the web', 'ftp://127.0.0.1/?key=hush'],
    ['an origin that is not allowed', 'http://localhost:1/?key=hush'],
  ])('holds nothing of a URL with %s, that a function gave', async (_what, url) => {
    const { text } = await show('data', { url: () => url, origins: [backend.origin] });
    expect(text).toMatch(/ERR_UPSTREAM_(URL|BLOCKED)/);
    expect(text).not.toMatch(secrets);
  });

  test.each([
    ['headers', { headers: () => ({ 'x-key': 'hush\n' }) }],
    ['data', { method: 'POST', data: () => ({ hush: 1n }) }],
    ['params', { params: () => 'hush' }],
  ])('holds nothing of %s that cannot be sent', async (_what, options) => {
    const { text, seen } = await show('data', { url: `${backend.origin}/data`, ...options });
    expect(seen).toBe('');
    expect(text).toContain('ERR_UPSTREAM_HOOK');
    expect(text).not.toMatch(secrets);
  });
});

describe('the response of an outcome is plain data', () => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite();
  });
  afterEach(closeAll);

  async function responseOf() {
    backend.answer('/a', 1);
    const { locals } = await site.visit({ a: `${backend.origin}/a` });
    return locals.mashup['a']?.response as NonNullable<Outcome['response']>;
  }

  test('with properties of its own, as Handlebars wants them', async () => {
    const response = await responseOf();
    expect(Object.keys(response)).toEqual(['status', 'headers', 'url']);
    expect(Object.hasOwn(response, 'headers')).toBe(true);
    expect(response).toEqual({
      status: 200,
      headers: expect.objectContaining({ connection: 'keep-alive' }),
      url: `${backend.origin}/a`,
    });
  });

  test('that structuredClone and JSON keep', async () => {
    const response = await responseOf();
    const { headers } = response;
    expect(structuredClone(response)).toEqual({ status: 200, headers, url: response.url });
    expect(JSON.parse(JSON.stringify(response))).toEqual({ status: 200, headers, url: response.url });
  });

  test('that can be read through a proxy, as Vue makes them, and written to', async () => {
    const response = await responseOf();
    const proxy = new Proxy(response, {});
    expect(proxy.headers).toBe(response.headers);
    response.headers = { a: 'b' };
    expect(response.headers).toEqual({ a: 'b' });
  });

  test('that is printed whole', async () => {
    expect(inspect(await responseOf())).toMatch(/status: 200,\n\s+headers: .*connection: 'keep-alive'/s);
  });
});
