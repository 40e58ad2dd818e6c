import type { ErrorRequestHandler, RequestHandler } from 'express';
import request from 'supertest';
import { isConfigError } from '../../src/errors.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

describe.each(expresses)('%s: res.locals', (_, express) => {
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    backend.answer('/user', { id: 7 });
    backend.answer('/orders', [1]);
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;
  const has = (locals: object): RequestHandler => {
    return (_req, res, next) => {
      Object.assign(res.locals, locals);
      next();
    };
  };

  /** Asks for a page of these handlers; gives what was in `res.locals` in the end, and what was given to `next`. */
  async function visit(...handlers: RequestHandler[]) {
    let error: Error | null = null;
    const onError: ErrorRequestHandler = (problem, _req, res, _next) => {
      error = problem;
      res.status(500).json(res.locals);
    };
    site.app.get('/', ...handlers, (_req, res) => {
      res.json(res.locals);
    });
    site.app.use(onError);
    const { body } = await request(site.origin).get('/');
    return { locals: body, error: error as Error | null };
  }

  describe('with a key that is taken', () => {
    test('keeps it, and the error names it and says how to mend it', async () => {
      const { locals, error } = await visit(has({ user: 'mine' }), site.mashup({ user: url('/user') }));
      expect(locals).toEqual({ user: 'mine' });
      expect(isConfigError(error)).toBe(true);
      expect(error?.message).toContain(
        'user: res.locals.user is set already, and is not overwritten: rename the upstream, or use into',
      );
    });

    test('asks no upstream', async () => {
      await visit(has({ user: 'mine' }), site.mashup({ user: url('/user'), orders: url('/orders') }));
      expect(backend.seen).toEqual([]);
    });

    test.each([undefined, null, 0, ''])('keeps it where it is %p', async (value) => {
      const { error } = await visit(has({ user: value }), site.mashup({ user: url('/user') }));
      expect(isConfigError(error)).toBe(true);
    });

    test('keeps it where it was set while the page was under way', async () => {
      let set = () => {};
      const later: RequestHandler = (_req, res, next) => {
        set = () => Object.assign(res.locals, { slow: 'mine' });
        next();
      };
      const visited = visit(later, site.mashup({ slow: url('/slow') }));
      const asked = await backend.asked('/slow');
      set();
      asked.reply('theirs');
      const { locals, error } = await visited;
      expect(locals).toEqual({ slow: 'mine' });
      expect(error?.message).toContain('res.locals.slow is set already');
    });

    test('answers 500', async () => {
      site.app.get('/own', has({ user: 'mine' }), site.mashup({ user: url('/user') }));
      expect((await request(site.origin).get('/own')).status).toBe(500);
    });

    test('that is where the outcomes go, names it', async () => {
      const { error } = await visit(has({ mashup: 'mine' }), site.mashup({ user: url('/user') }));
      expect(error?.message).toMatch(/res\.locals\.mashup is where the outcomes go, and is set already: rename/);
    });

    test('that is `into`, names it', async () => {
      const data = { own: true };
      const { locals, error } = await visit(has({ data }), site.mashup({ user: url('/user') }, { into: 'data' }));
      expect(locals).toEqual({ data: { own: true } });
      expect(error?.message).toContain(
        'data: res.locals.data is set already, and is not overwritten: give into another name',
      );
    });

    test('that is an upstream of an earlier page, names it', async () => {
      const { locals, error } = await visit(site.mashup({ user: url('/user') }), site.mashup({ user: url('/orders') }));
      expect(error?.message).toContain(
        "user: two mashups on this request both have an upstream called 'user': rename one of them",
      );
      expect(locals.user).toEqual({ id: 7 });
    });

    test('that is an upstream of an earlier page with another `into`, names it: outcomes are by name', async () => {
      const { error } = await visit(
        site.mashup({ user: url('/user') }, { into: 'one' }),
        site.mashup({ user: url('/user') }, { into: 'two' }),
      );
      expect(error?.message).toContain("both have an upstream called 'user'");
    });
  });

  test('may have keys of its own beside', async () => {
    const { locals } = await visit(has({ title: 'mine' }), site.mashup({ user: url('/user') }));
    expect(locals).toMatchObject({ title: 'mine', user: { id: 7 } });
  });

  test('has no key that it inherits: an upstream may be called toString', async () => {
    const { locals } = await visit(site.mashup({ toString: url('/user') }));
    expect(locals.toString).toEqual({ id: 7 });
  });

  test('gets the data under `into`, and the outcomes where they always are', async () => {
    const { locals } = await visit(site.mashup({ user: url('/user') }, { into: 'data' }));
    expect(locals).toEqual({
      data: { user: { id: 7 } },
      mashup: { user: expect.objectContaining({ status: 'success' }) },
    });
  });

  test('may have a key with the name of an upstream that goes elsewhere', async () => {
    const { locals } = await visit(has({ user: 'mine' }), site.mashup({ user: url('/user') }, { into: 'data' }));
    expect(locals).toMatchObject({ user: 'mine', data: { user: { id: 7 } } });
  });

  describe('of two pages on one request', () => {
    test('has the data and the outcomes of both', async () => {
      const { locals } = await visit(site.mashup({ user: url('/user') }), site.mashup({ orders: url('/orders') }));
      expect(locals).toMatchObject({ user: { id: 7 }, orders: [1] });
      expect(Object.keys(locals.mashup)).toEqual(['user', 'orders']);
    });

    test('has both under the same `into`', async () => {
      const into = 'data';
      const { locals } = await visit(
        site.mashup({ user: url('/user') }, { into }),
        site.mashup({ orders: url('/orders') }, { into }),
      );
      expect(locals.data).toEqual({ user: { id: 7 }, orders: [1] });
      expect(Object.keys(locals.mashup)).toEqual(['user', 'orders']);
    });

    test('has one of them under `into`', async () => {
      const { locals } = await visit(
        site.mashup({ user: url('/user') }),
        site.mashup({ orders: url('/orders') }, { into: 'data' }),
      );
      expect(locals).toMatchObject({ user: { id: 7 }, data: { orders: [1] } });
    });

    test('gives the second the data of the first', async () => {
      backend.answer('/cards/7', 'ace');
      const { locals } = await visit(
        site.mashup({ user: url('/user') }, { into: 'data' }),
        site.mashup({ card: url('/cards/{locals.data.user.id}') }),
      );
      expect(locals.card).toBe('ace');
    });

    test('has of a `mashup` on the app and one on the route both', async () => {
      site.app.use(site.mashup({ user: url('/user') }));
      const { locals } = await visit(site.mashup({ orders: url('/orders') }));
      expect(Object.keys(locals.mashup)).toEqual(['user', 'orders']);
    });
  });
});
