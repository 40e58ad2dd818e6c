import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import { functionOptions } from './schema.js';

export type Json = Readonly<Record<string, unknown>>;

/** Notes what is wrong, and where in the file: the path from its top. */
export type Add = (at: readonly string[], message: string) => void;

/** What a file names and a program has. */
export interface Named {
  readonly functions: Readonly<Record<string, unknown>>;
  readonly schemas: Readonly<Record<string, unknown>>;
  /** Environment variables, for header values. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const requestSources: ReadonlySet<string> = new Set(['params', 'query', 'locals']);

/** Puts in place what a file names: functions, schemas, environment variables, conditions. */
export class Names {
  readonly #named: Named;
  readonly #add: Add;

  constructor(named: Named, add: Add) {
    this.#named = named;
    this.#add = add;
  }

  /** @param place where in the file an option stands */
  fill(options: Json, place: (rest: readonly string[]) => readonly string[]): Record<string, unknown> {
    const filled: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(options)) {
      const here = place([name]);
      if (isPlainObject(value) && '$function' in value) filled[name] = this.#function(value, name, here);
      else if (name === 'schema') filled[name] = this.#byName(value, this.#named.schemas, 'schema', here);
      else if (name === 'when') filled[name] = this.#condition(value, here);
      else if (name === 'headers' && isPlainObject(value)) filled[name] = this.#headers(value, here);
      else filled[name] = value;
    }
    const [read = ''] = typeof options['when'] === 'string' ? options['when'].split('.') : [];
    // What a condition reads of another upstream is there when that has ended.
    if (read !== '' && !requestSources.has(read)) filled['after'] = [...[filled['after'] ?? []].flat(), read];
    return filled;
  }

  #function(value: Json, option: string, at: readonly string[]): unknown {
    if (Object.keys(value).length > 1) this.#add(at, 'has something beside $function');
    if (functionOptions.has(option)) return this.#byName(value['$function'], this.#named.functions, 'function', at);
    this.#add(at, 'cannot be a function');
    return undefined;
  }

  #byName(name: unknown, all: Readonly<Record<string, unknown>>, what: string, at: readonly string[]): unknown {
    if (typeof name === 'string' && Object.hasOwn(all, name)) return all[name];
    const known = didYouMean(String(name), Object.keys(all));
    this.#add(at, `the program gives no ${what} of the name '${String(name)}'${known}`);
    return undefined;
  }

  /** A path to a value: where that is false, empty or missing, the upstream is not called. */
  #condition(value: unknown, at: readonly string[]): unknown {
    if (typeof value !== 'string' || !/^[\w-]+(?:\.[\w-]+)*$/.test(value)) {
      this.#add(at, "expected a path such as 'query.city' or 'user.premium'");
      return undefined;
    }
    const [source = '', ...keys] = value.split('.');
    return (context: Json) => {
      const from = requestSources.has(source) ? context[source] : (context['results'] as Json)[source];
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
        const { $env: variable, ...others } = value;
        if (typeof variable !== 'string' || Object.keys(others).length > 0) {
          this.#add([...at, name], 'expected a text, or { "$env": "NAME" }');
          return [name, undefined];
        }
        const found = this.#named.env[variable];
        // Its value is never shown.
        if (found === undefined || found === '') {
          this.#add([...at, name], `the environment variable ${variable} is not set`);
        }
        return [name, found];
      }),
    );
  }
}
