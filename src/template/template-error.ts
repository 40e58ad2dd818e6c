import { shown } from '../shown.js';

/** An invalid template, or a value that a template cannot expand. Its message never shows a value, nor a secret. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly #what: string;
  readonly #position: number | null;
  readonly #fix: string;

  /** @param position is an index; the message counts from 1, as editors do */
  constructor(what: string, position: number | null = null, fix = '', template: string | null = null) {
    const where = position === null ? '' : ` at position ${position + 1}`;
    const whose = template === null ? '' : ` in "${shownTemplate(template)}"`;
    super(`${shown(what)}${where}${whose}${fix === '' ? '' : `: ${shown(fix)}`}`);
    this.#what = what;
    this.#position = position;
    this.#fix = fix;
  }

  /** The same, naming the template that it was found in. */
  in(template: string): TemplateError {
    return new TemplateError(this.#what, this.#position, this.#fix, template);
  }
}

const mostOfTemplate = 100;
const expression = /(\{[^{}]*\})/;
// An @ behind this belongs to a path or a query; behind anything else, it may end a password.
const plainAuthority = /^https?:\/\/[\w.-]+(?::\d+)?(?:\{?[/?]|$)/i;

/**
 * A template as a message may show it: no credentials, none of the text of its query's values, no fragment. It need not be
 * a valid one: a wrong template is where credentials stand in wrong places.
 */
function shownTemplate(template: string): string {
  const at = template.lastIndexOf('@');
  let text = '';
  let rest = template;
  if (at !== -1 && !plainAuthority.test(template)) {
    text = `${/^(?:https?|wss?|ftp)?:?\/*/i.exec(template)?.[0]}…`;
    // A password may hold a ? or #, and a query an @: where both may be, neither is shown.
    rest = /[?#]/.test(template.slice(0, at)) ? '' : template.slice(at);
  }
  let inQuery = false;
  for (const [index, part] of rest.split(expression).entries()) {
    if (index % 2 === 1) {
      inQuery ||= part[1] === '?';
      text += /^\{[^\s"'@]*\}$/.test(part) ? part : '{…}';
      continue;
    }
    const end = part.indexOf('#');
    const literal = end === -1 ? part : part.slice(0, end);
    const mark = inQuery ? 0 : literal.indexOf('?') + 1 || literal.length;
    text += literal.slice(0, mark) + queryNames(literal.slice(mark), inQuery);
    inQuery ||= mark < literal.length || literal.endsWith('?');
    if (end !== -1) return shown(`${text}#…`, mostOfTemplate);
  }
  return shown(text, mostOfTemplate);
}

/** Text of a query without values: only what an equals sign makes a name stays. `inside`: it may begin within a value. */
function queryNames(text: string, inside: boolean): string {
  const pairs = text.split('&').map((pair, index) => {
    const end = inside && index === 0 ? -1 : pair.indexOf('=');
    if (end === -1) return pair === '' ? '' : '…';
    return `${pair.slice(0, end)}=${end + 1 === pair.length ? '' : '…'}`;
  });
  return pairs.join('&');
}
