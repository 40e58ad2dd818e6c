import { METHODS } from 'node:http';
import type { RequestHandler } from 'express';
import { pageChecks } from '../config/page.js';
import { isConfigError } from '../errors.js';
import type { Mashup } from '../page-types.js';
import { isPlainObject } from '../plain.js';
import type { UpstreamMap } from '../types.js';
import { express } from './express.js';
import { type Add, type Json, type Named, Names, nearest } from './named.js';
import { pageKey, type pageKeys } from './schema.js';
import { Shared } from './shared.js';

/** A page of a file, compiled. */
export interface Route {
  /** As it stands in the file. */
  readonly key: string;
  /** In lower case, as Express's routers call it. */
  readonly method: string;
  readonly path: string;
  readonly page: RequestHandler;
  readonly names: readonly string[];
  readonly hasDeferred: boolean;
  /** Where the page attaches its data, if not to `res.locals` itself. */
  readonly into: string | null;
  readonly view: string | null;
  readonly late: Readonly<Record<string, string>> | null;
  readonly wait: string | undefined;
  readonly locals: Readonly<Record<string, unknown>>;
  /** Equal for pages that say the same. */
  readonly text: string;
}

/** What is wrong, and where in the file: the path from its top. */
export interface FileProblem {
  readonly at: readonly string[];
  readonly message: string;
}

/** Compiles all pages of a file; adds what is wrong. */
export function compileFile(value: unknown, instance: Mashup, named: Named, problems: FileProblem[]): Route[] {
  const add = (at: readonly string[], message: string) => void problems.push({ at, message });
  if (!isPlainObject(value)) {
    add([], 'expected an object with pages');
    return [];
  }
  const { defaults = {}, upstreams: shared = {}, pages, $schema = '', ...others } = value;
  if (typeof $schema !== 'string') add(['$schema'], 'expected the URL of a JSON Schema');
  for (const key of Object.keys(others))
    add([key], `is not known here${nearest(key, ['defaults', 'upstreams', 'pages'])}`);
  if (!isPlainObject(pages) || Object.keys(pages).length === 0) {
    add(['pages'], 'expected an object of pages, such as { "GET /city/:name": { … } }');
    return [];
  }
  const file = new File(new Shared(defaults, shared, add), instance, named, add);
  const routes = Object.entries(pages).flatMap(([key, page]) => file.page(key, page) ?? []);
  file.checkShared();
  return routes;
}

class File {
  readonly #shared: Shared;
  readonly #instance: Mashup;
  readonly #names: Names;
  readonly #add: Add;
  readonly #routes = new Set<string>();
  #problems = 0;

