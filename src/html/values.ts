import type { Template } from './template.js';

/** What may stand in a hole. Null, undefined, true and false print nothing; arrays print one value after the other. */
export type HtmlValue =
  | Html
  | Raw
  | Late
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly HtmlValue[]
  | PromiseLike<HtmlValue>;

/** A template with its values. It is printed when it is sent. */
export abstract class Html {
  readonly template: Template;
  readonly values: readonly unknown[];

  constructor(template: Template, values: readonly unknown[]) {
    this.template = template;
    this.values = values;
  }

  /**
   * The markup, for tests and where there is no response.
   * @throws {TypeError} if something in it has to be waited for
   */
  abstract toString(): string;
}

/** Markup as it stands. */
export class Raw {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  toString(): string {
    return this.text;
  }
}

/** A part of a page that is filled in later. */
export abstract class Late {
  /** What stands there until then. */
  abstract readonly wait: HtmlValue;
  /** Whether its data is known to be there already, so that it needs no place of its own. */
  abstract readonly isThere: boolean;
  /** Settled when the part can be rendered; never rejected. */
  abstract readonly ready: Promise<void>;
  /** What it looks like. @throws what the author's function throws */
  abstract show(): HtmlValue;
  /** What it looks like where showing it threw. @throws what the author's function throws */
  abstract showFailure(cause: unknown): HtmlValue;
}
