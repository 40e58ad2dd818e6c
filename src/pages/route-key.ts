import { METHODS } from 'node:http';
import { express } from './express.js';
import { pageKey } from './schema.js';

/** Where a page is served. */
export interface RouteKey {
  readonly method: string;
  readonly path: string;
  /** The names of the path's parameters; null where they cannot be told. */
  readonly params: ReadonlySet<string> | null;
}

const methods: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));

/** Reads what a page is called by in a file, such as 'GET /city/:name'. Returns what is wrong as a text. */
export function readKey(key: string): RouteKey | string {
  const [, method = 'GET', path] = pageKey.exec(key) ?? [];
  if (path === undefined) return "expected a method and a path, such as 'GET /city/:name'";
  if (!methods.has(method)) return `${method} is no method of a page`;
  try {
    express.Router().all(path, () => {});
  } catch (error) {
    return `Express does not take this path: ${(error as Error).message.replace(/[;:] visit .*/, '')}`;
  }
  // Regular expressions and quoted names have parameters that are not read here.
  const isPlain = !/[("]/.test(path);
  const params = isPlain ? new Set([...path.matchAll(/[:*](\w+)/g)].map(([, name = '']) => name)) : null;
  return { method, path, params };
}
