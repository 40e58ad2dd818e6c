// URL templates: RFC 6570 inside a URL whose scheme, host and port are literal, and whose path keeps the shape it was
// written in whatever the values are. What a value could break is known when the page is made; expanding checks the rest.

import { shown } from '../shown.js';
import { expander, type Lookup, maxLength, type Piece, type Slot } from './expand-url.js';
import { pathProblem } from './path-problem.js';
import { type Expression, parseTemplate, TemplateError } from './template.js';

export { type Lookup, maxLength, readPath, tooLong, UrlError } from './expand-url.js';

export interface UrlTemplate {
  /** As WHATWG serialises it: `https://host:port`, a default port dropped. Null for a relative URL. */
  readonly origin: string | null;
  /** Path and query where there is no expression, else null. */
  readonly path: string | null;
  /** The distinct first segments of the variables, in order. */
  readonly sources: readonly string[];
  /**
   * Path and query. `clientItem`: `item` was taken out of the client's query, or its params.
   * @throws {UrlError} its message names variables and never shows a value
   */
  expand(lookup: Lookup, clientItem?: boolean): string;
}

/**
 * Compiles a URL template.
 * @throws {TemplateError} if it is not a valid one
 */
export function compileUrl(text: string, options: { relative?: boolean } = {}): UrlTemplate {
  try {
    return compile(text, options.relative === true);
  } catch (error) {
    throw error instanceof TemplateError ? error.in(text) : error;
  }
}

function compile(text: string, relative: boolean): UrlTemplate {
  refuseUnset(text);
  const { parts } = parseTemplate(text);
  const hash = text.indexOf('#'); // of a literal or an operator: nothing else can hold one
  if (hash !== -1) {
    throw new TemplateError('a fragment', hash, 'it is never sent to a server; remove it, or write %23');
  }
  const { origin, rest } = splitOrigin(parts, relative);
  const path: (string | Piece)[] = [];
  const query: (string | Piece)[] = [];
  const sources = new Set<string>();
  let sample = ''; // the path with an x for every value
  let place = path;
  for (const part of rest) {
    if (typeof part === 'string') {
      const mark = place === path ? part.indexOf('?') : -1;
      const head = mark === -1 ? part : part.slice(0, mark);
      if (place === path) sample += head;
      if (head !== '') place.push(head);
      if (mark === -1) continue;
      place = query;
      query.push(part.slice(mark));
      continue;
    }
    const { symbol, first } = part.operator;
    const written = shown(part.text, 60);
    if (symbol === '?') {
      if (place === query) throw new TemplateError(`${written} after a "?"`, part.position, 'write {&…} there');
      place = query;
    } else if (symbol === '&' && place === path) {
      throw new TemplateError(`${written} before any "?"`, part.position, 'write {?…} there');
    }
    if (place === path) sample += `${first}x`;
    place.push(compilePiece(part, place === query, sources));
  }
  if (!sample.startsWith('/')) {
    if (origin === null) throw new TemplateError('a relative URL must begin with "/"', 0);
    path.unshift('/'); // what is left is empty or begins with the query
    sample = `/${sample}`;
  }
  const problem = sample.startsWith('//') ? 'begins with "//"' : pathProblem(sample);
  if (problem !== null) throw new TemplateError(`the path ${problem}`);
  refuseRoutePattern(sample, text);
  refuseTemplateLiteral(text);
  const own = [...path, ...query].filter((part) => typeof part === 'string').join('');
  if (own.length > maxLength) throw new TemplateError(`the URL is longer than ${maxLength} characters`);
  if (sources.size === 0) return { origin, path: own, sources: [], expand: () => own };
  return { origin, path: null, sources: [...sources], expand: expander(path, query) };
}

// What a variable of the program's becomes in a string when it has no value, where no URL could have the same text.
const unset = /^(?:(https?:\/\/)(?:[\w.-]*:)?)?(undefined|null|NaN|\[object \w+\])(?![\w.@-])/;

function refuseUnset(text: string): void {
  const [, scheme, word = ''] = unset.exec(text) ?? [];
  if (word === '') return;
  const what = scheme === undefined ? 'begins with' : 'has as its host or port';
  throw new TemplateError(`${what} "${word}"`, null, 'a variable that was not set when the page was made?');
}

