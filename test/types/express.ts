// How a page fits into Express: on routes, in lists, in routers; and what it leaves as it was.
import { expectTypeOf } from 'expect-type';
import express, { type ErrorRequestHandler, type RequestHandler, type Response } from 'express';
import { type MashupLocals, mashup, upstream } from '../../src/index.js';
import type { Order, User } from './things.js';

const app = express();
const router = express.Router();
const url = 'https://a.example.com/';
const page = mashup({ user: upstream<User>({ url, required: true }) });
const orders = mashup({ orders: upstream<Order[]>(url) });

// It is a RequestHandler.
page satisfies RequestHandler;
const handler: RequestHandler = page;
const handlers: RequestHandler[] = [page, orders, handler];
app.use(page);
app.use('/mount', page, orders);
app.use(handlers);
app.all('/all', page);
router.use(page);
router.get('/', page, handler);
router.route('/route').get(page);
app.get('/list', [page, orders], handler);

// @ts-expect-error: it is no handler of errors
page satisfies ErrorRequestHandler;

// The handler's `req` is what it would be without a page.
app.get('/users/:id', page, (req, res) => {
  expectTypeOf(req.params).not.toBeAny();
  expectTypeOf(req.params['id']).not.toBeAny();
  expectTypeOf(req.query).not.toBeAny();
  expectTypeOf(req.headers.cookie).toEqualTypeOf<string | undefined>();
  expectTypeOf(res.locals.user).toEqualTypeOf<User>();
  expectTypeOf(res.locals).not.toBeAny();
  res.render('user');
  // @ts-expect-error: no such method
  res.rendr('user');
});

router.get('/users/:id', page, (req, res, next) => {
  expectTypeOf(req.params).not.toBeAny();
  expectTypeOf(res.locals.user.name).toEqualTypeOf<string>();
  expectTypeOf(next).toBeCallableWith(new Error('x'));
});

// Express does not infer locals here; they are what they would be without a page.
router.route('/users/:id').get(page, (req, res) => {
  expectTypeOf(req.params).not.toBeAny();
  expectTypeOf(res.locals['user']).toBeAny();
});

app.post('/users/:id', page, (_req, res) => {
  expectTypeOf(res.locals.user).toEqualTypeOf<User>();
});

// Several handlers after the page all know.
app.get(
  '/several',
  page,
  (_req, res, next) => {
    expectTypeOf(res.locals.user).toEqualTypeOf<User>();
    next();
  },
  async (_req, res) => {
    expectTypeOf(res.locals.user).toEqualTypeOf<User>();
  },
);

// Handlers that stand elsewhere name the type.
type Locals = MashupLocals<typeof page>;
expectTypeOf<Locals['user']>().toEqualTypeOf<User>();

function show(_req: express.Request, res: Response<unknown, Locals>): void {
  expectTypeOf(res.locals.user).toEqualTypeOf<User>();
}
app.get('/elsewhere', page, show);

const typedHandler: RequestHandler<Record<string, string>, unknown, unknown, object, Locals> = (_req, res) => {
  res.locals.user.name satisfies string;
};
expectTypeOf(typedHandler).toBeFunction();

// Two pages on a route: TypeScript infers the locals of the first, and the handler names those of the other.
const other = mashup({ mail: 'https://mail.example.com/' });
app.get('/two', page, other as RequestHandler, (_req, res) => {
  const locals: Locals & MashupLocals<typeof other> = Object.assign(res.locals);
  expectTypeOf(locals.user).toEqualTypeOf<User>();
  expectTypeOf(locals.mail).toEqualTypeOf<unknown>();
});

// route().get() infers no locals from what fits a plain RequestHandler, which a page has to.
app.route('/route').get(page, (_req, res) => {
  const { user }: Locals = res.locals as Locals;
  expectTypeOf(user).toEqualTypeOf<User>();
});
