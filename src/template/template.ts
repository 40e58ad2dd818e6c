// URI templates, RFC 6570, all four levels. An invalid template is refused, never expanded in part (section 3 leaves that
// open). What a URL may be made of is url-template.ts's matter; here a template is any string. One thing is added to the
// grammar: a variable that ends in a question mark may be missing. What that means is url-template.ts's matter, too.

import { TemplateError } from './template-error.js';

export { TemplateError };

import { isPlainObject } from '../plain.js';

/** How an expression expands: a row of the table in RFC 6570, appendix A. */
export interface Operator {
  readonly symbol: '' | '+' | '#' | '.' | '/' | ';' | '?' | '&';
  /** Printed before the first defined value. */
  readonly first: string;
  readonly separator: string;
  /** Whether values are printed as `key=value`. */
  readonly named: boolean;
  /** Printed after the key when the value is empty. */
  readonly ifEmpty: string;
  /** Whether reserved characters and pct-encoded triplets of a value are kept as they are. */
  readonly reserved: boolean;
}

export interface Variable {
  /** The varname, split at its dots. Triplets in it are part of the name and not decoded (section 2.3). */
  readonly path: readonly string[];
  /** The whole varname. */
  readonly name: string;
  /** What a named operator prints. RFC 6570 prints the whole varname; we print its last segment. */
  readonly key: string;
  readonly explode: boolean;
  /** The most characters of the value to use. */
  readonly prefix: number | null;
  /** Whether it was written with a question mark at its end. */
  readonly optional: boolean;
}

export interface Expression {
  readonly operator: Operator;
  readonly variables: readonly Variable[];
  /** As it was written, braces included. */
  readonly text: string;
  /** Where it begins in the template, counted from 0. */
  readonly position: number;
}

export interface Template {
  /** Literals, already encoded, and expressions. */
  readonly parts: readonly (string | Expression)[];
}

const operators = new Map(
  (
    [
      { symbol: '', first: '', separator: ',', named: false, ifEmpty: '', reserved: false },
      { symbol: '+', first: '', separator: ',', named: false, ifEmpty: '', reserved: true },
      { symbol: '#', first: '#', separator: ',', named: false, ifEmpty: '', reserved: true },
      { symbol: '.', first: '.', separator: '.', named: false, ifEmpty: '', reserved: false },
      { symbol: '/', first: '/', separator: '/', named: false, ifEmpty: '', reserved: false },
      { symbol: ';', first: ';', separator: ';', named: true, ifEmpty: '', reserved: false },
      { symbol: '?', first: '?', separator: '&', named: true, ifEmpty: '=', reserved: false },
      { symbol: '&', first: '&', separator: '&', named: true, ifEmpty: '=', reserved: false },
    ] as const satisfies readonly Operator[]
  ).map((operator): [string, Operator] => [operator.symbol, operator]),
);
const simple = operators.get('') as Operator;

