/** The directives of a Cache-Control header, of a request or of an answer (RFC 9111, section 5.2). */
export interface Directives {
  has(name: string): boolean;
  /**
   * The seconds that a directive gives; null where it is not there. The smallest counts if it is there several times. What is no
   * number counts as 0: it was meant to limit something (section 4.2.1).
   */
  seconds(name: string): number | null;
  /** The names of header fields that a directive is about; null where it is about all of the answer. */
  fields(name: string): readonly string[] | null;
}

// Longer headers, more directives, and quotes that are never closed have no meaning. An answer that sends them is not stored.
const LONGEST = 8 * 1024;
const MOST = 100;

/** The longest time that is counted (section 1.2.2). */
const MOST_SECONDS = 2 ** 31;

const unusable = new Map([['no-store', [null]]]);

/** Reads a header: its lines joined by commas, null where there is none. */
export function readDirectives(header: string | null): Directives {
  const values = header === null ? new Map<string, (string | null)[]>() : (parse(header) ?? unusable);
  return {
    has: (name) => values.has(name),
    seconds: (name) => {
      const all = values.get(name);
      return all === undefined ? null : Math.min(...all.map(seconds));
    },
    fields: (name) => {
      const all = values.get(name) ?? [];
      // An empty list is a mistake, and names nothing that the rest of the answer could be told apart from.
      if (all.length === 0 || all.some((value) => value === null || value.trim() === '')) return null;
      return all.flatMap((value) => (value ?? '').split(',')).map((field) => field.trim().toLowerCase());
    },
  };
}

function seconds(value: string | null): number {
  if (value === null || !/^\d+$/.test(value)) return 0;
  return Math.min(Number(value), MOST_SECONDS);
}

/** The values of each directive by its name in lower case; null where there is too much to read, or it cannot be told what it says. */
function parse(header: string): Map<string, (string | null)[]> | null {
  if (header.length > LONGEST) return null;
  const values = new Map<string, (string | null)[]>();
  let count = 0;
  for (let at = 0; at < header.length; ) {
    const end = endOf(header, at);
    if (end === null) return null;
    const text = header.slice(at, end);
    at = end + 1;
    const equals = text.indexOf('=');
    const name = (equals === -1 ? text : text.slice(0, equals)).trim().toLowerCase();
    if (name === '') continue;
    if (++count > MOST) return null;
    const value = equals === -1 ? null : unquote(text.slice(equals + 1).trimEnd());
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

/** Where a directive ends: at a comma that is not in quotes. Null where a quote is never closed: it may hide `no-store` or `private`. */
function endOf(header: string, start: number): number | null {
  let isQuoted = false;
  for (let at = start; at < header.length; at++) {
    const character = header[at];
    if (character === '"') isQuoted = !isQuoted;
    else if (character === '\\' && isQuoted) at++;
    else if (character === ',' && !isQuoted) return at;
  }
  return isQuoted ? null : header.length;
}

/** A value may be quoted, whatever its directive (section 5.2). */
function unquote(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value;
}
