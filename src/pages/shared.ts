// What a file says for several pages: defaults, and upstreams that pages use.

import { checkOptions } from '../config/checks.js';
import { pageChecks } from '../config/page.js';
import { changes } from '../config/resilience.js';
import { readUpstream } from '../config/upstream.js';
import { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { type Add, type Json, type Names, nearest } from './named.js';

/** Defaults of pages, upstreams that are used by name, and defaults of origins. */
export class Shared {
  /** Defaults of all pages. */
  readonly page: Json;
  readonly #upstreams: Json;
  readonly #origins: Json;

  constructor(defaults: unknown, upstreams: unknown, add: Add) {
    const { page, origins } = readDefaults(defaults, add);
    this.page = page;
    this.#origins = origins;
    this.#upstreams = isPlainObject(upstreams) ? upstreams : {};
    if (!isPlainObject(upstreams)) add(['upstreams'], 'expected an object of upstreams');
    for (const [name, entry] of Object.entries(this.#upstreams)) {
      if (isPlainObject(entry) && Object.hasOwn(entry, 'use'))
        add(['upstreams', name, 'use'], 'is for upstreams of pages: what is used cannot use another');
    }
  }

  /** An entry, over what it uses and the defaults of its origin. */
  whole(entry: unknown): Json {
    const merged = this.#merged(entry);
    const origin = originOf(merged);
    const around = this.#origins[origin] as Json | undefined;
    return around === undefined ? merged : { ...around, ...merged, ...joinedHeaders(around, merged) };
  }

  /** What is wrong with the name of what an entry uses; null where nothing is. */
  useProblem(entry: unknown): string | null {
    if (!isPlainObject(entry) || !Object.hasOwn(entry, 'use') || this.#isShared(entry['use'])) return null;
    return `there is no such upstream${nearest(String(entry['use']), Object.keys(this.#upstreams))}`;
  }

  /** What an entry has its further options from. */
  around(entry: unknown): unknown[] {
    const use = isPlainObject(entry) ? entry['use'] : undefined;
    const origin = originOf(this.#merged(entry));
    return [this.#isShared(use) ? this.#upstreams[use] : null, this.#origins[origin] ?? null];
  }

  /** Where in the file an option stands that an entry does not have itself; null where nothing else has it. */
  placeOf(entry: unknown, rest: readonly string[]): readonly string[] | null {
    const isIn = (options: unknown) => isPlainObject(options) && Object.hasOwn(options, rest[0] ?? '');
    const use = isPlainObject(entry) ? entry['use'] : undefined;
    if (this.#isShared(use) && isIn(asOptions(this.#upstreams[use]))) return ['upstreams', use, ...rest];
    const origin = originOf(this.#merged(entry));
    return isIn(this.#origins[origin]) ? ['defaults', 'origins', origin, ...rest] : null;
  }

  /** Checks it by itself: a mistake in what no page uses yet, or says otherwise, would wait for the first that does use it. */
  checkAlone(names: Names, add: Add): void {
    for (const [name, entry] of Object.entries(this.#upstreams)) checkEntry(entry, ['upstreams', name], names, add);
    for (const [origin, options] of Object.entries(this.#origins))
      checkEntry(options, ['defaults', 'origins', origin], names, add);
    const problems = new Problems();
    checkOptions(
      names.fill(this.page, (rest) => ['defaults', 'page', ...rest]),
      pageChecks,
      '',
      problems,
    );
    for (const { path, message } of problems.list) add(['defaults', 'page', path], message);
  }

  #isShared(use: unknown): use is string {
    return typeof use === 'string' && Object.hasOwn(this.#upstreams, use);
  }

  /** An entry, over what it uses. */
  #merged(entry: unknown): Json {
    const { use, ...own } = asOptions(entry);
    if (!this.#isShared(use)) return own;
    const { use: _, ...used } = asOptions(this.#upstreams[use]);
    return { ...used, ...own };
  }
}

function readDefaults(defaults: unknown, add: Add): { readonly page: Json; readonly origins: Json } {
  if (!isPlainObject(defaults)) {
    add(['defaults'], 'expected an object with page and origins');
    return { page: {}, origins: {} };
  }
  const { page = {}, origins = {}, ...others } = defaults;
  for (const key of Object.keys(others))
    add(['defaults', key], `is not known here${nearest(key, ['page', 'origins'])}`);
  if (!isPlainObject(page)) add(['defaults', 'page'], 'expected an object of page options');
  if (!isPlainObject(origins)) add(['defaults', 'origins'], 'expected an object of origins and options');
  const known = Object.entries(isPlainObject(origins) ? origins : {}).flatMap(([origin, options]) => {
    const at = ['defaults', 'origins', origin];
    if (!URL.canParse(origin) || new URL(origin).origin !== origin || !isPlainObject(options)) {
      add(at, "expected an origin such as 'https://api.example.com', and an object of options");
      return [];
    }
    const { url, use, ...forAll } = options;
    if (url !== undefined) add([...at, 'url'], 'is of one upstream, not of all of an origin');
    if (use !== undefined) add([...at, 'use'], 'is of one upstream, not of all of an origin');
    return [[origin, forAll] as const];
  });
  return { page: isPlainObject(page) ? page : {}, origins: Object.fromEntries(known) };
}

/** What they lack is the page's to say. */
function checkEntry(options: unknown, at: readonly string[], names: Names, add: Add): void {
  const problems = new Problems();
  const { use: _, ...own } = asOptions(options);
  const filled = names.fill(own, (rest) => [...at, ...rest], [String(own['when']).split('.')[0] ?? '']);
  const lacking = { url: 'http://localhost/', each: 'query.list', origins: [], safe: !changes(String(own['method'])) };
  readUpstream({ ...lacking, ...filled }, 'alone', problems);
  for (const { path, message } of problems.list) add([...at, ...path.split('.').slice(1)], message);
}

function asOptions(entry: unknown): Json {
  return isPlainObject(entry) ? entry : { url: entry };
}

/** Empty where its URL has none. */
function originOf({ url }: Json): string {
  const [start = ''] = typeof url === 'string' ? (/^https?:\/\/[^/?#{]+/i.exec(url) ?? []) : [];
  return URL.canParse(start) ? new URL(start).origin : '';
}

/** A function makes all headers, so that there is nothing to join it with. */
function joinedHeaders(around: Json, own: Json): Json {
  const both = [around['headers'], own['headers']];
  const isJoined = both.every((headers) => isPlainObject(headers) && !Object.hasOwn(headers, '$function'));
  return isJoined ? { headers: { ...(both[0] as Json), ...(both[1] as Json) } } : {};
}
