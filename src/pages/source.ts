// Reads a file of pages, and knows where in it things stand.
import { isPlainObject } from '../plain.js';

/** Where something stands: lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Source {
  readonly value: unknown;
  /** Where the value at a path stands; of what is not there, the nearest thing around it. */
  positionOf(path: readonly string[]): Position;
}

/** What is wrong with the text itself. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.position = position;
  }
}

/** @throws {SourceError} if it is not JSON */
export function readJson(text: string): Source {
  const offsets = new Map<string, number>();
  const scanner = new Scanner(text, offsets);
  const value = scanner.document();
  const starts = lineStarts(text);
  return { value, positionOf: (path) => positionIn(starts, nearest(offsets, path)) };
}

/** @throws {SourceError} if it is not YAML; {Error} if the package `yaml` is missing */
export async function readYaml(text: string): Promise<Source> {
  const { LineCounter, parseDocument, visit } = await yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  // An unknown tag is a warning: what is meant by it would be lost.
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) throw new SourceError(error.message, at(error.pos[0]));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined)
        throw new SourceError(`there is no &${alias.source} before this`, at(alias.range?.[0] ?? 0));
    },
  });
  const positionOf = (path: readonly string[]): Position => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return at(node.range[0]);
    }
    return { line: 1, column: 1 };
  };
  // Aliases could make a small file a huge value.
  const value = plainValue(() => document.toJS({ maxAliasCount: 100 }));
  const strange = strangeIn(value, isOfJson);
  if (strange !== null)
    throw new SourceError('this is nested too deeply, or nothing that JSON has', positionOf(strange));
  return { value, positionOf };
}

function plainValue(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    throw new SourceError((error as Error).message, { line: 1, column: 1 });
  }
}

/** The path to what has something around it that leads back to itself, or is not as it should be; null where all is right. */
export function strangeIn(value: unknown, isRight: (value: unknown) => boolean, path: string[] = []): string[] | null {
  if (path.length > DEEPEST || !isRight(value)) return path;
  if (!Array.isArray(value) && !isPlainObject(value)) return null;
  for (const [key, one] of Object.entries(value)) {
    const found = strangeIn(one, isRight, [...path, key]);
    if (found !== null) return found;
  }
  return null;
}

/** YAML 1.1 also has dates, sets and bytes. */
function isOfJson(value: unknown): boolean {
  return typeof value !== 'object' || value === null || Array.isArray(value) || isPlainObject(value);
}

/** The optional package. In `try`, a bundler does without it where it is not installed. */
async function yaml(): Promise<typeof import('yaml')> {
  try {
    return await import('yaml');
  } catch {
    throw new Error('YAML needs a package: npm install yaml');
  }
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function nearest(offsets: ReadonlyMap<string, number>, path: readonly string[]): number {
  for (let length = path.length; length >= 0; length--) {
    const offset = offsets.get(keyOf(path.slice(0, length)));
    if (offset !== undefined) return offset;
  }
  return 0;
}

/** Where each line begins: there may be many problems, and each has its place. */
function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function positionIn(starts: readonly number[], offset: number): Position {
  const line = starts.findLastIndex((start) => start <= offset);
  return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
}

const DEEPEST = 64;

/** Reads JSON, and notes where each value stands. */
class Scanner {
  readonly #text: string;
  readonly #offsets: Map<string, number>;
  #at = 0;

  constructor(text: string, offsets: Map<string, number>) {
    this.#text = text;
    this.#offsets = offsets;
  }

  document(): unknown {
    const value = this.#value([]);
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#wrong('something stands after the end');
    return value;
  }

  #value(path: readonly string[]): unknown {
    if (path.length > DEEPEST) throw this.#wrong('it is nested too deeply');
    this.#blanks();
    this.#offsets.set(keyOf(path), this.#at);
    const character = this.#text[this.#at];
    if (character === '{') return this.#object(path);
    if (character === '[') return this.#list(path);
    return this.#scalar();
  }

  #object(path: readonly string[]): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    for (let isFirst = true; !this.#ends('}', isFirst); isFirst = false) {
      this.#blanks();
      const start = this.#at;
      const key = this.#text[this.#at] === '"' ? (this.#scalar() as string) : null;
      if (key === null) throw this.#wrong('expected a name in double quotes');
      if (Object.hasOwn(object, key)) throw this.#wrong(`'${key}' stands here twice`, start);
      this.#blanks();
      if (this.#text[this.#at] !== ':') throw this.#wrong("expected ':'");
      this.#at++;
      const value = this.#value([...path, key]);
      Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
    }
    return object;
  }

  #list(path: readonly string[]): unknown[] {
    const list: unknown[] = [];
    this.#at++;
    while (!this.#ends(']', list.length === 0)) list.push(this.#value([...path, String(list.length)]));
    return list;
  }

  /** Whether an object or a list ends here; reads the comma where it does not. */
  #ends(end: string, isFirst: boolean): boolean {
    this.#blanks();
    if (this.#text[this.#at] === end) {
      this.#at++;
      return true;
    }
    if (isFirst) return false;
    if (this.#text[this.#at] !== ',') throw this.#wrong(`expected ',' or '${end}'`);
    this.#at++;
    this.#blanks();
    if (this.#text[this.#at] === end) throw this.#wrong(`a comma before '${end}'`);
    return false;
  }

  #scalar(): unknown {
    const text = this.#text[this.#at] === '"' ? this.#quoted() : this.#word();
    try {
      const value: unknown = JSON.parse(text);
      this.#at += text.length;
      return value;
    } catch {
      throw this.#wrong('this is no JSON');
    }
  }

  #word(): string {
    const word = /-?\d[\d.eE+-]*|true|false|null/y;
    word.lastIndex = this.#at;
    return word.exec(this.#text)?.[0] ?? '';
  }

  /** Up to the next quote that ends it. A regular expression would need a stack as long as the text. */
  #quoted(): string {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    return this.#text.slice(this.#at, end + 1);
  }

  #blanks(): void {
    while (/[\t\n\r ]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #wrong(message: string, at = this.#at): SourceError {
    return new SourceError(message, positionIn(lineStarts(this.#text), at));
  }
}
