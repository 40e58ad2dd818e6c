// What happens to a URL template in each run: values are read, checked and written into path and query. Whatever could be
// known before was refused when the page was made.

import { Failure, UpstreamError } from '../errors.js';
import { shown } from '../shown.js';
import { pathProblem, suspect } from './path-problem.js';
import { expandVariable, type Operator, TemplateError, type Variable } from './template.js';

/** Gives the root object of a variable's first segment, such as `req.params` for `params`. */
export type Lookup = (source: string) => unknown;

/** A variable in its place. */
export interface Slot {
  readonly variable: Variable;
  readonly source: string;
  readonly segments: readonly string[];
  /** Whether it is left out where it is missing: in a query only. */
  readonly optional: boolean;
  /** How it would be written if it were. */
  readonly asOptional: string;
}

export interface Piece {
  readonly operator: Operator;
  readonly slots: readonly Slot[];
}

type Parts = readonly (string | Piece)[];

/** The longest path and query that is sent: a client's own query may have 100 kB. */
export const maxLength = 65_536;

/** Why a path and query cannot be sent once all is added to it, `params` included; null where it can. */
export function tooLong(path: string): Failure | null {
  if (path.length <= maxLength) return null;
  return new Failure('ERR_UPSTREAM_URL', `the URL is longer than ${maxLength} characters`);
}

/**
 * An ERR_UPSTREAM_URL of a template. `byClient`: the client's `params`, `query` or items spoilt it, and with other ones there
 * would be a URL. Its message names variables, and never shows a value.
 */
export class UrlError extends UpstreamError {
  readonly byClient: boolean;

  constructor(message: string, byClient: boolean, cause?: unknown) {
    super('ERR_UPSTREAM_URL', shown(message), { cause });
    this.byClient = byClient;
  }
}

// What stands in for all that the client sent, where it is asked whether the failure is the client's.
const harmless = Symbol('x');

/** Makes the function that expands a template, of which these are the path and the query. */
export function expander(path: Parts, query: Parts): (lookup: Lookup, clientItem?: boolean) => string {
  const names = path.flatMap((part) =>
    typeof part === 'string' ? [] : part.slots.map(({ variable }) => variable.name),
  );
  const culprit = shown(names.map((name) => `{${name}}`).join(' and '), 100);
  const readsRequest = [...path, ...query].some(
    (part) => typeof part !== 'string' && part.slots.some(({ source }) => isClient(source, false)),
  );

  function expandAll(lookup: Lookup, clientItem: boolean): string {
    let text = '';
    for (const part of path) text = typeof part === 'string' ? text + part : addToPath(text, part, lookup, clientItem);
    let search = '';
    for (const part of query) search += typeof part === 'string' ? part : toQuery(part, lookup, clientItem);
    // A `{?a}` of which nothing came leaves the `{&b}` or `&c=d` that follows to begin the query.
    if (search !== '' && search[0] !== '?') search = `?${search[0] === '&' ? search.slice(1) : search}`;
    if (text.length + search.length > maxLength) refuse(`the URL is longer than ${maxLength} characters`);
    if (culprit !== '' && suspect.test(text)) {
      const problem = pathProblem(text);
      if (problem !== null) refuse(`with the value of ${culprit}, the path ${problem}`);
    }
    return text + search;
  }

  function isClients(lookup: Lookup, clientItem: boolean): boolean {
    if (!readsRequest && !clientItem) return false;
    try {
      expandAll((source) => (isClient(source, clientItem) ? harmless : lookup(source)), clientItem);
      return true;
    } catch {
      return false;
    }
  }

  return function expand(lookup, clientItem = false) {
    try {
      return expandAll(lookup, clientItem);
    } catch (error) {
      const byClient = isClients(lookup, clientItem);
      if (error instanceof TemplateError) throw new UrlError(error.message, byClient);
      throw new UrlError('reading a value for the URL threw an error', byClient, error); // a getter
    }
  };
}

/** Routers do not see the parameters of the one above, unless they are told to. */
function hintOf({ source }: Slot): string {
  return source === 'params' ? ' (of a router above? express.Router({ mergeParams: true }))' : '';
}

function refuse(message: string): never {
  throw new TemplateError(message);
}

function isClient(source: string, clientItem: boolean): boolean {
  return source === 'query' || source === 'params' || (clientItem && source === 'item');
}

