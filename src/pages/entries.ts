import { checkOptions } from '../config/checks.js';
import { pageChecks } from '../config/page.js';
import { changes } from '../config/resilience.js';
import { readUpstream } from '../config/upstream.js';
import { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import type { Add, Json, Names } from './named.js';

/** What a file says for all of its pages and for all upstreams of an origin. */
export interface Defaults {
  readonly page: Json;
  /** By origin. */
  readonly origins: Readonly<Record<string, Json>>;
}

export function readDefaults(defaults: unknown, add: Add): Defaults {
  if (!isPlainObject(defaults)) {
    add(['defaults'], 'expected an object with page and origins');
    return { page: {}, origins: {} };
  }
  const { page = {}, origins = {}, ...others } = defaults;
  for (const key of Object.keys(others)) {
    add(['defaults', key], `is not known here${didYouMean(key, ['page', 'origins'])}`);
  }
  if (!isPlainObject(page)) add(['defaults', 'page'], 'expected an object of page options');
  if (!isPlainObject(origins)) add(['defaults', 'origins'], 'expected an object of origins and options');
  const known = Object.entries(isPlainObject(origins) ? origins : {}).filter(([origin, options]) => {
    const isRight = URL.canParse(origin) && new URL(origin).origin === origin && isPlainObject(options);
    const expected = "expected an origin such as 'https://api.example.com', and an object of options";
    if (!isRight) add(['defaults', 'origins', origin], expected);
    return isRight;
  });
  return { page: isPlainObject(page) ? page : {}, origins: Object.fromEntries(known) as Record<string, Json> };
}

/** The upstreams that a file shares among its pages, and what it says for those of an origin. */
export class Entries {
  readonly #shared: Json;
  readonly #defaults: Defaults;

  constructor(shared: Json, defaults: Defaults, add: Add) {
    this.#shared = shared;
    this.#defaults = defaults;
    for (const [name, entry] of Object.entries(shared)) {
      if (isPlainObject(entry) && 'use' in entry) add(['upstreams', name, 'use'], 'what is shared uses nothing else');
    }
    for (const [origin, options] of Object.entries(defaults.origins)) {
      for (const option of ['use', 'url']) {
        if (Object.hasOwn(options, option))
          add(['defaults', 'origins', origin, option], 'is of one upstream, not of all');
      }
    }
  }

  /** Whether what an entry uses is there; if not, that is added. */
  checkUse(entry: unknown, at: readonly string[], add: Add): boolean {
    if (!isPlainObject(entry) || !('use' in entry) || this.#isShared(entry['use'])) return true;
    add([...at, 'use'], `there is no such upstream${didYouMean(String(entry['use']), Object.keys(this.#shared))}`);
    return false;
  }

  /** An entry, over what it uses and the defaults of its origin. */
  whole(entry: unknown): Json {
    const merged = this.#merged(entry);
    const { use: _, url: __, ...around } = this.#defaults.origins[originOf(merged)] ?? {};
    return { ...around, ...merged, ...joinedHeaders(around, merged) };
  }

  /** Where an option of an entry stands: at the entry itself, in what it uses, or in the defaults of its origin. */
  placeOf(entry: unknown, rest: readonly string[], own: readonly string[]): readonly string[] {
    const isIn = (options: unknown) => isPlainObject(options) && Object.hasOwn(options, rest[0] ?? '');
    if (isIn(entry)) return [...own, ...rest];
    const use = isPlainObject(entry) ? entry['use'] : undefined;
    if (this.#isShared(use) && isIn(this.#shared[use])) return ['upstreams', use, ...rest];
    const origin = originOf(this.#merged(entry));
    return isIn(this.#defaults.origins[origin]) ? ['defaults', 'origins', origin, ...rest] : [...own, ...rest];
  }

  /** Checks what pages share by itself: they may not use it, or have values of their own everywhere. */
  check(names: Names, add: Add): void {
    const { page, origins } = this.#defaults;
    const problems = new Problems();
    checkOptions(
      names.fill(page, (rest) => ['defaults', 'page', ...rest]),
      pageChecks,
      '',
      problems,
    );
    for (const { path, message } of problems.all) add(['defaults', 'page', ...path.split('.')], message);
    for (const [name, entry] of Object.entries(this.#shared)) checkEntry(entry, ['upstreams', name], names, add);
    for (const [origin, options] of Object.entries(origins)) {
      const { use: _, url: __, ...own } = options;
      checkEntry(own, ['defaults', 'origins', origin], names, add);
    }
  }

  #isShared(use: unknown): use is string {
    return typeof use === 'string' && Object.hasOwn(this.#shared, use);
  }

  #merged(entry: unknown): Json {
    const { use, ...own } = asOptions(entry);
    if (!this.#isShared(use)) return own;
    const { use: _, ...shared } = asOptions(this.#shared[use]);
    return { ...shared, ...own };
  }
}

/** What it lacks is the page's to say. */
function checkEntry(options: unknown, at: readonly string[], names: Names, add: Add): void {
  const problems = new Problems();
  const { use: _, ...own } = asOptions(options);
  const filled = names.fill(own, (rest) => [...at, ...rest], [String(own['when']).split('.')[0] ?? '']);
  const lacking = { url: 'http://localhost/', each: 'query.list', origins: [], safe: !changes(String(own['method'])) };
  readUpstream({ ...lacking, ...filled }, 'alone', problems);
  for (const { path, message } of problems.all) add([...at, ...path.split('.').slice(1)], message);
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
