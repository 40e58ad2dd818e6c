// What is kept of an answer's headers, and what a 304 changes of them (RFC 9111, sections 3.1 and 3.2).
import type { HeaderFields } from './rules.js';
import { controlOf } from './rules.js';

/** Between two neighbours only, or for this one answer. */
const notStored: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'],
  'set-cookie',
]);

/** The headers that may be stored: not those that Connection names, nor those that the answer keeps for who asked. */
export function storedHeaders(headers: HeaderFields): HeaderFields {
  const control = controlOf(headers);
  const named = [
    ...namesIn(headers['connection']),
    ...(control.fields('no-cache') ?? []),
    ...(control.fields('private') ?? []),
  ];
  const left = new Set(named);
  const kept = Object.entries(headers).filter(([name]) => !notStored.has(name) && !left.has(name));
  // No prototype: a header may be called __proto__.
  return Object.assign(Object.create(null), Object.fromEntries(kept));
}

function namesIn(header: string | readonly string[] | undefined): string[] {
  return String(header ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
}

/** The headers of a request that asks whether a stored answer is still right (section 4.3.1). */
export function conditionsOf(headers: HeaderFields): Record<string, string> {
  const { etag, 'last-modified': modified } = headers;
  return {
    ...(etag !== undefined && { 'if-none-match': String(etag) }),
    ...(modified !== undefined && { 'if-modified-since': String(modified) }),
  };
}

/** These are of the body that is stored, and that the 304 does not have. */
const ofTheBody = /^content-(?:encoding|length|range|type)$/;

/** The stored headers with those of the 304 that confirms them; null where it is about another answer (section 4.3.4). */
export function refreshedHeaders(stored: HeaderFields, { ...fresh }: HeaderFields): HeaderFields | null {
  const [mine, its] = [stored['etag'], fresh['etag']];
  if (mine !== undefined && its !== undefined && weak(String(mine)) !== weak(String(its))) return null;
  const [date, itsDate] = [stored['last-modified'], fresh['last-modified']];
  if (its === undefined && date !== undefined && itsDate !== undefined && date !== itsDate) return null;
  const changes = Object.entries(storedHeaders(fresh)).filter(([name]) => !ofTheBody.test(name));
  // Age and date were those of the answer that was stored. A 304 without a date is as young as it came (RFC 9110, section 6.6.1).
  const { age: _, date: __, ...others } = stored;
  return Object.assign(Object.create(null), others, Object.fromEntries(changes));
}

function weak(etag: string): string {
  return etag.replace(/^\s*W\//, '').trim();
}
