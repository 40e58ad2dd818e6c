import type { Response } from 'express';
import { isThenable } from '../hook.js';
import { late } from './late.js';
import { stream } from './send.js';
import type { Place, SendOptions } from './stream.js';
import { type HtmlValue, type Late, Raw } from './values.js';

type Locals = Record<string, unknown>;

/** A view for what is late, and, where that is not `res.locals[name]`, the promise of its data. */
export type LateView = string | { view: string; value: PromiseLike<unknown> };

export interface SendViewOptions extends SendOptions {
  /**
   * By name, the view of each part that is late. The page's view prints `late.NAME`, unescaped. A part's view gets `data`, `outcome`
   * and the page's locals; where there is no data, `data` is null and the outcome says why.
   */
  late: Record<string, LateView>;
  /** The view of what stands in each place until then. It gets `name`, the part's, and the page's locals. @default nothing */
  wait?: string;
  /** For all views, besides `res.locals`. */
  locals?: Locals;
}

/**
 * Renders a view by the app's view engine, sends it, and fills in what is late as it comes. An error in the view is `next(error)`,
 * before anything is sent.
 *
 * @throws {TypeError} if something in `late` is no promise
 * @throws {Error} if a page has been sent already
 * @example sendView(res, 'city', { late: { reviews: 'boxes/reviews' }, wait: 'boxes/waiting', nonce })
 */
export function sendView(res: Response, view: string, { late: views, wait, locals = {}, ...options }: SendViewOptions) {
  const parts = Object.entries(views).map(([name, entry]) => [name, partOf(res, name, entry, locals)] as const);
  stream(res, options, async (stream) => {
    const places = new Map<string, Place>();
    const shown: Record<string, string> = {};
    for (const [name, part] of parts) {
      if (options.order === 'in' || part.isThere) {
        shown[name] = (await stream.render(part)).text;
        continue;
      }
      const place = stream.place(part);
      places.set(name, place);
      const waiting = wait === undefined ? '' : await render(res, wait, { ...locals, name });
      shown[name] = stream.placeholder(place, waiting);
    }
    const text = await render(res, view, { ...locals, late: shown });
    await stream.finish(text, placesIn(text, view, places));
  });
}

function partOf(res: Response, name: string, entry: LateView, locals: Locals): Late {
  const { view, value } = typeof entry === 'string' ? { view: entry, value: res.locals[name] } : entry;
  if (!isThenable(value)) {
    const given = typeof entry === 'string' ? `res.locals.${name}` : `the value of '${name}'`;
    throw new TypeError(`sendView: ${given} is no promise: has its upstream \`defer: true\`?`);
  }
  const show = (data: unknown, outcome: unknown): HtmlValue =>
    render(res, view, { ...locals, data, outcome }).then((text) => new Raw(text));
  return late(value, { ok: show, fail: (outcome) => show(null, outcome) });
}

/** The places that a view has printed: it need not have one for each part. */
function placesIn(text: string, view: string, places: ReadonlyMap<string, Place>): Place[] {
  return [...places].flatMap(([name, place]) => {
    // Between the entities of its quotes.
    if (text.includes(`;${place.name}&`)) {
      throw new Error(`sendView: the view '${view}' escapes late.${name}: it has to print it as it stands`);
    }
    // Whatever the engine does to quotes. Place 1 is not place 10.
    return new RegExp(`${place.name}(?!\\d)`).test(text) ? [place] : [];
  });
}

function render(res: Response, view: string, locals: Locals): Promise<string> {
  return new Promise((resolve, reject) => {
    res.render(view, locals, (error: unknown, text) => {
      if (error === null || error === undefined) resolve(String(text ?? ''));
      else reject(error);
    });
  });
}
