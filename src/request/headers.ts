import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Failure } from '../errors.js';
import { isPlainObject } from '../plain.js';
import { acceptEncoding } from '../transport/encoding.js';
import type { HeaderValue } from '../types.js';
import type { RequestSource } from './plan.js';

/** Headers by their name in lower case. A value is what goes on the wire. */
export type HeaderMap = Map<string, string | readonly string[]>;

/** What is sent unless a page says otherwise. */
export const defaultHeaders: HeaderMap = new Map([
  ['accept', 'application/json, text/plain, */*'],
  ['accept-encoding', acceptEncoding],
  ['user-agent', 'express-mashup'],
]);

/** Instead of the usual one, for a fragment of a page. */
export const acceptHtml = 'text/html';

/** Between two neighbours on the way only (RFC 9110, section 7.6.1), and so never passed on. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** These frame the message; they follow from what is sent and are nobody's to set. */
const framing: ReadonlySet<string> = new Set([...hopByHop, 'content-length', 'expect', 'http2-settings']);

/** What a header named by a page may not be, as the end of a sentence; null where it may. */
export function headerNameProblem(name: string): string | null {
  try {
    validateHeaderName(name);
  } catch {
    return 'is not a valid header name';
  }
  return framing.has(name.toLowerCase()) ? 'belongs to the connection, not to the request, and cannot be set' : null;
}

export function isHeaderValue(value: unknown): value is HeaderValue {
  if (value === null || value === undefined) return true;
  const values = Array.isArray(value) ? value : [value];
  return values.every((one) => {
    if (typeof one !== 'string' && typeof one !== 'number' && typeof one !== 'boolean') return false;
    try {
      validateHeaderValue('name', String(one));
      return true;
    } catch {
      return false;
    }
  });
}

/** Adds headers that a page gives; null and undefined leave one out, a default included. */
export function setHeaders(map: HeaderMap, headers: Readonly<Record<string, HeaderValue>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (value === null || value === undefined) map.delete(key);
    else map.set(key, typeof value === 'object' ? value : String(value));
  }
}

/** Headers that a function gave, checked as a config is at mount; why there are none, where it failed. */
export function checkHeaders(headers: unknown): Readonly<Record<string, HeaderValue>> | Failure {
  if (headers instanceof Failure) return headers;
  if (headers === null || headers === undefined) return {};
  if (!isPlainObject(headers)) {
    return new Failure('ERR_UPSTREAM_HOOK', 'its headers function returned no plain object of names and values');
  }
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerNameProblem(name);
    if (problem !== null)
      return new Failure('ERR_UPSTREAM_HOOK', `its headers function returned a name that ${problem}`);
    if (!isHeaderValue(value)) {
      return new Failure(
        'ERR_UPSTREAM_HOOK',
        `its headers function returned a value for '${name}' that cannot be sent`,
      );
    }
  }
  return headers as Readonly<Record<string, HeaderValue>>;
}

/** The client's headers that are passed on, except those that its Connection header names as hop-by-hop. */
export function forwardHeaders(
  map: HeaderMap,
  names: readonly string[],
  { clientHeaders, connectionOptions }: Pick<RequestSource, 'clientHeaders' | 'connectionOptions'>,
): void {
  for (const name of names) {
    const value = Object.hasOwn(clientHeaders, name) ? clientHeaders[name] : undefined;
    if (value !== undefined && !connectionOptions.has(name)) map.set(name, value);
  }
}

/** The names that a Connection header lists. */
export function readConnectionOptions(header: string | string[] | undefined): ReadonlySet<string> {
  if (header === undefined) return none;
  // Split and trimmed, for a regular expression takes time in the square of the blanks that a client sends.
  return new Set([header].flat().flatMap((text) => text.split(',').map((name) => name.trim().toLowerCase())));
}

const none: ReadonlySet<string> = new Set();

/** Name, value, name, value …, as undici takes them. */
export function wireHeaders(map: HeaderMap): string[] {
  const list: string[] = [];
  for (const [name, value] of map) {
    if (typeof value === 'string') list.push(name, value);
    else for (const one of value) list.push(name, String(one));
  }
  return list;
}

/** The same as an object, as axios takes them. */
export function headerObject(map: HeaderMap): Record<string, string | string[]> {
  return Object.fromEntries([...map].map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]));
}
