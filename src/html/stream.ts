import { randomBytes } from 'node:crypto';
import type { Response } from 'express';
import { hookFailure } from '../hook.js';
import { warnOnce } from '../warn.js';
import { escapeHtml } from './escape.js';
import { filler, fillerHash } from './filler.js';
import { Printer } from './printer.js';
import { Late, Raw } from './values.js';

export interface SendOptions {
  /** Of the page's Content-Security-Policy, for the script that fills in what is late in browsers that do not do it themselves. */
  nonce?: string | undefined;
  /**
   * `'out'`: what is late is filled in when it comes. `'in'`: the page waits for it at its place, for mail, crawlers and clients that
   * neither fill it in themselves nor run scripts.
   * @default 'out'
   */
  order?: 'out' | 'in' | undefined;
}

/** Markup, and what it has places for. */
interface Printed {
  readonly text: string;
  readonly places: readonly Place[];
}

/** A place on the page that is filled in later, by its name. */
export interface Place {
  readonly name: string;
  readonly part: Late;
}

/** More of a page is not printed, or given to a client who is slow, at once: characters. */
const MOST_AT_ONCE = 32 * 1024;
/** The end of a page, in which `</body>` is looked for, is not sent before all of it is printed. */
const KEPT_BACK = 1024;
const end = new Raw('<?end>');

/** A page on its way. */
export class PageStream {
  readonly #res: Response;
  readonly #nonce: string | null;
  readonly #isInOrder: boolean;
  // Upstream HTML could fill a place whose name it can guess.
  readonly #prefix = `m${randomBytes(9).toString('base64url')}-`;
  #places = 0;
  /** How many places are not filled yet. */
  #open = 0;
  #ready: Place[] = [];
  #filled: (Printed & { readonly name: string })[] = [];
  #isScriptSent = false;
  #isFull = false;
  #isClosed: boolean;
  #wake: () => void = () => {};

  constructor(res: Response, { nonce, order }: SendOptions) {
    this.#res = res;
    this.#nonce = nonce ?? null;
    this.#isInOrder = order === 'in';
    this.#isClosed = res.closed;
    // 'error' and 'finish' are followed by 'close'.
    res.once('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
    res.on('drain', () => {
      this.#isFull = false;
      this.#wake();
    });
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#res.destroyed || this.#res.writableEnded;
  }

  /** Prints and sends a page. @throws what is wrong with it */
  async send(page: unknown): Promise<void> {
    const { text, places } = await this.#print(new Printer(page), true);
    await this.finish(text, places);
  }

  /** A new place for a part. */
  place(part: Late): Place {
    return { name: this.#prefix + this.#places++, part };
  }

  /** The markup of a place in which this stands until it is filled. */
  placeholder({ name }: Place, wait: string): string {
    return `<?start name="${name}">${wait}<?end>`;
  }

  /** The markup of a part. It never rejects. */
  async render(part: Late): Promise<Printed> {
    await part.ready;
    try {
      return await this.#print(new Printer(part.show()), false);
    } catch (cause) {
      warnOfRendering('a part of a page', cause);
      return await this.#renderFailure(part, cause);
    }
  }

  async #renderFailure(part: Late, cause: unknown): Promise<Printed> {
    try {
      return await this.#print(new Printer(part.showFailure(cause)), false);
    } catch (second) {
      warnOfRendering('a part of a page', second);
      return { text: '', places: [] };
    }
  }

  /** Sends the rest of a page, and what it has places for, as that comes. */
  async finish(text: string, places: readonly Place[]): Promise<void> {
    if (this.#isOver) return;
    if (places.length === 0 && !this.#res.headersSent) return void this.#res.send(text);
    const at = places.length === 0 ? text.length : endOfBody(text);
    await this.#write(text.slice(0, at));
    this.#begin(places);
    await this.#fill();
    if (!this.#isOver) this.#res.end(text.slice(at));
  }

  /** Prints until the end. What is there when the page has to wait is sent, if `isPage`. */
  async #print(printer: Printer, isPage: boolean): Promise<Printed> {
    const places: Place[] = [];
    const enough = isPage ? MOST_AT_ONCE + KEPT_BACK : Number.POSITIVE_INFINITY;
    let stop = printer.run(enough);
    while (stop !== null && !this.#isOver) {
      if (stop === 'enough') {
        const { text } = printer;
        const at = wholeUntil(text, text.length - KEPT_BACK);
        printer.text = text.slice(at);
        await this.#write(text.slice(0, at));
        stop = null;
      } else if (!(stop instanceof Late)) {
        if (isPage) await this.#writeUnlessSettled(printer, stop);
        stop = printer.resume(await stop);
      } else if (this.#isInOrder || stop.isThere) {
        if (isPage) await this.#writeUnlessSettled(printer, stop.ready);
        const printed = await this.render(stop);
        printer.text += printed.text;
        places.push(...printed.places);
        stop = null;
      } else {
        const place = this.place(stop);
        places.push(place);
        printer.text += `<?start name="${place.name}">`;
        printer.push(stop.wait, end);
        stop = null;
      }
      stop ??= printer.run(enough);
    }
    return { text: printer.text, places };
  }

  /** What is printed is sent if it has to wait; a promise that is settled is not waited for. */
  async #writeUnlessSettled(printer: Printer, promise: PromiseLike<unknown>): Promise<void> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await new Promise((resolve) => setImmediate(resolve));
    if (isSettled || printer.text === '') return;
    const { text } = printer;
    printer.text = '';
    await this.#write(text);
  }

  #begin(places: readonly Place[]): void {
    for (const place of places) {
      this.#open++;
      void place.part.ready.then(() => {
        this.#ready.push(place);
        this.#wake();
      });
    }
  }

  /** Sends what is late. A part is rendered when the client can take it, and nobody waits for one that waits itself. */
  async #fill(): Promise<void> {
    while (this.#open > 0 && !this.#isOver) {
      const filled = this.#filled.shift();
      if (filled !== undefined) {
        this.#open--;
        await this.#write(`${this.#script()}<template for="${filled.name}">${filled.text}</template><wbr>`);
        // Not before: what fills a place that is not there yet is lost.
        this.#begin(filled.places);
        continue;
      }
      const place = this.#ready.shift();
      if (place === undefined) {
        await this.#woken();
        continue;
      }
      const rendering = this.render(place.part).then((printed) => {
        this.#filled.push({ ...printed, name: place.name });
        this.#wake();
      });
      await Promise.race([rendering, new Promise((resolve) => setImmediate(resolve))]);
    }
  }

