import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { ConfigError } from '../errors.js';
import type { MashupInstance } from '../instance.js';
import type { Mashup } from '../page-types.js';
import { instanceOf } from '../seam.js';
import { compileFile, type FileProblem, type Route } from './compile.js';
import type { Named } from './named.js';
import { type Position, readJson, readYaml, type Source, SourceError, strangeIn } from './source.js';

/** A file of pages that was read and compiled. */
export interface Loaded {
  readonly routes: readonly Route[];
  readonly text: string;
}

/**
 * Reads and compiles a file of pages, or an object of the same form.
 * @throws {ConfigError} with every problem, each with its file, line and column
 */
export async function load(file: string | object, instance: Mashup, named: Named): Promise<Loaded> {
  if (typeof file !== 'string') {
    const strange = strangeIn(file, () => true);
    if (strange !== null)
      throw new ConfigError([{ path: strange.slice(0, 3).join(' › '), message: 'is nested too deeply' }]);
    return { routes: compiled('', { value: file, positionOf: () => null }, instance, named), text: '' };
  }
  // Some editors put a byte order mark first. It is no column.
  const text = (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
  return { routes: compiled(file, await sourceOf(file, text), instance, named), text };
}

interface AnySource {
  readonly value: unknown;
  positionOf(path: readonly string[]): Position | null;
}

async function sourceOf(file: string, text: string): Promise<Source> {
  try {
    return /^\.ya?ml$/i.test(extname(file)) ? await readYaml(text) : readJson(text);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const { line, column } = error.position;
    throw new ConfigError([{ path: `${file}:${line}:${column}`, message: error.message }]);
  }
}

function compiled(file: string, source: AnySource, instance: Mashup, named: Named): Route[] {
  const problems: FileProblem[] = [];
  const routes = compileFile(source.value, instance, named, problems);
  // Reloading is not what that warning is about.
  const { pages } = instanceOf(instance) as MashupInstance;
  (instanceOf(instance) as MashupInstance).pages = Math.max(0, pages - routes.length);
  if (problems.length === 0) return routes;
  const described = problems.map(({ at, message }) => {
    const position = source.positionOf(at);
    const where = position === null ? [] : [`${file}:${position.line}:${position.column}`];
    return [[...where, ...(at.length === 0 ? [] : [at.join(' › ')])].join(' '), message] as const;
  });
  // What several pages use is found wrong for each of them.
  const different = new Map(described.map((one) => [one.join('\n'), one]));
  throw new ConfigError([...different.values()].map(([path, message]) => ({ path, message })));
}
