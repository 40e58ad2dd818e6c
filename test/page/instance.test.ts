import request from 'supertest';
import { defaultInstance } from '../../src/default.js';
import { createMashup, mashup, multiGet } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: with the time of the machine', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    backend.answer('/a', 'a');
  });
  afterEach(closeAll);

  test('a page of the default instance', async () => {
    closeLater(() => mashup.close());
    site.app.get('/', mashup({ a: `${backend.origin}/a` }, { deadline: 60_000 }), (_req, res) => {
      res.json(res.locals);
    });
    const { body } = await request(site.origin).get('/');
    expect(body).toMatchObject({ a: 'a', mashup: { a: { status: 'success' } } });
    const { ready, started, firstByte, ended } = body.mashup.a.timings;
    expect([ready, started, firstByte, ended]).toEqual([ready, started, firstByte, ended].sort((a, b) => a - b));
  });

  test('a page of an instance of its own', async () => {
    const own = createMashup();
    closeLater(() => own.close());
    site.app.get('/', own({ a: `${backend.origin}/a` }, { deadline: 60_000 }), (_req, res) => {
      res.json(res.locals.a);
    });
    expect((await request(site.origin).get('/')).body).toBe('a');
  });

  test('a page that nothing answers, at its deadline', async () => {
    const own = createMashup();
    closeLater(() => own.close());
    site.app.get('/', own({ a: `${backend.origin}/slow` }, { deadline: 20 }), (_req, res) => {
      res.json(res.locals.mashup);
    });
    const { body } = await request(site.origin).get('/');
    expect(body.a.error).toMatchObject({ code: 'ERR_UPSTREAM_DEADLINE' });
  });

  test('multiGet', async () => {
    closeLater(() => defaultInstance.connections.close());
    expect(await multiGet([`${backend.origin}/a`], { timeout: 60_000 })).toMatchObject([
      [`${backend.origin}/a`, 'a', {}],
    ]);
  });
});