export function parseTemplate(text: string): Template {
  const parts: (string | Expression)[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{', at);
    const end = open === -1 ? text.length : open;
    if (end > at) parts.push(parseLiteral(text.slice(at, end), at));
    if (open === -1) break;
    const close = text.indexOf('}', open);
    if (close === -1) throw new TemplateError('the "{" is never closed', open, 'add "}", or write %7B for a brace');
    parts.push(parseExpression(text.slice(open, close + 1), open));
    at = close + 1;
  }
  return { parts };
}

// Section 2.1: unreserved, reserved, pct-encoded, ucschar and iprivate. The apostrophe is allowed by erratum 6937, and the
// official examples use it. The last alternative is ucschar and iprivate, said by what they leave out.
const literal =
  /(?:[\w!#$&'()*+,\-./:;=?@[\]~]|%[\dA-Fa-f]{2}|(?![\p{Cc}\p{Cs}\p{NChar}\u{FFF0}-\u{FFFF}\u{E0000}-\u{E0FFF}])[^\0-\u{7F}])*/uy;

function parseLiteral(text: string, position: number): string {
  literal.lastIndex = 0;
  literal.test(text);
  const at = literal.lastIndex;
  if (at < text.length) throw illegalLiteral(text, at, position + at);
  return text.replace(/[^\0-\u{7F}]+/gu, encodeURIComponent);
}

function illegalLiteral(text: string, at: number, position: number): TemplateError {
  const code = text.codePointAt(at) ?? 0;
  const character = String.fromCodePoint(code);
  if (character === '}') return new TemplateError('a "}" without "{"', position, 'write %7D for a brace');
  if (character === '%') {
    return new TemplateError('a "%" without two hex digits', position, 'write %25 for a percent sign');
  }
  if (code > 0x20 && code < 0x7f) {
    const fix = `write %${code.toString(16).toUpperCase()}`;
    return new TemplateError(`the character ${JSON.stringify(character)} is not allowed`, position, fix);
  }
  if (code === 0x20) return new TemplateError('a space', position, 'remove it, or write %20');
  return new TemplateError(
    `the character U+${code.toString(16).toUpperCase().padStart(4, '0')} is not allowed`,
    position,
  );
}

function parseExpression(text: string, position: number): Expression {
  const symbol = text.charAt(1);
  if (text === '{}') throw new TemplateError('an expression without a variable', position);
  if ('=,!@|'.includes(symbol)) {
    const what = `the operator "${symbol}", which RFC 6570 reserves for extensions,`;
    throw new TemplateError(what, position + 1, 'use one of + # . / ; ? & or none');
  }
  const operator = operators.get(symbol) ?? simple;
  const variables: Variable[] = [];
  let at = 1 + operator.symbol.length;
  for (const spec of text.slice(at, -1).split(',')) {
    variables.push(parseVariable(spec, position + at));
    at += spec.length + 1;
  }
  return { operator, variables, text, position };
}

// Section 2.3 and 2.4: varname, then explode or prefix. Then our question mark.
const varname = /(?:\w|%[\dA-Fa-f]{2})(?:\.?(?:\w|%[\dA-Fa-f]{2}))*/y;

function parseVariable(spec: string, position: number): Variable {
  varname.lastIndex = 0;
  const name = varname.exec(spec)?.[0] ?? '';
  const end = position + name.length;
  const mark = spec.indexOf('?', name.length);
  const modifier = spec.slice(name.length, mark === -1 ? spec.length : mark);
  if (name === '' || (modifier !== '' && modifier[0] !== '*' && modifier[0] !== ':')) {
    const rest = spec.slice(name.length);
    const wrong =
      rest === ''
        ? 'a variable name is missing'
        : `not a variable name: unexpected "${String.fromCodePoint(rest.codePointAt(0) ?? 0)}"`;
    throw new TemplateError(wrong, end, 'names are letters, digits and "_", with single dots between them');
  }
  if (/^(?:\*:.*|:.*\*)$/.test(modifier)) {
    throw new TemplateError(`{${name}} has both ":" and "*"`, end, 'use one of them');
  }
  if (modifier !== '' && modifier !== '*' && !/^:[1-9]\d{0,3}$/.test(modifier)) {
    if (modifier[0] === '*') throw new TemplateError(`unexpected text after "*"`, end + 1);
    throw new TemplateError(`a bad length of {${name}}`, end, 'after ":" comes 1 to 9999');
  }
  if (mark !== -1 && mark + 1 < spec.length) {
    const fix = 'one "?" at the end of a variable says that it may be missing, as in {?user.tags*?}';
    throw new TemplateError('unexpected text after "?"', position + mark + 1, fix);
  }
  const path = name.split('.');
  const prefix = modifier[0] === ':' ? Number(modifier.slice(1)) : null;
  return { path, name, key: path.at(-1) ?? name, explode: modifier === '*', prefix, optional: mark !== -1 };
}

/** Section 3.2.1, for one variable: without the operator's `first` and `separator`; undefined if the value is undefined. */
export function expandVariable(operator: Operator, variable: Variable, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const { key, explode, prefix } = variable;
  if (typeof value !== 'object') {
    let text = scalar(variable, value);
    if (prefix !== null) text = cut(text, prefix, operator.reserved);
    text = encode(operator, variable, text);
    return operator.named ? named(operator, key, text) : text;
  }
  const items: string[] = [];
  if (Array.isArray(value)) {
    for (const member of value) {
      if (member === undefined || member === null) continue;
      const text = encode(operator, variable, scalar(variable, member));
      items.push(explode && operator.named ? named(operator, key, text) : text);
    }
  } else {
    // A Date or a Map has no meaning as an associative array.
    if (!isPlainObject(value)) throw new TemplateError(`{${variable.name}} is an object that is not a plain one`);
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined || member === null) continue;
      const left = encode(operator, variable, name);
      const text = encode(operator, variable, scalar(variable, member));
      items.push(!explode ? `${left},${text}` : operator.named ? named(operator, left, text) : `${left}=${text}`);
    }
  }
  if (items.length === 0) return undefined;
  if (prefix !== null) {
    throw new TemplateError(`{${variable.name}:${prefix}} is not text, and a length applies to text only`);
  }
  if (explode) return items.join(operator.separator);
  return operator.named ? named(operator, key, items.join(',')) : items.join(',');
}

function named(operator: Operator, key: string, text: string): string {
  return text === '' ? key + operator.ifEmpty : `${key}=${text}`;
}

function scalar({ name }: Variable, value: unknown): string {
  if (typeof value === 'string') return value;
  // JSON's parser has rounded it: it may be the number of another record.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new TemplateError(`{${name}} is an integer beyond 2^53, which is no longer the one that was sent`);
  }
  if (typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value)) return String(value);
  if (typeof value === 'object') throw new TemplateError(`{${name}} has a list or an object inside`);
  throw new TemplateError(`{${name}} is a ${typeof value === 'number' ? 'number that is not finite' : typeof value}`);
}

