// What the holes of a template are, from where they stand in it.
import { safeUrl } from './escape.js';
import { type Attribute, type State, Tokenizer } from './tokenizer.js';

/** The literal text of a template, and what stands between each two pieces of it. */
export interface Template {
  readonly literals: readonly string[];
  readonly holes: readonly Hole[];
}

export type Hole =
  | { readonly kind: 'text' }
  /** In `<title>` and `<textarea>`, where there is no markup. */
  | { readonly kind: 'plain' }
  /** A part of the value of an attribute. */
  | { readonly kind: 'part'; readonly url: Url | null }
  /** A whole attribute: without a value, it is left out. `open` is what stands before its value, such as ` href="`. */
  | { readonly kind: 'attribute'; readonly open: string; readonly url: Url | null };

/** A URL whose scheme the template does not say: what stands before, between and after its holes, of which this is the first. */
export interface Url {
  readonly first: number;
  readonly between: readonly string[];
}

const urls: ReadonlySet<string> = new Set([
  ...['href', 'src', 'action', 'formaction', 'xlink:href', 'data', 'poster', 'background', 'cite', 'ping', 'manifest'],
]);

const text: Hole = { kind: 'text' };
const plain: Hole = { kind: 'plain' };
const part: Hole = { kind: 'part', url: null };

const compiled = new WeakMap<TemplateStringsArray, Template>();

/**
 * The template of a literal, compiled at its first use.
 * @throws {TypeError} if a hole stands where escaping cannot help; the message says where and what to do
 */
export function templateOf(strings: TemplateStringsArray): Template {
  let template = compiled.get(strings);
  if (template === undefined) {
    template = compile(strings);
    compiled.set(strings, template);
  }
  return template;
}

export function compile(strings: readonly string[]): Template {
  const literals = [...strings];
  const holes: Hole[] = [];
  /** The holes of the value that is being read. */
  let inValue: number[] = [];
  let index = 0;
  const tokenizer = new Tokenizer((attribute, end) => {
    if (inValue.length > 0) assign(attribute, end);
    inValue = [];
  });

  for (; index < strings.length; index++) {
    const piece = strings[index] as string;
    tokenizer.read(piece);
    if (index === strings.length - 1) break;
    holes.push(holeAt(tokenizer, piece));
    if (tokenizer.state.in === 'value') inValue.push(index);
  }
  const { state, element } = tokenizer;
  if (state.in !== 'text') throw new TypeError(`html: a template ends ${nameOf(state, element)}: it must be whole`);
  return { literals, holes };

  /** Decides what the holes of a value are, when it has ended. */
  function assign({ name, start, valueStart }: Attribute, end: number): void {
    const first = inValue[0] as number;
    const before = strings[first] as string;
    const between = inValue.map((hole) => strings[hole] as string);
    between[0] = before.slice(valueStart);
    between.push((strings[index] as string).slice(0, end));
    const url = urls.has(name) ? urlOf(name, { first, between }) : null;
    if (inValue.length > 1 || between.some((piece) => piece !== '')) {
      holes[first] = { kind: 'part', url };
      return;
    }
    const blanks = /[\t\n\f\r ]*$/.exec(before.slice(0, start))?.[0].length ?? 0;
    literals[first] = (literals[first] as string).slice(0, before.slice(0, start - blanks).length - before.length);
    holes[first] = { kind: 'attribute', open: before.slice(start - blanks), url };
    // Its quote, which belongs to it, is printed with it.
    literals[index] = (strings[index] as string).slice(1);
  }
}

/** Null where the template says the scheme, or that there is none. */
function urlOf(name: string, url: Url): Url | null {
  const start = url.between[0] as string;
  if (/^[^:/?#]*&/.test(start)) throw new TypeError(`html: the URL in ${name} begins with a character reference`);
  if (!safeUrl(start)) throw refused(`in ${name}, in a URL of that scheme,`, 'use a handler that a script sets');
  return /[:/?#]/.test(start) ? null : url;
}

function holeAt({ state, element, name }: Tokenizer, before: string): Hole {
  switch (state.in) {
    case 'text':
      if (before.endsWith('<')) throw refused('as the name of an element', 'write the name out');
      return text;
    case 'plain':
      return plain;
    case 'value':
      return valueAt(state.attribute);
    case 'before value':
    case 'unquoted':
      throw refused(`in ${name} without quotes`, `write ${name}="\${value}"`);
    case 'tag':
      throw refused('in a tag, outside of a value', `write attribute="\${value}": without a value it is left out`);
    case 'raw':
      throw refused(`inside <${element}>`, 'put it into a data- attribute, or use raw() for the whole element');
    case 'declaration':
      if (/<[!/]$/.test(before)) throw refused('as the name of an element', 'write the name out');
      throw refused('in a comment', 'leave it out');
    case 'comment':
      throw refused('in a comment', 'leave it out');
  }
}

function valueAt({ element, name }: Attribute): Hole {
  if (name.startsWith('on')) throw refused(`in the event handler ${name}`, 'put it into a data- attribute');
  // An animation may set any attribute, such as the href of a link.
  const isAnimation = /^(?:set|animate.*)$/.test(element);
  if (name === 'srcdoc' || name === 'style' || isAnimation) {
    throw refused(`in ${name} of <${element}>`, 'use raw() for the whole element, if you made it safe');
  }
  return part;
}

function nameOf(state: State, element: string): string {
  if (state.in === 'raw' || state.in === 'plain') return `inside <${element}>`;
  return state.in === 'comment' || state.in === 'declaration' ? 'in a comment' : 'inside a tag';
}

function refused(where: string, fix: string): TypeError {
  return new TypeError(`html: a value ${where} cannot be made safe by escaping: ${fix}`);
}