  constructor(shared: Shared, instance: Mashup, named: Named, add: Add) {
    this.#shared = shared;
    this.#instance = instance;
    this.#add = (at, message) => {
      this.#problems++;
      add(at, message);
    };
    this.#names = new Names(named, this.#add);
  }

  page(key: string, page: unknown): Route | null {
    const at = ['pages', key];
    const [, method = 'GET', path] = pageKey.exec(key) ?? [];
    const count = this.#problems;
    if (path === undefined) this.#add(at, "expected a method and a path, such as 'GET /city/:name'");
    if (!METHODS.includes(method)) this.#add(at, `${method} is no HTTP method`);
    else if (path !== undefined) this.#checkRoute(`${method} ${path}`, path, at);
    if (!isPlainObject(page) || !isPlainObject(page['upstreams'])) {
      this.#add(at, 'expected an object with upstreams');
      return null;
    }
    const { upstreams: entries, view, json, late, wait, locals, ...options } = page as PageOfFile;
    this.#checkAnswer(page as PageOfFile, at);
    const place = this.#placesOf(page, at);
    const map = Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, this.#upstream(name, entry, place, Object.keys(entries))]),
    );
    const own = this.#names.fill({ ...this.#shared.page, ...options }, (rest) => place('options', rest));
    if (path === undefined || this.#problems > count) return null;
    const made = this.#make(map, own, place);
    if (made === null) return null;
    return {
      key,
      method: method.toLowerCase(),
      path,
      page: made,
      names: Object.keys(map),
      hasDeferred: Object.values(map).some((one) => (one as Json)['defer'] === true),
      into: typeof own['into'] === 'string' ? own['into'] : null,
      view: (view as string | undefined) ?? null,
      late: (late as Readonly<Record<string, string>> | undefined) ?? null,
      wait: wait as string | undefined,
      locals: (locals as Json | undefined) ?? {},
      text: JSON.stringify([
        this.#shared.page,
        page,
        Object.values(entries).map((entry) => this.#shared.around(entry)),
      ]),
    };
  }

  /** What Express would refuse, or never come to. */
  #checkRoute(route: string, path: string, at: readonly string[]): void {
    if (this.#routes.has(route)) this.#add(at, `there are two pages at ${route}`);
    this.#routes.add(route);
    try {
      express.Router().get(path, () => {});
    } catch (error) {
      this.#add(at, `Express does not take this path: ${(error as Error).message}`);
    }
  }

  /** What a page answers with. */
  #checkAnswer({ upstreams, view, json, late, wait, locals }: PageOfFile, at: readonly string[]): void {
    const expect = (isSo: boolean, name: string, what: string) => {
      if (!isSo) this.#add([...at, name], `expected ${what}`);
    };
    expect(view === undefined || typeof view === 'string', 'view', 'the name of a view');
    expect(json === undefined || json === true, 'json', 'true, or none of it');
    if ((view === undefined) === (json === undefined)) this.#add(at, 'expected a view, or json: true');
    expect(wait === undefined || typeof wait === 'string', 'wait', 'the name of a view');
    expect(wait === undefined || late !== undefined, 'wait', 'late beside it');
    expect(locals === undefined || isPlainObject(locals), 'locals', 'an object');
    expect(locals === undefined || view !== undefined, 'locals', 'a view beside it');
    if (late === undefined) return;
    const isLate = isPlainObject(late) && view !== undefined;
    expect(isLate, 'late', 'the views of what is deferred, beside a view');
    for (const [name, shown] of Object.entries(isLate ? (late as Json) : {})) {
      const isDeferred = Object.hasOwn(upstreams, name) && this.#shared.whole(upstreams[name])['defer'] === true;
      const add = (message: string) => this.#add([...at, 'late', name], message);
      if (typeof shown !== 'string') add('expected the name of a view');
      if (!isDeferred) add(`expected the name of a deferred upstream${nearest(name, Object.keys(upstreams))}`);
    }
  }

  #upstream(name: string, entry: unknown, place: PagePlace, others: readonly string[]): unknown {
    const problem = this.#shared.useProblem(entry);
    if (problem !== null) this.#add(place(name, ['use']), problem);
    return this.#names.fill(this.#shared.whole(entry), (rest) => place(name, rest), others);
  }

  #make(map: Record<string, unknown>, options: Json, place: PagePlace): RequestHandler | null {
    try {
      return this.#instance(map as UpstreamMap, options as never) as unknown as RequestHandler;
    } catch (error) {
      if (!isConfigError(error)) throw error;
      for (const { path, message } of error.problems) {
        // A wrong name may have a dot in it.
        const [first = ''] = path.split('.');
        const name = Object.keys(map).find((one) => `${path}.`.startsWith(`${one}.`)) ?? first;
        this.#add(place(name, path === name ? [] : path.slice(name.length + 1).split('.')), message);
      }
      return null;
    }
  }

  checkShared(): void {
    this.#shared.checkAlone(this.#names, this.#add);
  }

  /** Where in the file an option of a page stands: in the page itself, in what it uses, or in the defaults. */
  #placesOf(page: Json, at: readonly string[]): PagePlace {
    const upstreams = page['upstreams'] as Json;
    return (name, rest) => {
      const [option = ''] = rest;
      const isIn = (options: unknown) => isPlainObject(options) && Object.hasOwn(options, option);
      const isUpstream = Object.hasOwn(upstreams, name);
      // An upstream may have that name, too.
      if (name === 'options' && !(isUpstream && !Object.hasOwn(pageChecks, option))) {
        return !isIn(page) && isIn(this.#shared.page) ? ['defaults', 'page', ...rest] : [...at, ...rest];
      }
      if (!isUpstream) return at;
      const own = [...at, 'upstreams', name, ...rest];
      return isIn(upstreams[name]) ? own : (this.#shared.placeOf(upstreams[name], rest) ?? own);
    };
  }
}

/** A page as it stands in a file. */
type PageOfFile = { readonly upstreams: Json } & Readonly<Record<(typeof pageKeys)[number], unknown>>;

/** Where in the file an option of an upstream stands, or of the page itself as 'options'. */
type PagePlace = (name: string, rest: readonly string[]) => readonly string[];
