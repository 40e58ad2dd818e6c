// The charset that a document declares in its own text. For HTML this is "prescan a byte stream to determine its encoding" (HTML
// standard, section 13.2.3.2): a plain search for `charset=` would find it in comments, scripts and prose too. All functions
// work on the first bytes as Latin-1 text, one character for each byte.

/** The name of an encoding by one of its labels; null where there is none. */
export type EncodingOf = (label: string) => string | null;

const SPACES = '\t\n\f\r ';

/** The encoding that the beginning of an HTML document names; null where it names none that is known. */
export function prescan(start: string, encodingOf: EncodingOf): string | null {
  const utf16 = utf16Declaration(start);
  if (utf16 !== null) return utf16;
  const scan = new Prescan(start.toLowerCase());
  while (scan.toTag()) {
    const label = scan.skipTag();
    const encoding = label === null ? null : asRead(label, encodingOf);
    if (encoding !== null) return encoding;
  }
  const label = declaredLabel(start);
  return label === null ? null : asRead(label, encodingOf);
}

/** The encoding that an XML declaration names (XML 1.0, section 4.3.3), or its label if that is unknown; null for none. */
export function declaredEncoding(start: string, encodingOf: EncodingOf): string | null {
  const label = utf16Declaration(start) ?? declaredLabel(start);
  return label === null ? null : (asRead(label, encodingOf) ?? label);
}

/** A declaration in characters of two bytes each (XML 1.0, appendix F). */
function utf16Declaration(start: string): string | null {
  if (start.startsWith('<\0?\0x\0')) return 'utf-16le';
  if (start.startsWith('\0<\0?\0x')) return 'utf-16be';
  return null;
}

function declaredLabel(start: string): string | null {
  const end = start.startsWith('<?xml') ? start.indexOf('>') : -1;
  const label = /encoding\s*=\s*(?:"([!#-~]*)"|'([!-&(-~]*)')/.exec(start.slice(0, Math.max(end, 0)));
  return label?.[1] ?? label?.[2] ?? null;
}

/** The encoding of a label that was read as single bytes: such a text cannot be UTF-16, whatever the label says. */
function asRead(label: string, encodingOf: EncodingOf): string | null {
  if (label.trim().toLowerCase() === 'x-user-defined') return 'windows-1252';
  const encoding = encodingOf(label);
  return encoding?.startsWith('utf-16') ? 'utf-8' : encoding;
}

/** A walk through the tags of a text in lower case. */
class Prescan {
  readonly #text: string;
  #at = -1;

  constructor(text: string) {
    this.#text = text;
  }

  get #ended(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Goes to the next `<`. */
  toTag(): boolean {
    const at = this.#text.indexOf('<', this.#at + 1);
    this.#at = at === -1 ? this.#text.length : at;
    return !this.#ended;
  }

  /** Goes to the end of the tag or comment that begins here. Returns the label that a meta element names, else null. */
  skipTag(): string | null {
    // The dashes that end a comment may be those that begin it.
    if (this.#startsWith('<!--')) return this.#skipPast('-->', 2);
    if (this.#startsWith('<meta') && this.#isOneOf(`${SPACES}/`, 5)) return this.#readMeta();
    if (/^<\/?[a-z]/.test(this.#text.slice(this.#at, this.#at + 3))) {
      while (!this.#ended && !this.#isOneOf(`${SPACES}>`)) this.#at++;
      while (this.#readAttribute() !== null);
      return null;
    }
    return this.#isOneOf('!/?', 1) ? this.#skipPast('>', 1) : null;
  }

  #readMeta(): string | null {
    this.#at += 5;
    const names = new Set<string>();
    let isContentType = false;
    let charset: string | null = null;
    let content: string | null = null;
    for (let read = this.#readAttribute(); read !== null; read = this.#readAttribute()) {
      const [name, value] = read;
      if (names.has(name)) continue;
      names.add(name);
      if (name === 'http-equiv') isContentType = value === 'content-type';
      else if (name === 'content') content = labelIn(value);
      else if (name === 'charset') charset = value;
    }
    // An element that is cut off does not count.
    if (this.#ended) return null;
    return charset ?? (isContentType ? content : null);
  }

  /** "Get an attribute": its name and value; null at the end of the tag. */
  #readAttribute(): [name: string, value: string] | null {
    while (this.#isOneOf(`${SPACES}/`)) this.#at++;
    if (this.#ended || this.#isOneOf('>')) return null;
    const start = this.#at;
    // An equals sign at the beginning is part of the name.
    while (!this.#ended && !this.#isOneOf(`${SPACES}/>`) && (this.#at === start || !this.#isOneOf('='))) this.#at++;
    const name = this.#text.slice(start, this.#at);
    while (this.#isOneOf(SPACES)) this.#at++;
    if (!this.#isOneOf('=')) return [name, ''];
    this.#at++;
    while (this.#isOneOf(SPACES)) this.#at++;
    return [name, this.#readValue()];
  }

  #readValue(): string {
    const quote = this.#isOneOf(`"'`) ? this.#text.charAt(this.#at) : null;
    const start = this.#at + (quote === null ? 0 : 1);
    if (quote !== null) {
      const end = this.#text.indexOf(quote, start);
      this.#at = end === -1 ? this.#text.length : end + 1;
      return this.#text.slice(start, this.#at - 1);
    }
    while (!this.#ended && !this.#isOneOf(`${SPACES}>`)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #isOneOf(characters: string, ahead = 0): boolean {
    const at = this.#at + ahead;
    return at < this.#text.length && characters.includes(this.#text.charAt(at));
  }

  #skipPast(end: string, from: number): null {
    const at = this.#text.indexOf(end, this.#at + from);
    this.#at = at === -1 ? this.#text.length : at + end.length - 1;
    return null;
  }
}

/** "Extracting a character encoding from a meta element": the label in the value of a `content`. */
function labelIn(content: string): string | null {
  const named = /charset[\t\n\f\r ]*=[\t\n\f\r ]*/.exec(content);
  if (named === null) return null;
  const label = /^(?:"([^"]*)"|'([^']*)'|([^"'][^\t\n\f\r ;]*))/.exec(content.slice(named.index + named[0].length));
  return label?.[1] ?? label?.[2] ?? label?.[3] ?? null;
}
