import { isThenable } from '../hook.js';
import { Printer } from './printer.js';
import { templateOf } from './template.js';
import { Html, type HtmlValue, Raw } from './values.js';

class PrintableHtml extends Html {
  override toString(): string {
    const printer = new Printer(this);
    if (printer.run() !== null) throw new TypeError('html: this template waits for something: send() it');
    return printer.text;
  }
}

/**
 * A template of HTML. Every value is escaped; a template in a hole is not escaped again, and neither is {@link raw}. Promises are
 * waited for, in order. An attribute whose whole value is null, undefined or false is left out. A URL (`href`, `src`, …) that would
 * run a script becomes `about:invalid`.
 *
 * @throws {TypeError} at its first use, if a hole stands where escaping cannot help: an attribute without quotes, an event handler,
 *   `<script>`, `<style>`, a comment; or if the template ends inside a tag
 * @example html`<li class="${kind}">${name}</li>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  for (const value of values) if (typeof value === 'object' && value !== null) expectRejection(value);
  return new PrintableHtml(templateOf(strings), values);
}

/** Nobody may print a promise that is rejected, and an unhandled rejection would end the process. */
function expectRejection(value: object): void {
  if (value instanceof Html) return;
  if (isThenable(value)) value.then(ignore, ignore);
  else if (Array.isArray(value)) for (const one of value) if (isThenable(one)) one.then(ignore, ignore);
}

function ignore(): void {}

/** Markup that is printed as it is. You answer for it: nobody may choose it who must not write HTML on this page. */
export function raw(markup: string): Raw {
  return new Raw(String(markup));
}
