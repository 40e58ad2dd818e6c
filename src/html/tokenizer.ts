// Reads the literal text of a template as the HTML standard's tokenizer does (section 13.2.5), to tell where a hole stands.

/** Elements whose content is no markup, and has no character references either. */
const rawText: ReadonlySet<string> = new Set(['script', 'style', 'xmp', 'iframe', 'noembed', 'noframes', 'plaintext']);
/** Elements whose content is text with character references. */
const plainText: ReadonlySet<string> = new Set(['title', 'textarea']);

/** An attribute whose value is being read, or has been. Indexes are of the piece of text in which its name stands. */
export interface Attribute {
  readonly element: string;
  readonly name: string;
  /** Where its name begins, and where its value does. */
  readonly start: number;
  readonly valueStart: number;
}

export type State =
  | { readonly in: 'text' | 'comment' | 'declaration' | 'before value' | 'unquoted' }
  /** Inside an element without markup. */
  | { readonly in: 'raw' | 'plain' }
  | { readonly in: 'tag' }
  | { readonly in: 'value'; readonly quote: string; readonly attribute: Attribute };

const text: State = { in: 'text' };
const comment: State = { in: 'comment' };
const declaration: State = { in: 'declaration' };
const tag: State = { in: 'tag' };
const beforeValue: State = { in: 'before value' };
const unquoted: State = { in: 'unquoted' };
const raw: State = { in: 'raw' };
const plain: State = { in: 'plain' };

/** Reads one piece of text after the other, with a hole between each two. */
export class Tokenizer {
  state: State = text;
  /** The name of the tag that was read last, such as `a` or `/a`. */
  element = '';
  /** The name of the attribute that was read last, in lower case. */
  name = '';
  /** Told of every value in quotes that has ended, and where. */
  readonly #ended: (attribute: Attribute, end: number) => void;
  #nameStart = 0;

  constructor(ended: (attribute: Attribute, end: number) => void) {
    this.#ended = ended;
  }

  read(piece: string): void {
    for (let at = 0; at < piece.length; ) at = this.#step(piece, at);
  }

  /** Reads what stands at an index; the index after it. */
  #step(piece: string, at: number): number {
    switch (this.state.in) {
      case 'text':
        return this.#text(piece, at);
      case 'comment':
        return this.#comment(piece, at);
      case 'declaration':
        return this.#until(piece, at, '>', text);
      case 'raw':
      case 'plain':
        return this.#content(piece, at);
      case 'tag':
        return this.#tag(piece, at);
      case 'before value':
        return this.#beforeValue(piece, at);
      case 'unquoted':
        return this.#unquoted(piece, at);
      case 'value': {
        const { quote, attribute } = this.state;
        const end = piece.indexOf(quote, at);
        if (end === -1) return piece.length;
        this.#ended(attribute, end);
        this.state = tag;
        return end + 1;
      }
    }
  }

  /** Goes to the end of what stands before a state changes. */
  #until(piece: string, at: number, end: string, state: State): number {
    const found = piece.indexOf(end, at);
    if (found === -1) return piece.length;
    this.state = state;
    return found + end.length;
  }

  #text(piece: string, at: number): number {
    const open = piece.indexOf('<', at);
    if (open === -1) return piece.length;
    if (piece.startsWith('<!--', open)) {
      this.state = comment;
      // `<!-->` and `<!--->` are whole comments.
      const short = match(/-?>/y, piece, open + 4);
      if (short !== '') this.state = text;
      return open + 4 + short.length;
    }
    if (piece.startsWith('<![CDATA[', open)) throw new TypeError('html: CDATA is not read: write character references');
    const name = match(/\/?[a-z][^\t\n\f\r />]*/iy, piece, open + 1);
    if (name !== '') {
      this.element = name.toLowerCase();
      this.state = tag;
      return open + 1 + name.length;
    }
    // `</` before anything but a letter is a comment up to the next `>`.
    if (/[!?/]/.test(piece[open + 1] ?? '')) this.state = declaration;
    return open + 1;
  }

  #comment(piece: string, at: number): number {
    const end = /--!?>/g;
    end.lastIndex = at;
    if (end.exec(piece) === null) return piece.length;
    this.state = text;
    return end.lastIndex;
  }

  /** What stands in an element whose content is no markup, up to its end tag. */
  #content(piece: string, at: number): number {
    const end = new RegExp(`</${this.element}(?=[\\t\\n\\f\\r />]|$)`, 'gi');
    end.lastIndex = at;
    const found = end.exec(piece);
    const content = piece.slice(at, found?.index);
    if (this.state.in === 'plain' ? content.includes('<') : /<!--.*<script/is.test(content)) {
      throw new TypeError(`html: "<" in the text of <${this.element}> is not read: write a character reference`);
    }
    if (found === null) return piece.length;
    this.element = `/${this.element}`;
    this.state = tag;
    return end.lastIndex;
  }

  #tag(piece: string, at: number): number {
    const character = piece[at] as string;
    if (character === '>') {
      this.state = text;
      if (rawText.has(this.element)) this.state = raw;
      if (plainText.has(this.element)) this.state = plain;
      return at + 1;
    }
    const between = match(/[\t\n\f\r /]+/y, piece, at);
    if (between !== '') return at + between.length;
    // A name may begin with an equals sign.
    const name = match(/=?[^\t\n\f\r />=]*/y, piece, at);
    const blanks = match(/[\t\n\f\r ]*/y, piece, at + name.length);
    this.#nameStart = at;
    this.name = name.toLowerCase();
    const end = at + name.length + blanks.length;
    if (piece[end] !== '=') return end;
    this.state = beforeValue;
    return end + 1;
  }

  #beforeValue(piece: string, at: number): number {
    const start = at + match(/[\t\n\f\r ]*/y, piece, at).length;
    const quote = piece[start];
    if (quote === undefined) return start;
    if (quote !== '"' && quote !== "'") {
      this.state = quote === '>' ? tag : unquoted;
      return start;
    }
    const { element, name } = this;
    const attribute = { element, name, start: this.#nameStart, valueStart: start + 1 };
    this.state = { in: 'value', quote, attribute };
    return start + 1;
  }

  #unquoted(piece: string, at: number): number {
    const value = match(/[^\t\n\f\r >]*/y, piece, at);
    if (at + value.length < piece.length) this.state = tag;
    return at + value.length;
  }
}

/** What matches at an index; empty where nothing does. */
function match(pattern: RegExp, piece: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(piece)?.[0] ?? '';
}
