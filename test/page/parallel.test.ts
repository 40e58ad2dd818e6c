import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import request from 'supertest';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

type Render = (path: string, options: object, done: (error: unknown, text?: string) => void) => void;

/** A view engine that fills in `{path.of.data}`. */
const tinyEngine: Render = (path, options, done) => {
  const read = (data: unknown, key: string) => (data as Record<string, unknown>)[key];
  done(
    null,
    readFileSync(path, 'utf8').replace(/\{([\w.]+)\}/g, (_, keys: string) =>
      String(keys.split('.').reduce(read, options)),
    ),
  );
};

describe.each(expresses)('%s: a flat page', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
  });
  afterEach(closeAll);

  test('asks all upstreams before any of them has answered', async () => {
    const names = ['one', 'two', 'three', 'four', 'five'];
    const visit = site.visit(Object.fromEntries(names.map((name) => [name, `${backend.origin}/${name}`])));
    const asked = await Promise.all(names.map((name) => backend.asked(`/${name}`)));
    expect(backend.inFlight).toBe(5);
    for (const each of asked) each.reply(each.url);
    expect((await visit).locals).toMatchObject({ one: '/one', five: '/five' });
  });

  test('puts the data in res.locals, by the names of the map', async () => {
    backend.answer('/user', { id: 7, name: 'Ada' });
    backend.answer('/orders', [1, 2]);
    const { locals } = await site.visit({
      user: { url: `${backend.origin}/user` },
      orders: `${backend.origin}/orders`,
    });
    expect(locals['user']).toEqual({ id: 7, name: 'Ada' });
    expect(locals['orders']).toEqual([1, 2]);
    expect(Object.keys(locals).sort()).toEqual(['mashup', 'orders', 'user']);
  });

  test('has the data and the outcomes in its view', async () => {
    backend.answer('/user', { name: 'Ada' });
    backend.answer('/weather', { city: 'Oslo' });
    site.app.engine('txt', tinyEngine);
    site.app.set('views', fileURLToPath(new URL('views', import.meta.url)));
    site.app.get(
      '/dashboard',
      site.mashup({ user: `${backend.origin}/user`, weather: `${backend.origin}/weather` }),
      (_req, res) => res.render('dashboard.txt'),
    );
    const response = await request(site.origin).get('/dashboard');
    expect(response.text).toBe('Ada in Oslo, success\n');
  });

  test('lists data and outcomes in the order written, whatever order they come in', async () => {
    const names = ['c', 'a', 'b'];
    const visit = site.visit(Object.fromEntries(names.map((name) => [name, `${backend.origin}/${name}`])));
    for (const name of ['b', 'a', 'c']) (await backend.asked(`/${name}`)).reply(name);
    const { locals } = await visit;
    expect(Object.keys(locals.mashup)).toEqual(names);
    expect(Object.keys(locals).filter((name) => name !== 'mashup')).toEqual(names);
  });

  test('gives null, and an outcome that says why, for an upstream that failed', async () => {
    backend.answer('/good', 1);
    backend.answer('/bad', 'no', { status: 500 });
    const { locals, response } = await site.visit({ good: `${backend.origin}/good`, bad: `${backend.origin}/bad` });
    expect(response.status).toBe(200);
    expect(locals).toMatchObject({ good: 1, bad: null });
    expect(locals.mashup['bad']).toMatchObject({ status: 'error', error: { code: 'ERR_UPSTREAM_STATUS' } });
  });

  test("fills its URLs from the client's request", async () => {
    backend.answer('/users/7?city=Oslo', 'found');
    const { locals } = await site.visit(
      { user: `${backend.origin}/users/{params.id}{?query.city}` },
      {},
      '7?city=Oslo',
    );
    expect(locals['user']).toBe('found');
  });

  test('fills its URLs from what earlier middleware left in res.locals', async () => {
    backend.answer('/tenants/acme', 'found');
    const tenant: RequestHandler = (_req, res, next) => {
      res.locals['tenant'] = 'acme';
      next();
    };
    site.app.get('/', tenant, site.mashup({ data: `${backend.origin}/tenants/{locals.tenant}` }), (_req, res) => {
      res.json(res.locals.data);
    });
    expect((await request(site.origin).get('/')).body).toBe('found');
  });

  test('does not mix two requests that are under way at once', async () => {
    site.app.get('/:id', site.mashup({ user: `${backend.origin}/users/{params.id}` }), (req, res) => {
      res.json([req.params['id'], res.locals.user, res.locals.mashup.user.response?.url]);
    });
    const visits = ['1', '2'].map((id) =>
      request(site.origin)
        .get(`/${id}`)
        .then(({ body }) => body),
    );
    const [first, second] = await Promise.all([backend.asked('/users/1'), backend.asked('/users/2')]);
    second.reply('Grace');
    expect(await visits[1]).toEqual(['2', 'Grace', `${backend.origin}/users/2`]);
    first.reply('Ada');
    expect(await visits[0]).toEqual(['1', 'Ada', `${backend.origin}/users/1`]);
  });

  test('can be mounted on a whole app, and on many routes', async () => {
    backend.answer('/menu', ['home']);
    site.app.use(site.mashup({ menu: `${backend.origin}/menu` }));
    site.app.get(['/one', '/two'], (_req, res) => res.json(res.locals['menu']));
    expect((await request(site.origin).get('/one')).body).toEqual(['home']);
    expect((await request(site.origin).get('/two')).body).toEqual(['home']);
  });
});