  /** The filler, before the first part, unless the page's policy forbids it. */
  #script(): string {
    if (this.#isScriptSent) return '';
    this.#isScriptSent = true;
    if (this.#nonce !== null) return `<script nonce="${escapeHtml(this.#nonce)}">${filler}</script>`;
    const policy = this.#res.getHeader('Content-Security-Policy');
    const isAllowed =
      policy === undefined || [fillerHash, "'unsafe-inline'"].some((source) => `${policy}`.includes(source));
    return isAllowed ? `<script>${filler}</script>` : '';
  }

  async #write(text: string): Promise<void> {
    for (let at = 0; at < text.length && !this.#isOver; ) {
      const res = prepare(this.#res);
      const end = wholeUntil(text, at + MOST_AT_ONCE);
      this.#isFull = !res.write(text.slice(at, end));
      // The middleware that compresses has this.
      (res as { flush?: () => void }).flush?.();
      while (this.#isFull && !this.#isOver) await this.#woken();
      at = end;
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Where the end of the body begins; the end of the text where that is not in it. */
function endOfBody(text: string): number {
  let last = text.length;
  for (const { index } of text.matchAll(/<\/body[\t\n\f\r ]*>/gi)) last = index;
  return last;
}

/** An index at which text can be cut: not between the two halves of a character. */
function wholeUntil(text: string, at: number): number {
  const isHalf = at > 1 && at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
  return isHalf ? at - 1 : Math.min(at, text.length);
}

/** Of what visitors only see a failure. */
export function warnOfRendering(what: string, cause: unknown): void {
  warnOnce('MASHUP_HTML', hookFailure(`rendering ${what} threw`, cause).message);
}

/** Sets the headers of a page that is sent in pieces, unless they are sent. */
export function prepare(res: Response): Response {
  if (res.headersSent) return res;
  if (!res.hasHeader('Content-Type')) res.setHeader('Content-Type', 'text/html; charset=utf-8');
  // nginx would keep what is early until what is late is there.
  if (!res.hasHeader('X-Accel-Buffering')) res.setHeader('X-Accel-Buffering', 'no');
  return res;
}
