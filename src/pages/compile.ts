import type { RequestHandler } from 'express';
import { type ConfigProblem, isConfigError } from '../errors.js';
import type { Mashup } from '../page-types.js';
import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import type { PageOptions, UpstreamMap } from '../types.js';
import { functionOptions, type pageKeys } from './schema.js';

/** What a file names and a program has. */
export interface Named {
  readonly functions: Readonly<Record<string, unknown>>;
  readonly schemas: Readonly<Record<string, unknown>>;
  /** Environment variables, for header values. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A page of a file, compiled. */
export interface Route {
  /** As it stands in the file. */
  readonly key: string;
  /** In lower case, as Express's routers call it. */
  readonly method: string;
  readonly path: string;
  readonly page: RequestHandler;
  readonly names: readonly string[];
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

type Json = Readonly<Record<string, unknown>>;

const requestSources: ReadonlySet<string> = new Set(['params', 'query', 'locals']);

/** Compiles all pages of a file; adds what is wrong. */
export function compileFile(value: unknown, instance: Mashup, named: Named, problems: FileProblem[]): Route[] {
  const add = (at: readonly string[], message: string) => void problems.push({ at, message });
  if (!isPlainObject(value)) {
    add([], 'expected an object with pages');
    return [];
  }
  const { defaults = {}, upstreams: shared = {}, pages, $schema: _, ...others } = value;
  for (const key of Object.keys(others))
    add([key], `is not known here${didYouMean(key, ['defaults', 'upstreams', 'pages'])}`);
  if (!isPlainObject(pages) || Object.keys(pages).length === 0) {
    add(['pages'], 'expected an object of pages, such as { "GET /city/:name": { … } }');
    return [];
  }
  if (!isPlainObject(shared)) add(['upstreams'], 'expected an object of upstreams');
  const around = readDefaults(defaults, add);
  const file = new File(isPlainObject(shared) ? shared : {}, around, instance, named, add);
  return Object.entries(pages).flatMap(([key, page]) => file.page(key, page) ?? []);
}

interface Defaults {
  readonly page: Json;
  /** By origin. */
  readonly origins: Readonly<Record<string, Json>>;
}

function readDefaults(defaults: unknown, add: (at: readonly string[], message: string) => void): Defaults {
  if (!isPlainObject(defaults)) {
    add(['defaults'], 'expected an object with page and origins');
    return { page: {}, origins: {} };
  }
  const { page = {}, origins = {}, ...others } = defaults;
  for (const key of Object.keys(others))
    add(['defaults', key], `is not known here${didYouMean(key, ['page', 'origins'])}`);
  if (!isPlainObject(page)) add(['defaults', 'page'], 'expected an object of page options');
  if (!isPlainObject(origins)) add(['defaults', 'origins'], 'expected an object of origins and options');
  const known = Object.entries(isPlainObject(origins) ? origins : {}).filter(([origin, options]) => {
    const isRight = URL.canParse(origin) && new URL(origin).origin === origin && isPlainObject(options);
    if (!isRight)
      add(
        ['defaults', 'origins', origin],
        "expected an origin such as 'https://api.example.com', and an object of options",
      );
    return isRight;
  });
  return { page: isPlainObject(page) ? page : {}, origins: Object.fromEntries(known) as Record<string, Json> };
}

class File {
  readonly #shared: Json;
  readonly #defaults: Defaults;
  readonly #instance: Mashup;
  readonly #named: Named;
  readonly #add: (at: readonly string[], message: string) => void;

  constructor(
    shared: Json,
    defaults: Defaults,
    instance: Mashup,
    named: Named,
    add: (at: readonly string[], message: string) => void,
  ) {
    this.#shared = shared;
    this.#defaults = defaults;
    this.#instance = instance;
    this.#named = named;
    this.#add = add;
  }

  page(key: string, page: unknown): Route | null {
    const at = ['pages', key];
    const [, method = 'GET', path] = /^(?:([A-Z]+) )?(\/\S*)$/.exec(key) ?? [];
    if (path === undefined) this.#add(at, "expected a method and a path, such as 'GET /city/:name'");
    if (!isPlainObject(page) || !isPlainObject(page['upstreams'])) {
      this.#add(at, 'expected an object with upstreams');
      return null;
    }
    const { upstreams, view, json, late, wait, locals, ...options } = page as Record<
      (typeof pageKeys)[number],
      unknown
    >;
    if ((typeof view === 'string') === (json === true)) this.#add(at, 'expected a view, or json: true');
    if (late !== undefined && (!isPlainObject(late) || typeof view !== 'string'))
      this.#add([...at, 'late'], 'expected the views of what is deferred, beside a view');
    const count = this.#problems;
    const map = this.#map(upstreams as Json, [...at, 'upstreams']);
    const own = this.#filled({ ...this.#defaults.page, ...options }, at) as PageOptions;
    if (path === undefined || this.#problems > count) return null;
    const made = this.#make(map, own, at, upstreams as Json);
    if (made === null) return null;
    return {
      key,
      method: method.toLowerCase(),
      path,
      page: made,
      names: Object.keys(map),
      view: typeof view === 'string' ? view : null,
      late: isPlainObject(late) ? (late as Record<string, string>) : null,
      wait: typeof wait === 'string' ? wait : undefined,
      locals: isPlainObject(locals) ? locals : {},
      text: JSON.stringify([this.#defaults, page, this.#used(upstreams as Json)]),
    };
  }

  #problems = 0;

  #problem(at: readonly string[], message: string): void {
    this.#problems++;
    this.#add(at, message);
  }

  /** The entries of `upstreams` that a page uses. */
  #used(upstreams: Json): unknown[] {
    return Object.values(upstreams).map(
      (entry) => (isPlainObject(entry) ? this.#shared[String(entry['use'])] : null) ?? null,
    );
  }

  #map(upstreams: Json, at: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(upstreams).map(([name, entry]) => [name, this.#upstream(entry, [...at, name])]),
    );
  }

