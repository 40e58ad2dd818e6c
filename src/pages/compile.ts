import { METHODS } from 'node:http';
import type { RequestHandler } from 'express';
import { isConfigError } from '../errors.js';
import type { Mashup } from '../page-types.js';
import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import type { UpstreamMap } from '../types.js';
import { type Add, type Json, type Named, Names } from './named.js';
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

function readDefaults(defaults: unknown, add: Add): Defaults {
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
  readonly #names: Names;
  readonly #add: Add;
  #problems = 0;

  constructor(shared: Json, defaults: Defaults, instance: Mashup, named: Named, add: Add) {
    this.#shared = shared;
    this.#defaults = defaults;
    this.#instance = instance;
    this.#add = (at, message) => {
      this.#problems++;
      add(at, message);
    };
    this.#names = new Names(named, this.#add);
  }

  page(key: string, page: unknown): Route | null {
    const at = ['pages', key];
    const [, method = 'GET', path] = /^(?:([A-Z]+) )?(\/\S*)$/.exec(key) ?? [];
    const count = this.#problems;
    if (path === undefined) this.#add(at, "expected a method and a path, such as 'GET /city/:name'");
    if (!METHODS.includes(method)) this.#add(at, `${method} is no HTTP method`);
    if (!isPlainObject(page) || !isPlainObject(page['upstreams'])) {
      this.#add(at, 'expected an object with upstreams');
      return null;
    }
    const { upstreams: entries, view, json, late, wait, locals, ...options } = page as PageOfFile;
    this.#checkAnswer(page as PageOfFile, at);
    const place = this.#placesOf(page, at);
    const map = Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, this.#upstream(name, entry, place)]),
    );
    const own = this.#names.fill({ ...this.#defaults.page, ...options }, (rest) => place('options', rest));
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
      text: JSON.stringify([this.#defaults, page, this.#used(entries)]),
    };
  }

  /** What a page answers with. */
  #checkAnswer({ upstreams, view, json, late, wait, locals }: PageOfFile, at: readonly string[]): void {
    const expect = (isSo: boolean, name: string, what: string) => {
      if (!isSo) this.#add([...at, name], `expected ${what}`);
    };
    expect(view === undefined || typeof view === 'string', 'view', 'the name of a view');
    if ((view === undefined) === (json !== true)) this.#add(at, 'expected a view, or json: true');
    expect(wait === undefined || typeof wait === 'string', 'wait', 'the name of a view');
    expect(locals === undefined || isPlainObject(locals), 'locals', 'an object');
    if (late === undefined) return;
    const isLate = isPlainObject(late) && view !== undefined;
    expect(isLate, 'late', 'the views of what is deferred, beside a view');
    for (const [name, shown] of Object.entries(isLate ? (late as Json) : {})) {
      const isDeferred = Object.hasOwn(upstreams, name) && this.#whole(upstreams[name])['defer'] === true;
      const add = (message: string) => this.#add([...at, 'late', name], message);
      if (typeof shown !== 'string') add('expected the name of a view');
      if (!isDeferred) add(`expected the name of a deferred upstream${didYouMean(name, Object.keys(upstreams))}`);
    }
  }

  /** The entries of `upstreams` that a page uses. */
  #used(upstreams: Json): unknown[] {
    return Object.values(upstreams).map(
      (entry) => (isPlainObject(entry) ? this.#shared[String(entry['use'])] : null) ?? null,
    );
  }

  #upstream(name: string, entry: unknown, place: Place): unknown {
    if (isPlainObject(entry) && 'use' in entry && !this.#isShared(entry['use'])) {
      const known = didYouMean(String(entry['use']), Object.keys(this.#shared));
      this.#add(place(name, ['use']), `there is no such upstream${known}`);
    }
    return this.#names.fill(this.#whole(entry), (rest) => place(name, rest));
  }

  #make(map: Record<string, unknown>, options: Json, place: Place): RequestHandler | null {
    try {
      return this.#instance(map as UpstreamMap, options as never) as unknown as RequestHandler;
    } catch (error) {
      if (!isConfigError(error)) throw error;
      for (const { path, message } of error.problems) {
        const [name = '', ...rest] = path.split('.');
        this.#add(place(name, rest), message);
      }
      return null;
    }
  }

  /** Where in the file an option of a page stands: in the page itself, in what it uses, or in the defaults. */
  #placesOf(page: Json, at: readonly string[]): Place {
    return (name, rest) => {
      const isIn = (options: unknown) => isPlainObject(options) && Object.hasOwn(options, rest[0] ?? '');
      if (name === 'options') {
        return !isIn(page) && isIn(this.#defaults.page) ? ['defaults', 'page', ...rest] : [...at, ...rest];
      }
      const upstreams = page['upstreams'] as Json;
      if (!Object.hasOwn(upstreams, name)) return at;
      const entry = upstreams[name];
      const own = [...at, 'upstreams', name, ...rest];
      if (isIn(entry)) return own;
      const use = isPlainObject(entry) ? entry['use'] : undefined;
      if (this.#isShared(use) && isIn(this.#shared[use])) return ['upstreams', use, ...rest];
      const origin = originOf(this.#merged(entry));
      return isIn(this.#defaults.origins[origin]) ? ['defaults', 'origins', origin, ...rest] : own;
    };
  }

  #isShared(use: unknown): use is string {
    return typeof use === 'string' && Object.hasOwn(this.#shared, use);
  }

  /** An entry, over what it uses and the defaults of its origin. */
  #whole(entry: unknown): Json {
    const merged = this.#merged(entry);
    const around = this.#defaults.origins[originOf(merged)];
    return around === undefined ? merged : { ...around, ...merged, ...joinedHeaders(around, merged) };
  }

  /** An entry, over what it uses. */
  #merged(entry: unknown): Json {
    const { use, ...own } = asOptions(entry);
    return this.#isShared(use) ? { ...asOptions(this.#shared[use]), ...own } : own;
  }
}

/** A page as it stands in a file. */
type PageOfFile = { readonly upstreams: Json } & Readonly<Record<(typeof pageKeys)[number], unknown>>;

/** Where in the file an option of an upstream stands, or of the page itself as 'options'. */
type Place = (name: string, rest: readonly string[]) => readonly string[];

function asOptions(entry: unknown): Json {
  return isPlainObject(entry) ? entry : { url: entry };
}

/** Empty where its URL has none. */
function originOf({ url }: Json): string {
  const [start = ''] = typeof url === 'string' ? (/^https?:\/\/[^/?#{]+/i.exec(url) ?? []) : [];
  return URL.canParse(start) ? new URL(start).origin : '';
}

function joinedHeaders(around: Json, own: Json): Json {
  const both = [around['headers'], own['headers']];
  return both.every(isPlainObject) ? { headers: { ...(both[0] as Json), ...(both[1] as Json) } } : {};
}
