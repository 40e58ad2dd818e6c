// URL templates: RFC 6570 inside a URL whose scheme, host and port are literal, and whose path keeps the shape it was
// written in whatever the values are. What a value could break is known when the page is made; expanding checks the rest.

import { UpstreamError } from '../errors.js';
import {
  type Expression,
  expandVariable,
  type Operator,
  parseTemplate,
  TemplateError,
  type Variable,
} from './template.js';

/** Gives the root object of a variable's first segment, such as `req.params` for `params`. */
export type Lookup = (source: string) => unknown;

export interface UrlTemplate {
  /** As WHATWG serialises it: `https://host:port`, a default port dropped. Null for a relative URL. */
  readonly origin: string | null;
  /** Path and query where there is no expression, else null. */
  readonly path: string | null;
  /** The distinct first segments of the variables, in order. */
  readonly sources: readonly string[];
  /** Path and query. @throws {UpstreamError} ERR_UPSTREAM_URL; its message names the variable and never shows the value */
  expand(lookup: Lookup): string;
}

interface Slot {
  readonly variable: Variable;
  readonly source: string;
  readonly segments: readonly string[];
}

interface Piece {
  readonly operator: Operator;
  readonly slots: readonly Slot[];
}

/** The longest path and query that is sent: a client's own query may have 100 kB. */
export const maxLength = 65_536;

// What these hold comes from the request, or is the request's whole: one of its members has to be named.
const containers = new Set(['params', 'query', 'locals']);

/**
 * Compiles a URL template.
 * @throws {TemplateError} if it is not a valid one
 */
export function compileUrl(text: string, options: { relative?: boolean } = {}): UrlTemplate {
  const { parts } = parseTemplate(text);
  const hash = text.indexOf('#'); // of a literal or an operator: nothing else can hold one
  if (hash !== -1) {
    throw new TemplateError('a fragment', hash, 'it is never sent to a server; remove it, or write %23');
  }
  const { origin, rest } = splitOrigin(parts, options.relative === true);
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
    if (symbol === '?') {
      if (place === query) throw new TemplateError(`${part.text} after a "?"`, part.position, 'write {&…} there');
      place = query;
    } else if (symbol === '&' && place === path) {
      throw new TemplateError(`${part.text} before any "?"`, part.position, 'write {?…} there');
    }
    if (place === path) sample += `${first}x`;
    place.push(compilePiece(part, sources));
  }
  if (!sample.startsWith('/')) {
    if (origin === null) throw new TemplateError('a relative URL must begin with "/"', 0);
    path.unshift('/'); // what is left is empty or begins with the query
    sample = `/${sample}`;
  }
  const problem = sample.startsWith('//') ? 'begins with "//"' : pathProblem(sample);
  if (problem !== null) throw new TemplateError(`the path ${problem}`);
  const fixed = [...path, ...query].every((part) => typeof part === 'string') ? [...path, ...query].join('') : null;
  return { origin, path: fixed, sources: [...sources], expand: fixed === null ? expander(path, query) : () => fixed };
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
    if (scheme !== undefined && !web) throw new TemplateError(`the scheme "${scheme}"`, 0, 'use http: or https:');
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
  return new TemplateError(`${text} in the origin`, position, fix);
}

function compilePiece({ operator, variables, position }: Expression, sources: Set<string>): Piece {
  const slots = variables.map((variable): Slot => {
    const [source = '', ...segments] = variable.path;
    if (segments.length === 0 && containers.has(source)) {
      throw new TemplateError(`{${source}} as a whole`, position, `name what to take of it, as in {${source}.id}`);
    }
    sources.add(source);
    return { variable, source, segments };
  });
  return { operator, slots };
}

function expander(path: readonly (string | Piece)[], query: readonly (string | Piece)[]): (lookup: Lookup) => string {
  const names = path.flatMap((part) =>
    typeof part === 'string' ? [] : part.slots.map(({ variable }) => variable.name),
  );
  const culprit = names.map((name) => `{${name}}`).join(' and ');

  function expandAll(lookup: Lookup): string {
    let text = '';
    for (const part of path) text = typeof part === 'string' ? text + part : addToPath(text, part, lookup);
    if (culprit !== '' && suspect.test(text)) {
      const problem = pathProblem(text);
      if (problem !== null) throw urlError(`with the value of ${culprit}, the path ${problem}`);
    }
    let search = '';
    for (const part of query) search += typeof part === 'string' ? part : toQuery(part, lookup);
    // A `{?a}` of which nothing came leaves the `{&b}` or `&c=d` that follows to begin the query.
    if (search !== '' && search[0] !== '?') search = `?${search[0] === '&' ? search.slice(1) : search}`;
    if (text.length + search.length > maxLength) throw urlError(`the URL is longer than ${maxLength} characters`);
    return text + search;
  }

  return function expand(lookup) {
    try {
      return expandAll(lookup);
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      if (error instanceof TemplateError) throw urlError(error.message);
      throw urlError('reading a value for the URL threw an error', error); // a getter
    }
  };
}

