import { isPlainObject } from '../plain.js';
import { didYouMean } from '../plan/suggest.js';
import { readPath } from '../template/url-template.js';
import { conditionPath, functionOptions } from './schema.js';

export type Json = Readonly<Record<string, unknown>>;

/** Notes what is wrong, and where in the file: the path from its top. */
export type Add = (at: readonly string[], message: string) => void;

/** Where in the file an option stands, or what is in it. */
export type Place = (rest: readonly string[]) => readonly string[];

/** What a file names and a program has. */
export interface Named {
  readonly functions: Readonly<Record<string, unknown>>;
  readonly schemas: Readonly<Record<string, unknown>>;
  /** Environment variables, for header values. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const notHere = 'cannot come from the environment: only the value of a header can';
const requestSources: ReadonlySet<string> = new Set(['params', 'query', 'locals']);

/** Puts in place what a file names: functions, schemas, environment variables, conditions. */
export class Names {
  readonly #named: Named;
  readonly #add: Add;

  constructor(named: Named, add: Add) {
    this.#named = named;
    this.#add = add;
  }

  /**
   * @param place where in the file an option stands
   * @param others names of the upstreams that a condition may read
   */
  fill(options: Json, place: Place, others: readonly string[] = []): Record<string, unknown> {
    // Not by assignment: a key may be __proto__, which is no option, and has to be told.
    const filled: Record<string, unknown> = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, this.#filled(name, value, place([name]), others)]),
    );
    const [read = ''] = typeof options['when'] === 'string' ? options['when'].split('.') : [];
    const { after = [] } = filled;
    // What a condition reads of another upstream is there when that has ended.
    if (others.includes(read) && Array.isArray(after)) filled['after'] = [...after, read];
    return filled;
  }

  #filled(option: string, value: unknown, at: readonly string[], others: readonly string[]): unknown {
    if (isPlainObject(value) && Object.hasOwn(value, '$function')) return this.#function(value, option, at);
    if (option === 'schema') return this.#byName(value, this.#named.schemas, 'schema', at);
    if (option === 'when') return this.#condition(value, at, others);
    if (option === 'headers' && isPlainObject(value)) return this.#headers(value, at);
    if (namesVariable(value)) this.#add(at, notHere);
    return value;
  }

  #function(value: Json, option: string, at: readonly string[]): unknown {
    if (!functionOptions.has(option)) {
      this.#add(at, 'cannot be a function');
      return undefined;
    }
    if (Object.keys(value).length > 1) this.#add(at, 'expected $function alone, the name of a function');
    const found = this.#byName(value['$function'], this.#named.functions, 'function', at);
    if (found !== undefined && typeof found !== 'function')
      this.#add(at, `what the program gives as '${String(value['$function'])}' is no function`);
    return found;
  }

  #byName(name: unknown, all: Readonly<Record<string, unknown>>, what: string, at: readonly string[]): unknown {
    if (typeof name === 'string' && Object.hasOwn(all, name)) return all[name];
    const known = didYouMean(String(name), Object.keys(all));
    this.#add(at, `the program gives no ${what} of the name '${String(name)}'${known}`);
    return undefined;
  }

  /** A path to a value: where that is false, empty or missing, the upstream is not called. */
  #condition(value: unknown, at: readonly string[], others: readonly string[]): unknown {
    if (typeof value !== 'string' || !conditionPath.test(value)) {
      this.#add(at, "expected a path such as 'query.city' or 'user.premium'");
      return undefined;
    }
    const [source = '', ...keys] = value.split('.');
    const isOfRequest = requestSources.has(source);
    if (!isOfRequest && !others.includes(source)) {
      this.#add(at, `'${source}' is not an upstream${didYouMean(source, others)}`);
      return undefined;
    }
    return (context: Json) => {
      const found = readPath(isOfRequest ? context[source] : (context['results'] as Json)[source], keys);
      return Array.isArray(found) ? found.length > 0 : found;
    };
  }

  #headers(headers: Json, at: readonly string[]): Record<string, unknown> {
    if (Object.hasOwn(headers, '$env')) this.#add(at, notHere);
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        isPlainObject(value) ? this.#variable(value, [...at, name]) : value,
      ]),
    );
  }

  /** Its value is never shown. */
  #variable(value: Json, at: readonly string[]): string | undefined {
    const { $env: variable, ...others } = value;
    if (typeof variable !== 'string' || Object.keys(others).length > 0) {
      this.#add(at, 'expected text, or { "$env": "NAME" }');
      return undefined;
    }
    const { env } = this.#named;
    const found = Object.hasOwn(env, variable) ? env[variable] : undefined;
    if (found === undefined || found === '') this.#add(at, `the environment variable ${variable} is not set`);
    return found;
  }
}

/** Whether something in a value asks for a variable of the environment, which would be sent as it stands there. */
function namesVariable(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesVariable);
  if (!isPlainObject(value)) return false;
  const entries = Object.entries(value);
  const isName = entries.length === 1 && entries[0]?.[0] === '$env' && typeof entries[0][1] === 'string';
  return isName || entries.some(([, one]) => namesVariable(one));
}
