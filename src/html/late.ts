import { UpstreamError } from '../errors.js';
import { hookFailure } from '../hook.js';
import { outcomeOf } from '../notes.js';
import { type Outcome, pendingOutcome } from '../outcome.js';
import { type HtmlValue, Late } from './values.js';

/** How a part of a page looks before its data is there, then, and where there is none. */
export interface LateOptions<T> {
  /** Until the data is there. @default nothing */
  wait?: HtmlValue;
  /** With the data of a success, of a part of it, or of a fallback. The outcome is null for a promise that is no upstream's. */
  ok: (data: T, outcome: Outcome<T> | null) => HtmlValue;
  /** Where the call failed or was skipped, where a rendering threw, or where a promise was rejected. @default nothing */
  fail?: (outcome: Outcome) => HtmlValue;
}

class LatePart extends Late {
  readonly wait: HtmlValue;
  readonly ready: Promise<void>;
  readonly #outcome: Outcome | null;
  readonly #ok: (data: never, outcome: Outcome<never> | null) => HtmlValue;
  readonly #fail: (outcome: Outcome) => HtmlValue;
  #data: unknown;
  /** What is shown instead of the data. */
  #failed: Outcome | null = null;

  constructor(value: PromiseLike<unknown>, { wait, ok, fail }: LateOptions<never>) {
    super();
    this.wait = wait;
    this.#outcome = outcomeOf(value);
    this.#ok = ok;
    this.#fail = fail ?? (() => null);
    this.ready = Promise.resolve(value).then(
      (data) => {
        this.#data = data;
      },
      (cause) => {
        this.#failed = this.#threw(cause);
      },
    );
  }

  get isThere(): boolean {
    return this.#outcome !== null && this.#outcome.status !== 'pending';
  }

  show(): HtmlValue {
    const outcome = this.#outcome;
    if (this.#failed !== null) return this.#fail(this.#failed);
    if (outcome?.status === 'error' || outcome?.status === 'skipped') return this.#fail(outcome);
    return this.#ok(this.#data as never, outcome as Outcome<never> | null);
  }

  showFailure(cause: unknown): HtmlValue {
    return this.#fail(this.#threw(cause));
  }

  #threw(cause: unknown): Outcome {
    const { code, message } = hookFailure('what shows its data threw', cause);
    const known = this.#outcome ?? pendingOutcome('');
    const error = new UpstreamError(code, message, { upstream: known.name, cause });
    return { ...known, status: 'error', data: null, error };
  }
}

/**
 * A part of a page that is filled in when its data is there, whatever the order: a deferred value of `res.locals`, or any promise.
 *
 * @example late(res.locals.reviews, { wait: html`<p>…</p>`, ok: (reviews) => html`<ul>${reviews.map(row)}</ul>` })
 */
export function late<T>(value: PromiseLike<T>, options: LateOptions<NoInfer<T>>): Late {
  return new LatePart(value, options as LateOptions<never>);
}