// A character that is pct-encoded already, all its octets: where triplets are kept, it must not be cut in half either.
const encodedCharacter = /%[\dA-Fa-f]{2}(?:%[89ABab][\dA-Fa-f]){0,3}/y;

/** Section 2.4.1: a length counts Unicode characters. */
function cut(text: string, length: number, reserved: boolean): string {
  if (text.length <= length) return text;
  let end = 0;
  for (let count = 0; count < length && end < text.length; count++) {
    encodedCharacter.lastIndex = end;
    if (reserved && encodedCharacter.test(text)) end = encodedCharacter.lastIndex;
    else end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

const unreserved = /^[\w.~-]*$/;

function encode(operator: Operator, variable: Variable, text: string): string {
  if (unreserved.test(text)) return text;
  try {
    if (!operator.reserved) {
      const encoded = encodeURIComponent(text);
      return /[!'()*]/.test(encoded) ? encodeMarks(encoded) : encoded;
    }
    // encodeURI likewise: brackets are reserved. And a triplet of the value stays one.
    const kept = encodeURI(text).replaceAll('%5B', '[').replaceAll('%5D', ']');
    return kept.replace(/%25([\dA-Fa-f]{2})/g, '%$1');
  } catch {
    throw new TemplateError(`{${variable.name}} has half of a surrogate pair`);
  }
}

/**
 * encodeURIComponent follows RFC 2396; these became reserved in RFC 3986. By bytes: a client may send thousands, and a callback
 * for each takes ten times as long.
 */
function encodeMarks(encoded: string): string {
  const from = Buffer.from(encoded, 'latin1');
  const to = Buffer.allocUnsafe(from.length * 3);
  let end = 0;
  for (const byte of from) {
    if (byte !== 0x21 && (byte < 0x27 || byte > 0x2a)) to[end++] = byte;
    else {
      to[end++] = 0x25;
      to[end++] = 0x32;
      // 1, 7, 8, 9, A.
      to[end++] = byte === 0x2a ? 0x41 : 0x30 + (byte & 0x0f);
    }
  }
  return to.toString('latin1', 0, end);
}
