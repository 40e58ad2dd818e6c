import type { ListSource } from '../checked.js';
import { Failure, type UpstreamError } from '../errors.js';
import { guarded, hookFailure } from '../hook.js';
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
  if (list.kind === 'function') return copyList(await guarded('each', list.list, context), maxItems);
  const items = readPath(context.lookup(list.source), list.keys);
  if (list.source !== 'query' || items === undefined || Array.isArray(items)) return copyList(items, maxItems);
  // Query parsers give a string for one value and a list for several, but qs gives an object for more than 20.
  if (typeof items === 'string') return copyList([items], maxItems);
  return failure("the client's query gives an object where each reads a list", true);
}

/** A copy without holes: a sparse list has a call for each index too, and later changes of the list have no effect. */
function copyList(list: unknown, maxItems: number): readonly unknown[] | Failure {
  if (list instanceof Failure) return list;
  try {
    if (!Array.isArray(list)) return failure('what each names is not a list');
    const { length } = list;
    if (length > maxItems) return failure(`each has ${length} items, and at most ${maxItems} are allowed`);
    const copy: unknown[] = [];
    for (let at = 0; at < length; at++) copy.push(list[at]);
    return copy;
  } catch (cause) {
    return hookFailure('reading the list of each threw', cause);
  }
}

function failure(message: string, byClient = false): Failure {
  return new Failure('ERR_UPSTREAM_ITEMS', message, undefined, null, byClient);
}

/** Whether the client chose an item: the list is in its query or params, or the item is an object in its query. */
export function isClientsItem(list: ListSource, item: unknown, context: CallContext): boolean {
  if (list.kind === 'path') return list.source === 'query' || list.source === 'params';
  return typeof item === 'object' && item !== null && holds(context.query, item, 5);
}

/** Query parsers nest objects in objects, but not deeply. */
function holds(value: unknown, item: object, depth: number): boolean {
  if (value === item) return true;
  if (depth === 0 || typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((member) => holds(member, item, depth - 1));
}

/** How long the loop is held by beginning items. */
const LONGEST_MS = 5;

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
    this.#startFrom(0);
  }

  /** A request takes up to a millisecond to make where a client's parameter is long, so a hundred are not made in one turn. */
  #startFrom(first: number): void {
    const began = performance.now();
    for (let at = first; at < this.#calls.length; at++) {
      if (performance.now() - began > LONGEST_MS) {
        setImmediate(() => this.#startFrom(at));
        return;
      }
      const call = this.#calls[at] as ItemCall;
      if (call.outcome === null) call.start();
    }
  }

  abort(failure: Failure): void {
    for (const call of this.#calls) call.abort(failure);
  }

  callEnded(): void {
    if (--this.#left === 0) this.#onEnd(this.#calls.map((call) => call.outcome as Outcome));
  }
}

/** When the first attempt of any item was sent, in milliseconds since the run began. */
export function firstStart(items: readonly Outcome[]): number | null {
  const starts = items.flatMap(({ timings }) => timings.started ?? []);
  return starts.length === 0 ? null : Math.min(...starts);
}

/** Joins the outcomes of all items: their data in order, or a failure if every item failed. */
export function joinItems(items: readonly Outcome[]): Pick<Outcome<unknown[]>, 'status' | 'data' | 'error'> | Failure {
  const failed = items.find((item) => item.status === 'error') ?? items.find((item) => item.status === 'partial');
  const data = items.map((item) => item.data);
  if (failed === undefined) return { status: 'success', data, error: null };
  if (items.some(({ status }) => status === 'success' || status === 'partial'))
    return { status: 'partial', data, error: failed.error };
  const { code, upstreamStatus, status } = failed.error as UpstreamError;
  return new Failure(code, 'every item failed', failed.error, upstreamStatus, status === 400);
}