  #upstream(entry: unknown, at: readonly string[]): unknown {
    const { use, ...own } = isPlainObject(entry) ? entry : { url: entry };
    let merged: Json = own;
    if (use !== undefined) {
      const known = typeof use === 'string' && Object.hasOwn(this.#shared, use) ? this.#shared[use] : undefined;
      if (known === undefined)
        this.#problem([...at, 'use'], `there is no such upstream${didYouMean(String(use), Object.keys(this.#shared))}`);
      merged = { ...(isPlainObject(known) ? known : { url: known }), ...own };
    }
    const { url } = merged;
    const origin = typeof url === 'string' ? /^https?:\/\/[^/?#{]+/.exec(url)?.[0] : undefined;
    const around = origin === undefined ? undefined : this.#defaults.origins[origin];
    if (around !== undefined) merged = { ...around, ...merged, ...joinedHeaders(around, merged) };
    const filled = this.#filled(merged, at);
    const [read = ''] = typeof merged['when'] === 'string' ? merged['when'].split('.') : [];
    // What a condition reads of another upstream is there when that has ended.
    if (read !== '' && !requestSources.has(read)) filled['after'] = [...[filled['after'] ?? []].flat(), read];
    return filled;
  }

  /** Options with what they name in its place: functions, schemas, environment variables, conditions. */
  #filled(options: Json, at: readonly string[]): Record<string, unknown> {
    const filled: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(options)) {
      const here = [...at, name];
      if (isPlainObject(value) && '$function' in value) filled[name] = this.#function(value, name, here);
      else if (name === 'schema') filled[name] = this.#byName(value, this.#named.schemas, 'schema', here);
      else if (name === 'when') filled[name] = this.#condition(value, here);
      else if (name === 'headers' && isPlainObject(value)) filled[name] = this.#headers(value, here);
      else filled[name] = value;
    }
    return filled;
  }

  #function(value: Json, option: string, at: readonly string[]): unknown {
    if (!functionOptions.has(option)) this.#problem(at, 'cannot be a function');
    return this.#byName(value['$function'], this.#named.functions, 'function', at);
  }

  #byName(name: unknown, all: Readonly<Record<string, unknown>>, what: string, at: readonly string[]): unknown {
    if (typeof name === 'string' && Object.hasOwn(all, name)) return all[name];
    this.#problem(
      at,
      `the program gives no ${what} of the name '${String(name)}'${didYouMean(String(name), Object.keys(all))}`,
    );
    return undefined;
  }

  /** A path to a value: where that is false, empty or missing, the upstream is not called. */
  #condition(value: unknown, at: readonly string[]): unknown {
    if (typeof value !== 'string' || !/^[\w-]+(?:\.[\w-]+)*$/.test(value)) {
      this.#problem(at, "expected a path such as 'query.city' or 'user.premium'");
      return undefined;
    }
    const [source = '', ...keys] = value.split('.');
    return (context: Json) => {
      const from = ['params', 'query', 'locals'].includes(source)
        ? context[source]
        : (context['results'] as Json)[source];
      return keys.reduce<unknown>(
        (found, key) => (isPlainObject(found) && Object.hasOwn(found, key) ? found[key] : undefined),
        from,
      );
    };
  }

  #headers(headers: Json, at: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => {
        if (!isPlainObject(value)) return [name, value];
        const variable = value['$env'];
        const found = typeof variable === 'string' ? this.#named.env[variable] : undefined;
        // Its value is never shown.
        if (found === undefined || found === '')
          this.#problem([...at, name], `the environment variable ${String(variable)} is not set`);
        return [name, found];
      }),
    );
  }

  #make(
    map: Record<string, unknown>,
    options: PageOptions,
    at: readonly string[],
    upstreams: Json,
  ): RequestHandler | null {
    try {
      return this.#instance(map as UpstreamMap, options as never) as unknown as RequestHandler;
    } catch (error) {
      if (!isConfigError(error)) throw error;
      for (const problem of error.problems) this.#add(this.#placeOf(problem, at, upstreams), problem.message);
      return null;
    }
  }

  /** Where in the file what a page finds wrong stands: in the page, in what it uses, or in the defaults. */
  #placeOf({ path }: ConfigProblem, at: readonly string[], upstreams: Json): string[] {
    const [first = '', ...rest] = path.split('.');
    if (first === 'options') return [...at, ...rest];
    const entry = upstreams[first];
    const [option = ''] = rest;
    if (isPlainObject(entry) && !Object.hasOwn(entry, option) && typeof entry['use'] === 'string' && option !== '') {
      const known = this.#shared[entry['use']];
      if (isPlainObject(known) && Object.hasOwn(known, option)) return ['upstreams', entry['use'], ...rest];
    }
    return first in upstreams ? [...at, 'upstreams', first, ...rest] : [...at];
  }
}

function joinedHeaders(around: Json, own: Json): Json {
  const both = [around['headers'], own['headers']];
  return both.every(isPlainObject) ? { headers: { ...(both[0] as Json), ...(both[1] as Json) } } : {};
}
