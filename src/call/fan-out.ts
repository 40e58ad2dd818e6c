import type { ListSource } from '../checked.js';
import { Failure } from '../errors.js';
import { guarded } from '../hook.js';
import type { Outcome } from '../outcome.js';
import type { Abortable } from '../stages/stage.js';
import { readPath } from '../template/url-template.js';
import type { CallContext } from './context.js';
import type { CallOwner } from './run.js';

/** The list of a call with `each`, or why there is none. */
export async function readList(
  list: ListSource,
  maxItems: number,
  context: CallContext,
): Promise<readonly unknown[] | Failure> {
  const items =
    list.kind === 'function'
      ? await guarded('each', list.list, context)
      : readPath(context.lookup(list.source), list.keys);
  if (items instanceof Failure) return items;
  if (!Array.isArray(items)) return new Failure('ERR_UPSTREAM_ITEMS', 'what each names is not a list');
  if (items.length > maxItems) {
    return new Failure('ERR_UPSTREAM_ITEMS', `each has ${items.length} items, and at most ${maxItems} are allowed`);
  }
  return items;
}

/** The call for one item. */
interface ItemCall extends Abortable {
  readonly outcome: Outcome | null;
  start(): void;
}

/** The calls for the items of a list. */
export class FanOut implements CallOwner<ItemCall>, Abortable {
  readonly endsAt: number;
  readonly #calls: readonly ItemCall[];
  readonly #onEnd: (outcomes: Outcome[]) => void;
  #left: number;

  constructor(
    items: readonly unknown[],
    endsAt: number,
    makeCall: (item: unknown, owner: CallOwner<ItemCall>) => ItemCall,
    onEnd: (outcomes: Outcome[]) => void,
  ) {
    this.endsAt = endsAt;
    this.#left = items.length;
    this.#onEnd = onEnd;
    this.#calls = items.map((item) => makeCall(item, this));
  }

  start(): void {
    if (this.#left === 0) this.#onEnd([]);
    for (const call of this.#calls) call.start();
  }

  abort(failure: Failure): void {
    for (const call of this.#calls) call.abort(failure);
  }

  callEnded(): void {
    if (--this.#left === 0) this.#onEnd(this.#calls.map((call) => call.outcome as Outcome));
  }
}

/** When the first attempt of any item was sent: since the run began, as its outcome says it. */
export function firstStart(items: readonly Outcome[]): number | null {
  const starts = items.flatMap(({ timings }) => timings.started ?? []);
  return starts.length === 0 ? null : Math.min(...starts);
}
