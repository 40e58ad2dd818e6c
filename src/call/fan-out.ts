import { Failure } from '../errors.js';
import type { Outcome } from '../outcome.js';
import type { CallPlan } from '../plan/plan.js';
import type { Call } from './call.js';
import { guarded } from './hook.js';
import type { Abortable, CallHost } from './host.js';

/** The list of a call with `each`, or why there is none. */
export async function readList(call: Call): Promise<readonly unknown[] | Failure> {
  const { list, config } = call.plan;
  if (list === null) return [];
  const items =
    list.kind === 'function'
      ? await guarded('each', list.list, call.context)
      : followPath(call.context.lookup(list.source), list.keys);
  if (items instanceof Failure) return items;
  if (!Array.isArray(items)) return new Failure('ERR_UPSTREAM_ITEMS', 'what each names is not a list');
  if (items.length > config.maxItems) {
    return new Failure(
      'ERR_UPSTREAM_ITEMS',
      `each has ${items.length} items, and at most ${config.maxItems} are allowed`,
    );
  }
  return items;
}

/** Own properties only: what a prototype has is not data. */
function followPath(root: unknown, keys: readonly string[]): unknown {
  let value = root;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Calls the upstream for each item; when they have ended, tells the call that they are part of. */
export function fanOut(whole: Call, items: readonly unknown[], makeCall: MakeCall): void {
  if (items.length === 0) whole.endItems([]);
  else new Items(whole, items, makeCall).start();
}

/** The constructor of calls: they and their items cannot import each other. */
type MakeCall = (plan: CallPlan, host: CallHost, item: unknown) => Call;

/** The calls for the items of a list: a host to them, and to the call they are part of something that can be given up. */
class Items implements Abortable, CallHost {
  readonly firstByte = null;
  readonly scope: CallHost['scope'];
  readonly clock: CallHost['clock'];
  readonly began: number;
  readonly endsAt: number;
  readonly isHurried: boolean;
  readonly connections: CallHost['connections'];
  readonly origins: CallHost['origins'];
  readonly slots: CallHost['slots'];
  readonly req: CallHost['req'];
  readonly locals: CallHost['locals'];
  readonly #whole: Call;
  readonly #calls: readonly Call[];
  #left: number;

  constructor(whole: Call, items: readonly unknown[], makeCall: MakeCall) {
    const { host, plan } = whole;
    this.scope = host.scope;
    this.clock = host.clock;
    this.began = host.began;
    this.endsAt = whole.endsAt;
    this.isHurried = host.isHurried;
    this.connections = host.connections;
    this.origins = host.origins;
    this.slots = host.slots;
    this.req = host.req;
    this.locals = host.locals;
    this.#whole = whole;
    this.#left = items.length;
    this.#calls = items.map((item) => makeCall(plan.item as CallPlan, this, item));
  }

  get flights(): CallHost['flights'] {
    return this.#whole.host.flights;
  }

  start(): void {
    this.#whole.underway = this;
    for (const call of this.#calls) call.start();
  }

  abort(failure: Failure): void {
    for (const call of this.#calls) call.abort(failure);
  }

  outcomeOf(plan: CallPlan): Outcome | null {
    return this.#whole.host.outcomeOf(plan);
  }

  callEnded(): void {
    if (--this.#left === 0) this.#whole.endItems(this.#calls.map((call) => call.outcome as Outcome));
  }
}

/** When the first attempt of any item was sent. */
export function firstStart(items: readonly Outcome[]): number | null {
  const starts = items.flatMap(({ timings }) => timings.started ?? []);
  return starts.length === 0 ? null : Math.min(...starts);
}
