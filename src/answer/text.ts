import { MIMEType } from 'node:util';
import { Failure } from '../errors.js';
import { declaredEncoding, prescan } from './prescan.js';

/** How to read a body, by its Content-Type. */
export interface ContentType {
  readonly kind: 'json' | 'html' | 'xml' | 'text' | 'binary';
  readonly charset: string | null;
}

/** A body as text: by its byte order mark, its charset, what its markup says, or else as UTF-8. */
export function decodeText(body: Buffer, type: ContentType): string | Failure {
  const encoding = encodingOfText(body, type);
  if (encoding instanceof Failure) return encoding;
  if (encoding === 'utf-8') return withoutMark(body.toString('utf8'));
  const decoder = new TextDecoder(encoding);
  // As a stream: in one go, Node 20 decodes windows-1252 as ISO 8859-1 (nodejs/node#56542).
  return decoder.decode(body, { stream: true }) + decoder.decode();
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

// How many bytes the HTML standard has a browser look at.
const PROLOG = 1024;

/** The name of the encoding that a text is in. */
export function encodingOfText(body: Buffer, { kind, charset }: ContentType): string | Failure {
  const marked = byteOrderMark(body);
  if (marked !== null) return marked;
  // JSON is UTF-8, whatever charset is given (RFC 8259, sections 8.1 and 11: the type has no charset parameter).
  if (kind === 'json') return 'utf-8';
  if (charset === 'utf-8') return charset;
  const named = charset === null ? null : encodingOf(charset);
  if (named !== null) return named;
  // HTML ignores labels that name no encoding (its standard, section 13.2.3.2).
  if (kind === 'html') return prescan(prolog(body), encodingOf) ?? 'utf-8';
  const declared = charset ?? (kind === 'xml' ? declaredEncoding(prolog(body), encodingOf) : null) ?? 'utf-8';
  return encodingOf(declared) ?? new Failure('ERR_UPSTREAM_BODY', 'its charset is not known');
}

function prolog(body: Buffer): string {
  return body.toString('latin1', 0, PROLOG);
}

/** The name of an encoding by one of its labels (WHATWG Encoding, section 4.2); null where there is none. */
function encodingOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

/** The encoding that a byte order mark tells; it wins over any label (WHATWG Encoding, section 6). */
function byteOrderMark(body: Buffer): string | null {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  return null;
}

const noContentType: ContentType = { kind: 'binary', charset: null };
const plainJson: ContentType = { kind: 'json', charset: null };

/** How to read a body that is JSON because the page says so. A known charset counts; what the text itself declares does not. */
export function asJson({ kind, charset }: ContentType): ContentType {
  return kind === 'json' || charset === null || encodingOf(charset) === null ? plainJson : { kind: 'text', charset };
}

const knownContentTypes = new Map<string, ContentType>();
const MOST_KNOWN = 256;

/** Reads a Content-Type header. Results are cached, but not without bound: upstreams choose what they send. */
export function contentType(header: string | null): ContentType {
  if (header === null) return noContentType;
  let type = knownContentTypes.get(header);
  if (type === undefined) {
    type = readContentType(header);
    if (knownContentTypes.size < MOST_KNOWN && header.length <= LONGEST_TYPE) knownContentTypes.set(header, type);
  }
  return type;
}

// More of them, or longer ones, mean nothing, and node:util takes a microsecond for each parameter and each that is none.
const MOST_TYPES = 8;
const LONGEST_TYPE = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Splits a list at the commas that are not in quotes. */
function splitList(header: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < header.length; at++) {
    const code = header.charCodeAt(at);
    if (code === QUOTE) isQuoted = !isQuoted;
    else if (code === BACKSLASH && isQuoted) at++;
    else if (code === COMMA && !isQuoted) {
      parts.push(header.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(header.slice(start));
  return parts;
}

/**
 * If the header came twice, or a proxy joined it, the last valid type counts. Without a charset of its own, it keeps that of an
 * equal type before it (Fetch, "extract a MIME type").
 */
function readContentType(header: string): ContentType {
  let type: MIMEType | null = null;
  let charset: string | null = null;
  const parts = header.includes(',') ? splitList(header.slice(-MOST_TYPES * LONGEST_TYPE)) : [header];
  for (const part of parts.slice(-MOST_TYPES)) {
    const next = readMimeType(part.slice(0, LONGEST_TYPE));
    if (next === null || next.essence === '*/*') continue;
    const own = next.params.get('charset')?.toLowerCase() || null;
    charset = own ?? (next.essence === type?.essence ? charset : null);
    type = next;
  }
  return type === null ? noContentType : { kind: kindOf(type, charset), charset };
}

function readMimeType(text: string): MIMEType | null {
  try {
    return new MIMEType(text);
  } catch {
    return null;
  }
}

function kindOf({ type, subtype }: MIMEType, charset: string | null): ContentType['kind'] {
  if (subtype === 'json' || subtype.endsWith('+json')) return 'json';
  if (subtype === 'html') return 'html';
  if (subtype === 'xml' || subtype.endsWith('+xml')) return 'xml';
  const isText =
    type === 'text' ||
    charset !== null ||
    /^(javascript|ecmascript|x-www-form-urlencoded|graphql|yaml|x-yaml|toml)$/.test(subtype);
  return isText ? 'text' : 'binary';
}
