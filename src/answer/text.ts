import { MIMEType } from 'node:util';
import { Failure } from '../errors.js';

/** What a Content-Type header says of how to read a body. */
export interface ContentType {
  readonly kind: 'json' | 'text' | 'markup' | 'binary';
  readonly charset: string | null;
}

/** A body as text: by its byte order mark, its charset, what its markup says, or else as UTF-8. */
export function decodeText(body: Buffer, { kind, charset }: ContentType): string | Failure {
  const label = byteOrderMark(body) ?? charset ?? (kind === 'markup' ? prologCharset(body) : null);
  if (label === null || label === 'utf-8' || label === 'utf8') return withoutMark(body.toString('utf8'));
  try {
    const decoder = new TextDecoder(label);
    // Not in one go: there Node 20 takes windows-1252 for ISO 8859-1 (nodejs/node#56542).
    return decoder.decode(body, { stream: true }) + decoder.decode();
  } catch (cause) {
    return new Failure('ERR_UPSTREAM_BODY', 'its charset is not known', cause);
  }
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** The encoding that a byte order mark tells; it wins over any label (WHATWG Encoding, section 6). */
function byteOrderMark(body: Buffer): string | null {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  return null;
}

/** The charset that an XML declaration (XML 1.0, section 4.3.3) or an HTML meta element names in the first 1024 bytes. */
function prologCharset(body: Buffer): string | null {
  const start = body.toString('latin1', 0, 1024);
  const xml = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/i.exec(start);
  const html = xml ?? /<meta[^>]*?\scharset\s*=\s*["']?([\w.:-]+)/i.exec(start);
  const charset = html?.[1]?.toLowerCase() ?? null;
  // It could be read as ASCII, so it is not what it says (HTML, section 13.2.3.2, says the same).
  return charset?.startsWith('utf-16') ? 'utf-8' : charset;
}

const noContentType: ContentType = { kind: 'binary', charset: null };
const knownContentTypes = new Map<string, ContentType>();
const MOST_KNOWN = 256;

/** Reads a Content-Type header. Upstreams use few, so what was read is kept; not more than a bound, for they choose. */
export function contentType(header: string | null): ContentType {
  if (header === null) return noContentType;
  let type = knownContentTypes.get(header);
  if (type === undefined) {
    type = readContentType(header);
    if (knownContentTypes.size < MOST_KNOWN) knownContentTypes.set(header, type);
  }
  return type;
}

function readContentType(header: string): ContentType {
  let mime: MIMEType;
  try {
    mime = new MIMEType(header);
  } catch {
    return noContentType;
  }
  const charset = mime.params.get('charset')?.toLowerCase() ?? null;
  const { subtype } = mime;
  if (subtype === 'json' || subtype.endsWith('+json')) return { kind: 'json', charset };
  if (subtype === 'xml' || subtype.endsWith('+xml') || subtype === 'html') return { kind: 'markup', charset };
  const isText =
    mime.type === 'text' ||
    charset !== null ||
    /^(javascript|ecmascript|x-www-form-urlencoded|graphql|yaml|x-yaml|toml)$/.test(subtype);
  return { kind: isText ? 'text' : 'binary', charset };
}