/** A template literal's own words are valid here as well, where it was written with the wrong quotes. */
function refuseTemplateLiteral(text: string): void {
  const at = text.indexOf('${');
  if (at === -1) return;
  throw new TemplateError('"${"', at, 'write {params.id}, without the "$", or %24 if the "$" is meant');
}

/** Express's own words for a parameter are valid here, and would be sent as they are. */
function refuseRoutePattern(sample: string, text: string): void {
  const [found, symbol, name = ''] = /\/([:*])([a-z_]\w*)/i.exec(sample) ?? [];
  if (found === undefined) return;
  const [write, escaped] = symbol === ':' ? [`{params.${name}}`, '%3A'] : [`{/params.${name}*} for "/*${name}"`, '%2A'];
  const fix = `write ${write}, or ${escaped} if the "${symbol}" is meant`;
  throw new TemplateError(`"${symbol}${name}" in the path`, text.indexOf(found) + 1, fix);
}

type Parts = readonly (string | Expression)[];

function splitOrigin(parts: Parts, relative: boolean): { origin: string | null; rest: Parts } {
  const head = typeof parts[0] === 'string' ? parts[0] : '';
  const next = parts[head === '' ? 0 : 1] as Expression | undefined; // two literals never touch
  const scheme = /^[a-z][a-z\d+.-]*:/i.exec(head)?.[0].toLowerCase();
  if (scheme === undefined && relative) return { origin: null, rest: parts };
  const match = /^(https?:\/\/)([^/?#]*)/i.exec(head);
  const at = next?.position ?? 0;
  if (match === null) {
    const web = scheme === 'http:' || scheme === 'https:' || /^https?$/i.test(head);
    if (next !== undefined && (web || scheme === undefined) && !head.startsWith('/')) throw notLiteral(next.text, at);
    if (scheme !== undefined && !web)
      throw new TemplateError(`the scheme "${shown(scheme, 20)}"`, 0, 'use http: or https:');
    throw new TemplateError('not an absolute URL', 0, 'begin it with https:// or http:// and a host');
  }
  const [base, , authority = ''] = match;
  if (authority.includes('@')) {
    throw new TemplateError('credentials in a URL', match[1]?.length ?? 0, 'use the option `auth`');
  }
  const rest = head.slice(base.length);
  if (rest === '' && next !== undefined) {
    const { symbol } = next.operator;
    if (symbol !== '/' && symbol !== '?') throw notLiteral(next.text, at);
  }
  let origin: string;
  try {
    origin = new URL(`${base}/`).origin;
  } catch {
    throw new TemplateError('not a host and port', match[1]?.length ?? 0);
  }
  return { origin, rest: rest === '' ? parts.slice(1) : [rest, ...parts.slice(1)] };
}

function notLiteral(text: string, position: number): TemplateError {
  const fix = 'scheme, host and port must be literal; a path begins with "/" or {/…}';
  return new TemplateError(`${shown(text, 60)} in the origin`, position, fix);
}

// What these hold comes from the request, or is the request's whole: one of its members has to be named.
const containers = new Set(['params', 'query', 'locals']);

function compilePiece({ operator, variables, position }: Expression, inQuery: boolean, sources: Set<string>): Piece {
  const { symbol } = operator;
  const slots = variables.map((variable): Slot => {
    const [source = '', ...segments] = variable.path;
    const { name, prefix } = variable;
    if (segments.length === 0 && containers.has(source)) {
      throw new TemplateError(`{${source}} as a whole`, position, `name what to take of it, as in {${source}.id}`);
    }
    if (variable.optional && !inQuery) {
      const fix = `without the value it would be another path; only a query can do without, as in {?${name}?}`;
      throw new TemplateError(`{${shown(name, 60)}} has a "?" in the path`, position, fix);
    }
    sources.add(source);
    const optional = variable.optional || (source === 'query' && (symbol === '?' || symbol === '&'));
    const modifier = prefix === null ? (variable.explode ? '*' : '') : `:${prefix}`;
    return { variable, source, segments, optional, asOptional: `{${symbol}${name}${modifier}?}` };
  });
  return { operator, slots };
}
