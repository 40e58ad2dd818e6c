// The entry `express-mashup/inspector`: a page that shows the last runs.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { aBoolean, aFunction, aPlainObject, aWholeNumber, type Check, checkOptions, given } from '../config/checks.js';
import { mashup as defaultMashup } from '../default.js';
import { Problems } from '../errors.js';
import { send } from '../html/send.js';
import type { Html } from '../html/values.js';
import type { MashupInstance } from '../instance.js';
import type { Mashup } from '../page-types.js';
import { instanceOf } from '../seam.js';
import { type Allow, mayLook } from './access.js';
import { script, style } from './assets.js';
import { harOf } from './har.js';
import { Live } from './live.js';
import { healthPage, listPage, missingPage, runPage } from './pages.js';
import { Recorder } from './recorder.js';
import { sicken, switchesOf, takeSwitches } from './what-if.js';

export type { Allow } from './access.js';

export interface InspectorOptions {
  /** Whose health and cache are shown. @default the default instance */
  instance?: Mashup;
  /**
   * Who may look, by the request. @default clients on this machine, not through a proxy; nobody where NODE_ENV is production
   */
  allow?: Allow;
  /** How many runs are kept: of all pages of this process. @default 200 */
  runs?: number;
  /**
   * Whether upstreams of the instance can be made slow or sick, each for the browser that asks for it: for development, and without
   * effect where NODE_ENV is production.
   * @default false
   */
  whatIf?: boolean;
}

/** The middleware, and what stops recording. */
export type Inspector = RequestHandler & { close(): void };

const checks: { readonly [Option in keyof Required<InspectorOptions>]: Check } = {
  instance: (value) => (instanceOf(value) !== null ? null : 'a mashup, as createMashup() makes it'),
  allow: aFunction,
  runs: aWholeNumber(1),
  whatIf: aBoolean,
};

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const policyWithForms = policy.replace("form-action 'none'", "form-action 'self'");

/**
 * Shows the last runs, live: where their time went, why, and what would help. Nothing is recorded before it is made. Whoever may
 * not look gets what the app answers where there is no page.
 *
 * @throws {ConfigError} with every problem of the options
 * @example app.use('/_mashup', inspector());
 */
export function inspector(options: InspectorOptions = {}): Inspector {
  readOptions(options);
  const { instance = defaultMashup, allow = null, runs = 200 } = options;
  const isWhatIf = options.whatIf === true && process.env['NODE_ENV'] !== 'production';
  const recorder = new Recorder(runs);
  const live = new Live(recorder);
  const undo = isWhatIf ? sicken(instanceOf(instance) as MashupInstance) : () => {};

  function inspectorMiddleware(req: Request, res: Response, next: NextFunction): void {
    mayLook(req, allow).then((may) => {
      if (may && isWhatIf && req.method === 'POST' && req.path === '/what-if') return void change(req, res, next);
      if (!may || (req.method !== 'GET' && req.method !== 'HEAD')) return next();
      // Its own links are absolute, so that it does not matter whether it was opened with a slash at its end.
      show(req, res, next, req.baseUrl);
    }, next);
  }

  /** The only thing that changes anything: a cookie of the browser that asks. */
  async function change(req: Request, res: Response, next: NextFunction): Promise<void> {
    try {
      if (!(await takeSwitches(req, res))) return next();
      const back = req.get('referer');
      const isOurs = back !== undefined && URL.canParse(back) && new URL(back).host === req.headers.host;
      res.redirect(303, isOurs ? new URL(back).pathname : `${req.baseUrl}/`);
    } catch (error) {
      next(error);
    }
  }

  function show(req: Request, res: Response, next: NextFunction, base: string): void {
    res.set({
      'Content-Security-Policy': isWhatIf ? policyWithForms : policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
    const { path } = req;
    if (path === '/inspector.css') return void res.type('css').send(style);
    if (path === '/inspector.js') return void res.type('js').send(script);
    if (path === '/events') return req.method === 'HEAD' ? void res.end() : live.open(res, base);
    if (path === '/') return send(res, listPage(base, recorder.runs, runs, isWhatIf ? switchesOf(req) : null));
    if (path === '/health') return send(res, healthPage(base, instance.stats()));
    if (path === '/runs.har') return sendHar(res, 'runs', harOf(recorder.runs));
    const [, id, isHar] = /^\/runs\/(\d{1,15})(\.har)?$/.exec(path) ?? [];
    if (id === undefined) return next();
    const run = recorder.find(Number(id));
    if (run === null) return send(res.status(404), missingPage(base) as Html);
    if (isHar !== undefined) return sendHar(res, `run-${run.id}`, harOf([run]));
    send(res, runPage(base, run, isWhatIf ? switchesOf(req) : null));
  }

  return Object.assign(inspectorMiddleware as RequestHandler, {
    close() {
      recorder.stop();
      undo();
    },
  });
}

function sendHar(res: Response, name: string, har: object): void {
  res.attachment(`${name}.har`).type('application/json').send(JSON.stringify(har));
}

function readOptions(options: unknown): void {
  const problems = new Problems();
  if (aPlainObject(options) !== null) problems.add('options', `expected an object, but was given ${given(options)}`);
  else checkOptions(options as Record<string, unknown>, checks, 'options', problems);
  problems.throwIfAny();
}