/** Whether a value was parsed out of a query, so that the client chose its shape as well. */
function isOfQuery(source: string, clientItem: boolean): boolean {
  return source === 'query' || (clientItem && source === 'item');
}

function addToPath(path: string, { operator, slots }: Piece, lookup: Lookup, clientItem: boolean): string {
  let text = path;
  let lead = operator.first;
  for (const slot of slots) {
    const { name } = slot.variable;
    const value = read(slot, lookup);
    if (typeof value === 'object' && value !== null) {
      if (isOfQuery(slot.source, clientItem)) {
        refuse(`{${name}} is not text: in a path, the client may give only text`);
      }
      checkMembers(slot, value, true);
    }
    const expanded = value === '' ? undefined : expandSlot(operator, slot, value);
    if (expanded === undefined) refuse(`{${name}} is missing or empty, and the path needs it${hintOf(slot)}`);
    text += lead;
    if (operator.reserved) {
      if (/[?#]|%5c/i.test(expanded)) refuse(`{${name}} has one of ? # \\, which may not stand in a path`);
      if (expanded.startsWith('//') || (text.endsWith('/') && expanded.startsWith('/'))) {
        refuse(`{${name}} begins with an empty path segment`);
      }
    }
    text += expanded;
    lead = operator.separator;
  }
  return text;
}

function toQuery({ operator, slots }: Piece, lookup: Lookup, clientItem: boolean): string {
  let text = '';
  let lead = operator.first;
  for (const slot of slots) {
    const { name } = slot.variable;
    const value = read(slot, lookup);
    if (typeof value === 'object' && value !== null) {
      if (isOfQuery(slot.source, clientItem)) checkShape(slot, value);
      checkMembers(slot, value, false);
    }
    const expanded = expandSlot(operator, slot, value);
    if (expanded === undefined) {
      if (slot.optional) continue;
      refuse(`{${name}} is missing: if it may be left out, write ${slot.asOptional}`);
    }
    if (operator.reserved) {
      if (expanded.includes('#')) refuse(`{${name}} has a #`);
      if (expanded.includes('&') && isClient(slot.source, clientItem)) {
        refuse(`{${name}} has a &, and the client may not add parameters`);
      }
    }
    text += lead + expanded;
    lead = operator.separator;
  }
  return text;
}

/** The client may send `a=1&a=2`, a list, where one value was thought of; but it must not choose the names. */
function checkShape({ variable: { name }, source }: Slot, value: object): void {
  if (source === 'item') refuse(`{${name}} is not text: an item that the client gives must be text`);
  if (!Array.isArray(value)) refuse(`{${name}} is an object: the client may give text or a list of texts`);
}

/**
 * A list or an object must be whole: in a path the members behind one that is left out would move up, and in a query a filter
 * would fall away. And it must not be too long, which is found out before time is spent on encoding it.
 */
function checkMembers(slot: Slot, value: object, inPath: boolean): void {
  let length = 0;
  if (Array.isArray(value)) {
    // By index: what a sparse list lacks is missing too.
    for (let index = 0; index < value.length && length <= maxLength; index++) {
      length += 1 + checkMember(slot, value[index], inPath);
    }
  } else {
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (key === '' && inPath) checkMember(slot, key, inPath);
      length += 1 + key.length + checkMember(slot, (value as Record<string, unknown>)[key], inPath);
      if (length > maxLength) break;
    }
  }
  if (length > maxLength) refuse(`{${slot.variable.name}} is longer than ${maxLength}`);
}

/** The length of a member that is text. */
function checkMember({ variable: { name }, optional, asOptional }: Slot, member: unknown, inPath: boolean): number {
  if (typeof member === 'string' && (member !== '' || !inPath)) return member.length;
  if (inPath && (member === undefined || member === null || member === '')) {
    refuse(`{${name}} has a missing or empty member, and the path needs it`);
  }
  if (!optional && (member === undefined || member === null)) {
    refuse(`{${name}} has a missing member: if members may be left out, write ${asOptional}`);
  }
  return 0;
}

function read({ source, segments }: Slot, lookup: Lookup): unknown {
  const root = lookup(source);
  return root === harmless ? 'x' : readPath(root, segments);
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
  if (variable.prefix === null && typeof value === 'string' && value.length > maxLength) {
    refuse(`{${variable.name}} is longer than ${maxLength}`); // before time is spent on encoding it
  }
  return expandVariable(operator, variable, value);
}
