import { Problems } from '../errors.js';
import { isPlainObject } from '../plain.js';
import type { WireRequest } from '../transport/wire.js';
import { readReply, type Script } from './faults.js';
import type { Tape } from './mocks.js';

/** What may stand in a recording; everything else is left out or blanked. */
export interface Allowed {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
  /** Null: all of them. */
  readonly fields: ReadonlySet<string> | null;
}

/** One answer as it stands in the file. */
export interface Recorded {
  readonly upstream: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** JSON data, or text, or bytes in base64; at most one of them. */
  readonly json?: unknown;
  readonly text?: string;
  readonly base64?: string;
}

export const blank = '…';

/** A URL with the values of its query that may be shown, and a blank for the others. */
export function shownUrl(url: string, query: ReadonlySet<string>): string {
  const { origin, pathname, searchParams } = new URL(url);
  const pairs = [...searchParams].map(([name, value]) =>
    query.has(name)
      ? `${encodeURIComponent(name)}=${encodeURIComponent(value)}`
      : `${encodeURIComponent(name)}=${blank}`,
  );
  return `${origin}${pathname}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

/** The same data, with a blank of its type for each value whose property may not be shown. */
export function shownData(data: unknown, fields: ReadonlySet<string> | null, isShown = false): unknown {
  if (fields === null) return data;
  if (Array.isArray(data)) return data.map((item) => shownData(item, fields, isShown));
  if (isPlainObject(data)) {
    return Object.fromEntries(
      Object.entries(data).map(([name, value]) => [name, shownData(value, fields, fields.has(name))]),
    );
  }
  if (isShown || data === null) return data;
  return typeof data === 'string' ? blank : typeof data === 'number' ? 0 : false;
}

/** Gives the answers of a recording: those to equal requests in turn, the last of them from then on. */
export class Replay implements Tape {
  readonly #answers = new Map<string, { readonly scripts: Script[]; at: number }>();
  readonly #query: ReadonlySet<string>;

  /** @throws {ConfigError} if the file is not one that was recorded */
  constructor(recording: unknown, file: string, query: ReadonlySet<string>) {
    this.#query = query;
    const problems = new Problems();
    const answers = isPlainObject(recording) ? recording['answers'] : null;
    if (!Array.isArray(answers)) problems.add(file, 'is not a recording of express-mashup/testing');
    else for (const [at, one] of answers.entries()) this.#add(one as Recorded, `${file}: answers[${at}]`, problems);
    problems.throwIfAny();
  }

  #add(one: Recorded, path: string, problems: Problems): void {
    if (!isPlainObject(one) || ![one.upstream, one.method, one.url].every((text) => typeof text === 'string')) {
      return problems.add(path, 'upstream, method and url are missing');
    }
    const script = readReply({ status: one.status, headers: one.headers, ...bodyOf(one) }, path, problems);
    const key = keyOf(one.upstream, one.method, one.url);
    const known = this.#answers.get(key);
    if (known === undefined) this.#answers.set(key, { scripts: [script], at: 0 });
    else known.scripts.push(script);
  }

  find(upstream: string, { method, origin, path }: WireRequest): Script | null {
    const known = this.#answers.get(keyOf(upstream, method, shownUrl(origin + path, this.#query)));
    if (known === undefined) return null;
    return known.scripts[Math.min(known.at++, known.scripts.length - 1)] as Script;
  }
}

function keyOf(...parts: string[]): string {
  return JSON.stringify(parts);
}

function bodyOf({ json, text, base64 }: Recorded): { body?: unknown } {
  if (json !== undefined) return { body: Buffer.from(JSON.stringify(json)) };
  if (text !== undefined) return { body: Buffer.from(text) };
  return base64 === undefined ? {} : { body: Buffer.from(base64, 'base64') };
}
