import { checkOptions } from '../config/checks.js';
import { upstreamChecks } from '../config/upstream.js';
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
  readonly #origins: Defaults['origins'];
  readonly #used = new Set<string>();

  constructor(shared: Json, { origins }: Defaults, add: Add) {
    this.#shared = shared;
    this.#origins = origins;
    for (const [name, entry] of Object.entries(shared)) {
      if (isPlainObject(entry) && 'use' in entry) add(['upstreams', name, 'use'], 'what is shared uses nothing else');
    }
    for (const [origin, options] of Object.entries(origins)) {
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
    const use = isPlainObject(entry) ? entry['use'] : undefined;
    const merged = this.#merged(entry);
    const origin = originOf(merged);
    if (this.#isShared(use)) this.#used.add(`upstreams ${use}`);
    this.#used.add(`origins ${origin}`);
    if (!Object.hasOwn(this.#origins, origin)) return merged;
    const { use: _, url: __, ...around } = this.#origins[origin] as Json;
    return { ...around, ...merged, ...joinedHeaders(around, merged) };
  }

  /** Where an option of an entry stands: at the entry itself, in what it uses, or in the defaults of its origin. */
  placeOf(entry: unknown, rest: readonly string[], own: readonly string[]): readonly string[] {
    const isIn = (options: unknown) => isPlainObject(options) && Object.hasOwn(options, rest[0] ?? '');
    if (isIn(entry)) return [...own, ...rest];
    const use = isPlainObject(entry) ? entry['use'] : undefined;
    if (this.#isShared(use) && isIn(this.#shared[use])) return ['upstreams', use, ...rest];
    const origin = originOf(this.#merged(entry));
    return isIn(this.#origins[origin]) ? ['defaults', 'origins', origin, ...rest] : [...own, ...rest];
  }

  /** Checks what no page has used, and so no page has checked. */
  checkUnused(names: Names, add: Add): void {
    const check = (key: string, options: unknown, at: readonly string[]) => {
      if (this.#used.has(key)) return;
      const problems = new Problems();
      checkOptions(
        names.fill(asOptions(options), (rest) => [...at, ...rest]),
        upstreamChecks,
        '',
        problems,
      );
      for (const { path, message } of problems.all) add([...at, ...path.split('.')], message);
    };
    for (const [name, entry] of Object.entries(this.#shared)) check(`upstreams ${name}`, entry, ['upstreams', name]);
    for (const [origin, options] of Object.entries(this.#origins)) {
      check(`origins ${origin}`, options, ['defaults', 'origins', origin]);
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
