import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express';
import request from 'supertest';
import type { PageOptions, UpstreamMap } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: next', (_, express) => {
  let backend: Backend;
  let site: Site;
  /** What the page gave to `next`, each time. */
  let nexts: unknown[];

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    nexts = [];
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;
  const sendOk: RequestHandler = (_req, res) => {
    res.send('ok');
  };

  function visit(upstreams: UpstreamMap, options: PageOptions = {}, handler = sendOk) {
    const page = site.mashup(upstreams, options);
    const counted = (req: Request, res: Response, next: NextFunction) =>
      page(req, res, (error?: unknown) => {
        nexts.push(error);
        next(error);
      });
    site.app.get('/', counted, handler);
    return request(site.origin).get('/').then();
  }

  test('is called once, with nothing, when all have ended', async () => {
    backend.answer('/a', 1);
    backend.answer('/b', 'no', { status: 500 });
    await visit({ a: url('/a'), b: url('/b'), c: { url: url('/c'), when: () => false } });
    expect(nexts).toEqual([undefined]);
  });

  test('is called once at the deadline, whatever comes after it', async () => {
    const response = visit({ a: url('/a'), b: { url: url('/b'), timeout: 800 } }, { deadline: 500 });
    const [a] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(500);
    a.reply('late');
    site.clock.advance(500);
    await response;
    expect(nexts).toEqual([undefined]);
  });

  test('is called once where a timeout falls on the deadline', async () => {
    const response = visit({ a: { url: url('/a'), timeout: 500 }, b: url('/b') }, { deadline: 500 });
    await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    site.clock.advance(500);
    await response;
    expect(nexts).toEqual([undefined]);
  });

  test('is called once with the error of a required upstream, whatever comes after it', async () => {
    const required = true;
    const response = visit({ a: { url: url('/a'), required }, b: { url: url('/b'), required } }, { deadline: 500 });
    const [a, b] = await Promise.all([backend.asked('/a'), backend.asked('/b')]);
    a.reply('no', { status: 500 });
    b.reply('no', { status: 404 });
    await response;
    site.clock.advance(500);
    expect(nexts).toEqual([expect.objectContaining({ code: 'ERR_UPSTREAM_STATUS' })]);
  });

  test('is called once where everything fails before it is sent', async () => {
    const bad = url('/{locals.nothing}');
    await visit({ a: bad, b: bad, c: { url: url('/c/{a.id}'), after: ['b'] } });
    expect(nexts).toEqual([undefined]);
  });

  test('is called once, with a collision', async () => {
    site.app.use((_req, res, next) => {
      res.locals['a'] = 1;
      next();
    });
    await visit({ a: url('/a') });
    expect(nexts).toEqual([expect.objectContaining({ name: 'ConfigError' })]);
  });

  test.each<[string, object, string]>([
    ['arrives', { url: '/a' }, 'after the answer'],
    ['falls back', { url: '/bad', fallback: 1 }, 'after a fallback'],
    ['falls back to what a function makes', { url: '/bad', fallback: async () => 1 }, 'after a promise'],
    ['is skipped', { url: '/a', when: () => false }, 'after nothing'],
  ])('is not called again by a handler that throws, where the upstream %s', async (_how, entry, message) => {
    backend.answer('/a', 1);
    backend.answer('/bad', 1, { status: 500 });
    const errors: unknown[] = [];
    const onError: ErrorRequestHandler = (error, _req, res, _next) => {
      errors.push(error);
      res.status(418).end();
    };
    const response = visit({ a: { ...entry, url: url((entry as { url: string }).url) } }, {}, () => {
      throw new Error(message);
    });
    site.app.use(onError);
    expect((await response).status).toBe(418);
    expect(errors).toEqual([new Error(message)]);
    expect(nexts).toEqual([undefined]);
  });

  test('is not called again by a handler that throws at the deadline', async () => {
    const response = visit({ a: url('/a') }, { deadline: 500 }, () => {
      throw new Error('in the handler');
    });
    await backend.asked('/a');
    site.clock.advance(500);
    expect((await response).status).toBe(500);
    expect(nexts).toEqual([undefined]);
  });
});
