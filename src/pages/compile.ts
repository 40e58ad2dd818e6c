import type { RequestHandler } from 'express';
import { pageChecks } from '../config/page.js';
import { isConfigError } from '../errors.js';
import type { Mashup } from '../page-types.js';
import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import type { UpstreamMap } from '../types.js';
import { Entries, readDefaults } from './entries.js';
import { type Add, type Json, type Named, Names } from './named.js';
import { type RouteKey, readKey } from './route-key.js';
import type { pageKeys } from './schema.js';

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
    add([key], `is not known here${didYouMean(key, ['defaults', 'upstreams', 'pages'])}`);
  if (!isPlainObject(pages) || Object.keys(pages).length === 0) {
    add(['pages'], 'expected an object of pages, such as { "GET /city/:name": { … } }');
    return [];
  }
  if (!isPlainObject(shared)) add(['upstreams'], 'expected an object of upstreams');
  const around = readDefaults(defaults, add);
  const entries = new Entries(isPlainObject(shared) ? shared : {}, around, add);
  const compiler = new PageCompiler(entries, around.page, instance, named, problems);
  const routes = Object.entries(pages).flatMap(([key, page]) => compiler.page(key, page) ?? []);
  entries.check(new Names(named, add), add);
  return routes;
}

class PageCompiler {
  readonly #entries: Entries;
  readonly #defaults: Json;
  readonly #instance: Mashup;
  readonly #names: Names;
  readonly #add: Add;
  readonly #problems: readonly FileProblem[];
  /** The pages, by method and path. */
  readonly #keys = new Map<string, string>();

  constructor(entries: Entries, defaults: Json, instance: Mashup, named: Named, problems: FileProblem[]) {
    this.#entries = entries;
    this.#defaults = defaults;
    this.#instance = instance;
    this.#problems = problems;
    this.#add = (at, message) => void problems.push({ at, message });
    this.#names = new Names(named, this.#add);
  }

  page(key: string, page: unknown): Route | null {
    const at = ['pages', key];
    const count = this.#problems.length;
    const route = this.#route(key);
    if (!isPlainObject(page) || !isPlainObject(page['upstreams'])) {
      this.#add(at, 'expected an object with upstreams');
      return null;
    }
    const { upstreams, view, json, late, wait, locals, ...options } = page as PageOfFile;
    const place: Place = (name, rest) => this.#placeOf(page as PageOfFile, at, name, rest);
    const map = this.#map(key, upstreams, place, route?.params ?? null);
    this.#checkAnswer(page as PageOfFile, map ?? {}, at);
    const own = this.#names.fill({ ...this.#defaults, ...options }, (rest) => place('options', rest));
    // Made in any case, for that finds what else is wrong.
    const made = map === null ? null : this.#make(map, own, place);
    if (route === null || map === null || made === null || this.#problems.length > count) return null;
    return {
      key,
      method: route.method.toLowerCase(),
      path: route.path,
      page: made,
      names: Object.keys(map),
      hasDeferred: Object.values(map).some(({ defer }) => defer === true),
      into: typeof own['into'] === 'string' ? own['into'] : null,
      view: (view as string | undefined) ?? null,
      late: (late as Readonly<Record<string, string>> | undefined) ?? null,
      wait: wait as string | undefined,
      locals: (locals as Json | undefined) ?? {},
      text: JSON.stringify([this.#defaults, page, Object.values(upstreams).map((entry) => this.#entries.whole(entry))]),
    };
  }

  #route(key: string): RouteKey | null {
    const route = readKey(key);
    if (typeof route === 'string') {
      this.#add(['pages', key], route);
      return null;
    }
    const same = `${route.method} ${route.path}`;
    const other = this.#keys.get(same);
    if (other !== undefined) this.#add(['pages', key], `is the same as '${other}', which would answer`);
    else this.#keys.set(same, key);
    return route;
  }

  /** Null where one uses what is not there. */
  #map(page: string, upstreams: Json, place: Place, params: RouteKey['params']): Record<string, Json> | null {
    const map: Record<string, Json> = {};
    let isComplete = true;
    for (const [name, entry] of Object.entries(upstreams)) {
      isComplete = this.#entries.checkUse(entry, place(name, []), this.#add) && isComplete;
      const whole = this.#entries.whole(entry);
      if (params !== null) this.#checkParams(page, whole, params, (rest) => place(name, rest));
      // Not by assignment: a name may be __proto__.
      const value = this.#names.fill(whole, (rest) => place(name, rest), Object.keys(upstreams));
      Object.defineProperty(map, name, { value, enumerable: true });
    }
    return isComplete ? map : null;
  }

  /** A parameter that the path does not have would make each request fail. */
  #checkParams(
    page: string,
    options: Json,
    params: ReadonlySet<string>,
    place: (rest: readonly string[]) => readonly string[],
  ): void {
    for (const option of ['url', 'each', 'when']) {
      for (const name of paramsIn(options[option], option === 'url')) {
        if (params.has(name)) continue;
        this.#add(place([option]), `reads params.${name}, but the path of '${page}' has no ':${name}'`);
      }
    }
  }

  /** What a page answers with. */
  #checkAnswer({ view, json, late, wait, locals }: PageOfFile, map: Record<string, Json>, at: readonly string[]): void {
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
      const one = Object.hasOwn(map, name) ? map[name] : undefined;
      const add = (message: string) => this.#add([...at, 'late', name], message);
      if (typeof shown !== 'string') add('expected the name of a view');
      if (one === undefined) add(`there is no such upstream${didYouMean(name, Object.keys(map))}`);
      else if (one['defer'] !== true) add('is not deferred: give the upstream defer: true');
    }
  }

  #make(map: Record<string, unknown>, options: Json, place: Place): RequestHandler | null {
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

  /** Where in the file an option of a page stands: in the page itself, in what it uses, or in the defaults. */
  #placeOf(page: PageOfFile, at: readonly string[], name: string, rest: readonly string[]): readonly string[] {
    const [option = ''] = rest;
    const isUpstream = Object.hasOwn(page.upstreams, name);
    // An upstream may have that name, too.
    if (name === 'options' && !(isUpstream && !Object.hasOwn(pageChecks, option))) {
      const isDefault = !Object.hasOwn(page, option) && Object.hasOwn(this.#defaults, option);
      return isDefault ? ['defaults', 'page', ...rest] : [...at, ...rest];
    }
    if (!isUpstream) return at;
    return this.#entries.placeOf(page.upstreams[name], rest, [...at, 'upstreams', name]);
  }
}

/** A page as it stands in a file. */
type PageOfFile = { readonly upstreams: Json } & Readonly<Record<(typeof pageKeys)[number], unknown>>;

/** Where in the file an option of an upstream stands, or of the page itself as 'options'. */
type Place = (name: string, rest: readonly string[]) => readonly string[];

/** The route's parameters that a template reads, or a path such as `params.id`. */
function paramsIn(option: unknown, isTemplate: boolean): string[] {
  if (typeof option !== 'string') return [];
  const texts = isTemplate ? [...option.matchAll(/\{[^{}]*\}/g)].map(([text]) => text) : [option];
  return texts.flatMap((text) => [...text.matchAll(/(?<![\w.])params\.(\w+)/g)].map(([, name = '']) => name));
}