function addToPath(path: string, { operator, slots }: Piece, lookup: Lookup): string {
  let text = path;
  let lead = operator.first;
  for (const slot of slots) {
    const { name } = slot.variable;
    const value = readPath(lookup(slot.source), slot.segments);
    const expanded = value === '' ? undefined : expandSlot(operator, slot, value);
    if (expanded === undefined) throw urlError(`{${name}} is missing or empty, and the path needs it`);
    if (typeof value === 'object' && value !== null) checkMembers(slot, value);
    text += lead;
    if (operator.reserved) {
      if (/[?#]|%5c/i.test(expanded)) throw urlError(`{${name}} has one of ? # \\, which may not stand in a path`);
      if (expanded.startsWith('//') || (text.endsWith('/') && expanded.startsWith('/'))) {
        throw urlError(`{${name}} begins with an empty path segment`);
      }
    }
    text += expanded;
    lead = operator.separator;
  }
  return text;
}

/** In a path a list or object must be whole: leaving members out would move the others. */
function checkMembers({ variable: { name }, source }: Slot, value: object): void {
  if (source === 'query') throw urlError(`{${name}} is not text, and a path takes only text of the client's query`);
  const members: unknown[] = Array.isArray(value) ? value : Object.entries(value).flat();
  if (members.some((member) => member === undefined || member === null || member === '')) {
    throw urlError(`{${name}} has a missing or empty member, and the path needs it`);
  }
}

function toQuery({ operator, slots }: Piece, lookup: Lookup): string {
  let text = '';
  let lead = operator.first;
  for (const slot of slots) {
    const value = readPath(lookup(slot.source), slot.segments);
    // The client may send `a=1&a=2`, a list, where one value was thought of; but it must not choose the names.
    if (slot.source === 'query' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      throw urlError(`{${slot.variable.name}} is an object: the client's query may give text or a list of texts`);
    }
    const expanded = expandSlot(operator, slot, value);
    if (expanded === undefined) continue;
    if (operator.reserved && expanded.includes('#')) throw urlError(`{${slot.variable.name}} has a #`);
    text += lead + expanded;
    lead = operator.separator;
  }
  return text;
}

/** Own properties only, so no prototype is ever read; a list's `length` is its own but not data. */
export function readPath(root: unknown, keys: readonly string[]): unknown {
  let value = root;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    if (key === 'length' && Array.isArray(value)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function expandSlot(operator: Operator, { variable }: Slot, value: unknown): string | undefined {
  if (variable.prefix === null && (typeof value === 'string' || Array.isArray(value)) && value.length > maxLength) {
    throw urlError(`{${variable.name}} is longer than ${maxLength}`); // before time is spent on encoding it
  }
  return expandVariable(operator, variable, value);
}

function urlError(message: string, cause?: unknown): UpstreamError {
  return new UpstreamError('ERR_UPSTREAM_URL', message, { cause });
}

/** Cheap, and true of every path in which {@link pathProblem} could find something. */
const suspect = /%|\/\.\.?(?:[/;]|$)/;
// With what servers cut a segment short by: a backslash, and path parameters (`..;x`).
const dotSegment = /(?:^|[/\\])\.\.?(?:[/\\;?#]|$)/;
// The controls above ASCII stay encoded below; C0 and C1 begin only overlong UTF-8, an old way to spell `.` and `/`.
const control = /\p{Cc}|%c2%[89]|%c[01]/iu;

/**
 * What is dangerous in an expanded path: as it is, as the server decodes it, and as a second server behind that one would
 * (so a value `%2e%2e`, which is encoded to `%252e%252e`, is refused too).
 */
function pathProblem(path: string): string | null {
  let text = path;
  for (let decodings = 0; ; decodings++) {
    if (dotSegment.test(text)) return 'has a "." or ".." segment';
    if (control.test(text)) return 'has a control character';
    if (decodings === 2) return null;
    text = text.replace(/%([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
