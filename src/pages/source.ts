// Reads a file of pages, and knows where in it things stand.

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
  return { value, positionOf: (path) => positionAt(text, nearest(offsets, path)) };
}

/** @throws {SourceError} if it is not YAML; {Error} if the package `yaml` is missing */
export async function readYaml(text: string): Promise<Source> {
  const { LineCounter, parseDocument } = await yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const [error] = document.errors;
  if (error !== undefined) throw new SourceError(error.message, at(error.pos[0]));
  return {
    value: plainOf(document),
    positionOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
        if (node?.range) return at(node.range[0]);
      }
      return { line: 1, column: 1 };
    },
  };
}

function plainOf(document: { toJS(options: { maxAliasCount: number }): unknown }): unknown {
  try {
    // Aliases could make a small file a huge value.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new SourceError((error as Error).message, { line: 1, column: 1 });
  }
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

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
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
    const scalar = /"(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/y;
    scalar.lastIndex = this.#at;
    const [text = ''] = scalar.exec(this.#text) ?? [];
    try {
      const value: unknown = JSON.parse(text);
      this.#at += text.length;
      return value;
    } catch {
      throw this.#wrong('this is no JSON');
    }
  }

  #blanks(): void {
    while (/[\t\n\r \ufeff]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #wrong(message: string, at = this.#at): SourceError {
    return new SourceError(message, positionAt(this.#text, at));
  }
}
