import { isThenable } from '../hook.js';
import { escapeHtml, safeUrl, unsafeUrl } from './escape.js';
import type { Hole, Template, Url } from './template.js';
import { Html, Late, Raw } from './values.js';

/** What printing stops at: a promise, whose value `resume` wants; a part that comes later; or that there is enough text for now. */
export type Stop = PromiseLike<unknown> | Late | 'enough';

/** A template or an array that is being printed. The array has no template. */
interface Frame {
  readonly template: Template | null;
  values: readonly unknown[];
  at: number;
}

/** Prints values. It can stop at what has to be waited for, and it does not recurse: upstreams can nest arrays as they like. */
export class Printer {
  text = '';
  readonly #frames: Frame[] = [];
  /** The value of an attribute that is waited for: its hole, and which value. */
  #waiting: { readonly frame: Frame; readonly hole: number; readonly value: number } | null = null;

  constructor(...values: unknown[]) {
    this.push(...values);
  }

  /** Prints these values next. */
  push(...values: unknown[]): void {
    this.#frames.push({ template: null, values, at: 0 });
  }

  /** Prints until it is done (null), or must stop. */
  run(enough = Number.POSITIVE_INFINITY): Stop | null {
    for (;;) {
      const frame = this.#frames[this.#frames.length - 1];
      if (frame === undefined) return null;
      const { template, values, at } = frame;
      if (template !== null) this.text += template.literals[at];
      if (at === values.length) {
        this.#frames.pop();
        continue;
      }
      frame.at++;
      const stop = template === null ? this.#value(values[at]) : this.#hole(frame, template.holes[at] as Hole, at);
      if (stop !== null) return stop;
      if (this.text.length >= enough) return 'enough';
    }
  }

  /** Goes on with the value of the promise that it stopped at. */
  resume(value: unknown): Stop | null {
    const waiting = this.#waiting;
    if (waiting === null) return this.#value(value);
    this.#waiting = null;
    const { frame, hole } = waiting;
    frame.values = frame.values.with(waiting.value, value);
    return this.#hole(frame, frame.template?.holes[hole] as Hole, hole);
  }

  #hole(frame: Frame, hole: Hole, at: number): Stop | null {
    const value = frame.values[at];
    if (hole.kind === 'text') return this.#value(value);
    const promise = this.#promise(frame, at, hole.kind === 'plain' ? null : hole.url);
    if (promise !== null) return promise;
    if (hole.kind === 'plain') {
      this.text += plainText(value);
    } else if (hole.kind === 'part' || !isNothing(value)) {
      const text = hole.url !== null && isUnsafe(hole.url, frame.values) ? unsafeUrl : attributeText(value);
      this.text += hole.kind === 'part' ? text : hole.open + text + hole.open.at(-1);
    }
    return null;
  }

  /** The first promise among the values that a hole needs. */
  #promise(frame: Frame, at: number, url: Url | null): PromiseLike<unknown> | null {
    const end = url === null ? at + 1 : url.first + url.between.length - 1;
    for (let value = at; value < end; value++) {
      const promise = frame.values[value];
      if (!isThenable(promise)) continue;
      this.#waiting = { frame, hole: at, value };
      return promise;
    }
    return null;
  }

  #value(value: unknown): Stop | null {
    if (typeof value === 'string') this.text += escapeHtml(value);
    else if (typeof value === 'number') this.text += value;
    else if (typeof value !== 'object') this.text += typeof value === 'boolean' ? '' : escapeHtml(textOf(value));
    else if (value === null) return null;
    else if (value instanceof Html) this.#frames.push({ template: value.template, values: value.values, at: 0 });
    else if (value instanceof Raw) this.text += value.text;
    else if (Array.isArray(value)) this.#frames.push({ template: null, values: value, at: 0 });
    else if (value instanceof Late) return value;
    else if (isThenable(value)) return value;
    else this.text += escapeHtml(textOf(value));
    return null;
  }
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === false;
}

function isUnsafe({ first, between }: Url, values: readonly unknown[]): boolean {
  let url = between[0] as string;
  for (let at = 1; at < between.length; at++) {
    const value = values[first + at - 1];
    // It is the author's.
    if (value instanceof Raw) return false;
    url += textOf(value) + between[at];
  }
  return !safeUrl(url);
}

function attributeText(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (value instanceof Html || value instanceof Late) {
    throw new TypeError('html: a template cannot be the value of an attribute: give its text');
  }
  return escapeHtml(textOf(value));
}

/** What stands in an element without markup. */
function plainText(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (value instanceof Late) throw new TypeError('html: late() cannot stand in <title> or <textarea>');
  return value instanceof Html ? value.toString() : escapeHtml(textOf(value));
}

/** A value as text. It may be anything that an upstream sends. */
function textOf(value: unknown): string {
  if (value === null || value === undefined || value === false) return '';
  if (Array.isArray(value)) return value.map((one) => (Array.isArray(one) ? '' : textOf(one))).join(' ');
  try {
    return String(value);
  } catch {
    // Such as { "toString": 1 }.
    return Object.prototype.toString.call(value);
  }
}
