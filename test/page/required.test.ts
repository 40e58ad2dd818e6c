import { type Backend, startBackend, startRawBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: a required upstream', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;

  test('that answers is like any other', async () => {
    backend.answer('/user', 'Ada');
    const { locals, error } = await site.visit({ user: { url: url('/user'), required: true } });
    expect(error).toBeNull();
    expect(locals['user']).toBe('Ada');
  });

  test('that fails ends the page at once, while others are still under way', async () => {
    const visit = site.visit({ user: { url: url('/user'), required: true }, news: url('/news') });
    const [user, news] = await Promise.all([backend.asked('/user'), backend.asked('/news')]);
    user.reply('no', { status: 500 });
    expect((await visit).error).toMatchObject({ code: 'ERR_UPSTREAM_STATUS', upstream: 'user' });
    await news.closed;
  });

  test('that fails makes the others end as canceled, and says why', async () => {
    const visit = site.visit({ news: url('/news'), user: { url: url('/user'), required: true } });
    const [user] = await Promise.all([backend.asked('/user'), backend.asked('/news')]);
    user.reply('no', { status: 500 });
    expect((await visit).locals.mashup['news']).toMatchObject({
      status: 'error',
      data: null,
      error: {
        code: 'ERR_UPSTREAM_CANCELED',
        message: expect.stringContaining("given up, for 'user' failed, which is required"),
      },
    });
  });

  test.each([
    ['', {}],
    [
      ' by what it is made into',
      { validateStatus: () => true, transformResponse: () => Promise.reject(new Error('no')) },
    ],
    [' through stages', { retry: true, breaker: true, hedge: 60_000 }],
  ])('that fails%s keeps what waits, for a slot or for another upstream, from being sent', async (_how, stages) => {
    const visit = site.visit(
      { user: { url: url('/user'), required: true, ...stages }, queued: url('/queued'), card: url('/cards/{user.id}') },
      { concurrency: 1 },
    );
    (await backend.asked('/user')).reply('no', { status: 500 });
    const { mashup } = (await visit).locals;
    expect(mashup).toMatchObject({
      queued: { error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 0 },
      card: { error: { code: 'ERR_UPSTREAM_CANCELED' }, attempts: 0 },
    });
    expect(backend.seen).toEqual(['/user']);
  });

  test('that fails leaves what has arrived as it is', async () => {
    backend.answer('/news', 'old');
    backend.answer('/user', 'no', { status: 500 });
    const { mashup } = (
      await site.visit({ news: url('/news'), user: { url: url('/user'), required: true, after: ['news'] } })
    ).locals;
    expect(mashup['news']).toMatchObject({ status: 'success', data: 'old' });
  });

  test('that fails asks for no fallback of the others', async () => {
    let asked = 0;
    const fallback = () => ++asked;
    const visit = site.visit({ user: { url: url('/user'), required: true }, news: { url: url('/news'), fallback } });
    const [user] = await Promise.all([backend.asked('/user'), backend.asked('/news')]);
    user.reply('no', { status: 500 });
    expect((await visit).locals.mashup['news']).toMatchObject({ status: 'error', data: null });
    expect(asked).toBe(0);
  });

  test('that is skipped has not failed', async () => {
    const { error, locals } = await site.visit({ user: { url: url('/user'), required: true, when: () => false } });
    expect(error).toBeNull();
    expect(locals.mashup['user']).toMatchObject({ status: 'skipped', data: null });
  });

  test.each([
    [404, 404],
    [410, 410],
    [401, 502],
    [500, 502],
    [503, 502],
  ])("that answers %i makes Express's own error handler answer %i", async (status, expected) => {
    backend.answer('/user', 'no', { status });
    const { response, error } = await site.visit({ user: { url: url('/user'), required: true } });
    expect(response.status).toBe(expected);
    expect(error).toMatchObject({ status: expected, statusCode: expected, upstreamStatus: status });
  });

  test('that is late makes it answer 504, by the timeout', async () => {
    const visit = site.visit({ user: { url: url('/user'), required: true, timeout: 100 } });
    await backend.asked('/user');
    site.clock.advance(100);
    const { response, error } = await visit;
    expect(response.status).toBe(504);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_TIMEOUT', upstreamStatus: null });
  });

  test('that is late makes it answer 504, by the deadline', async () => {
    const visit = site.visit({ news: url('/news'), user: { url: url('/user'), required: true } }, { deadline: 500 });
    await Promise.all([backend.asked('/user'), backend.asked('/news')]);
    site.clock.advance(500);
    const { response, error, locals } = await visit;
    expect(response.status).toBe(504);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_DEADLINE', upstream: 'user' });
    expect(locals.mashup).toMatchObject({ news: { error: { code: 'ERR_UPSTREAM_DEADLINE' } } });
  });

  test('that breaks off makes it answer 502', async () => {
    const origin = await startRawBackend((socket) => socket.once('data', () => socket.destroy()));
    const { response, error } = await site.visit({ user: { url: origin, required: true } });
    expect(response.status).toBe(502);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_NETWORK' });
  });

  test('that reads data of one that failed makes it answer 502', async () => {
    backend.answer('/user', 'no', { status: 404 });
    const { response, error } = await site.visit({
      user: url('/user'),
      card: { url: url('/cards/{user.id}'), required: true },
    });
    expect(response.status).toBe(502);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_DEPENDENCY', upstream: 'card' });
  });

  test('that the client gives no value for its URL makes it answer 400', async () => {
    const { response, error } = await site.visit({ user: { url: url('/users/{query.id}'), required: true } });
    expect(response.status).toBe(400);
    expect(error).toMatchObject({ code: 'ERR_UPSTREAM_URL' });
  });

  test('is, where two of them are late, named by the first in the order written', async () => {
    const required = true;
    const visit = site.visit({ b: { url: url('/b'), required }, a: { url: url('/a'), required } }, { deadline: 500 });
    await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(500);
    expect((await visit).error).toMatchObject({ upstream: 'b' });
  });

  test('does not hide the handler of errors that the app has', async () => {
    backend.answer('/user', 'no', { status: 404 });
    const { error } = await site.visit({ user: { url: url('/user'), required: true } });
    expect(error).toBeInstanceOf(Error);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'UpstreamError',
      code: 'ERR_UPSTREAM_STATUS',
      message: `upstream 'user': it answered 404 (GET ${url('/user')})`,
      upstream: 'user',
      url: url('/user'),
      upstreamStatus: 404,
      status: 404,
      attempts: 1,
    });
  });
});
