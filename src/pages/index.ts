// The entry `express-mashup/pages`: pages that are described in a file.
import { resolve } from 'node:path';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { aFunction, anObject, aPlainObject, type Check, checkOptions, given } from '../config/checks.js';
import { mashup as defaultMashup } from '../default.js';
import { isConfigError, Problems } from '../errors.js';
import { sendView } from '../html/send-view.js';
import type { Mashup } from '../page-types.js';
import { instanceOf } from '../seam.js';
import type { StandardSchema } from '../standard-schema.js';
import type { Route } from './compile.js';
import { express } from './express.js';
import { type Loaded, load } from './load.js';
import { watchFile } from './watch.js';

export interface PagesOptions {
  /** On which pages are made. @default the default instance */
  instance?: Mashup;
  /** By the names that the file uses for them. */
  schemas?: Readonly<Record<string, StandardSchema>>;
  functions?: Readonly<Record<string, (...args: never) => unknown>>;
  /** Hears what a reload has done, or why it was refused. @default a line on stderr */
  onReload?: (reload: Reload) => void;
}

/** What became of a change of the file. A wrong file changes nothing. */
export interface Reload {
  /** What is wrong with the file; null where it is in use. */
  error: Error | null;
  /** Pages, as the file calls them. */
  added: readonly string[];
  changed: readonly string[];
  removed: readonly string[];
}

/** The middleware: mount it where the file's paths begin. */
export type Pages = RequestHandler & {
  /** Reads the file again. Resolves when the new pages are in use, or are refused. */
  reload(): Promise<Reload>;
  /** Watches the file no more. */
  close(): void;
};

const checks: { readonly [Option in keyof Required<PagesOptions>]: Check } = {
  instance: (value) => (instanceOf(value) !== null ? null : 'a mashup, as createMashup() makes it'),
  schemas: aPlainObject,
  functions: anObject,
  onReload: aFunction,
};

/**
 * Serves the pages of a file, JSON or (with the package `yaml`) YAML. When the file changes, or on SIGHUP, it is checked and compiled
 * as a whole, and then takes the place of the old one in one step; runs under way end on the old one.
 *
 * @param file its path, or an object of the same form
 * @throws {ConfigError} (as a rejection) with every problem, each with line and column
 * @example app.use(await pages('pages.json'));
 */
export async function pages(file: string | object, options: PagesOptions = {}): Promise<Pages> {
  readOptions(options);
  const { instance = defaultMashup, schemas = {}, functions = {}, onReload = tell } = options;
  const named = { schemas, functions, env: process.env };
  const path = typeof file === 'string' ? resolve(file) : file;
  // Before it is read: what changes meanwhile is read afterwards.
  const stop = typeof path === 'string' ? watchFile(path, () => void first.then(reload, () => {})) : () => {};
  const first = load(path, instance, named);
  first.catch(stop);
  let current = await first;
  let router = routerOf(current);
  let reloading: Promise<Reload> | null = null;

  async function reloadNow(): Promise<Reload> {
    const reload = await replace();
    const isNothing =
      reload.error === null && [reload.added, reload.changed, reload.removed].every(({ length }) => length === 0);
    if (isNothing) return reload;
    try {
      onReload(reload);
    } catch {
      // It is the listener's own.
    }
    return reload;
  }

  async function replace(): Promise<Reload> {
    try {
      const next = await load(path, instance, named);
      const difference = differenceOf(current.routes, next.routes);
      // One step: a request sees the old pages or the new ones.
      router = routerOf(next);
      current = next;
      return { error: null, ...difference };
    } catch (error) {
      return { error: error as Error, added: [], changed: [], removed: [] };
    }
  }

  /** One at a time: what changes meanwhile is read afterwards. */
  function reload(): Promise<Reload> {
    const next = (reloading ?? Promise.resolve()).then(reloadNow, reloadNow);
    reloading = next;
    return next;
  }

  function pagesMiddleware(req: Request, res: Response, next: NextFunction): void {
    router(req, res, next);
  }

  return Object.assign(pagesMiddleware as RequestHandler, { reload, close: stop });
}

function routerOf({ routes }: Loaded): RequestHandler {
  const router = express.Router();
  for (const route of routes) {
    const on = (
      router as unknown as Record<string, ((path: string, ...handlers: RequestHandler[]) => void) | undefined>
    )[route.method];
    on?.call(router, route.path, route.page, handlerOf(route));
  }
  return router;
}

function handlerOf({ names, hasDeferred, into, view, late, wait, locals }: Route): RequestHandler {
  const dataOf = (res: Response) => (into === null ? res.locals : res.locals[into]) as Record<string, unknown>;
  if (view === null && !hasDeferred) {
    return (_req, res) => {
      const data = dataOf(res);
      res.json(Object.fromEntries(names.map((name) => [name, data[name]])));
    };
  }
  if (view === null) {
    return (_req, res, next) => {
      const data = dataOf(res);
      const found = names.map(async (name) => [name, await data[name]]);
      Promise.all(found).then((entries) => res.json(Object.fromEntries(entries)), next);
    };
  }
  // A copy: Express writes into it.
  if (late === null) return (_req, res) => res.render(view, { ...locals });
  return (_req, res) => {
    const data = dataOf(res);
    const views = Object.entries(late).map(([name, one]) => [
      name,
      { view: one, value: data[name] as Promise<unknown> },
    ]);
    sendView(res, view, { late: Object.fromEntries(views), locals, ...(wait !== undefined && { wait }) });
  };
}

function differenceOf(before: readonly Route[], after: readonly Route[]): Omit<Reload, 'error'> {
  const old = new Map(before.map(({ key, text }) => [key, text]));
  const now = new Map(after.map(({ key, text }) => [key, text]));
  return {
    added: [...now.keys()].filter((key) => !old.has(key)),
    changed: [...now].flatMap(([key, text]) => (old.has(key) && old.get(key) !== text ? key : [])),
    removed: [...old.keys()].filter((key) => !now.has(key)),
  };
}

function tell({ error, added, changed, removed }: Reload): void {
  const words = [
    ...added.map((key) => `new: ${key}`),
    ...changed.map((key) => `changed: ${key}`),
    ...removed.map((key) => `gone: ${key}`),
  ];
  if (error === null) console.error(`express-mashup: pages were reloaded (${words.join(', ')})`);
  else
    console.error(
      `express-mashup: pages were not reloaded, the old ones go on: ${isConfigError(error) ? error.message : String(error)}`,
    );
}

function readOptions(options: unknown): void {
  const problems = new Problems();
  if (aPlainObject(options) !== null) problems.add('options', `expected an object, but was given ${given(options)}`);
  else checkOptions(options as Record<string, unknown>, checks, 'options', problems);
  problems.throwIfAny();
}
