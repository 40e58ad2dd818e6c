import type { Call } from '../call/call.js';
import type { CallPlan } from '../call/plan.js';
import type { CallOwner } from '../call/run.js';
import { noteOutcome } from '../notes.js';
import { type Outcome, pendingOutcome } from '../outcome.js';

/** The deferred upstreams of a run: what the page has of them before they have ended. */
export class LateCalls implements CallOwner<Call> {
  readonly endsAt: number;
  /** How many have not ended. */
  left: number;
  /** Their data, by name. None is ever rejected. */
  readonly promises = new Map<string, Promise<unknown>>();
  /** Pending; each is filled in when its call ends. */
  readonly #outcomes = new Map<string, Outcome>();
  readonly #resolve = new Map<string, (data: unknown) => void>();
  readonly #onEnd: (call: Call) => void;

  /** @param endsAt by the clock, when they are given up */
  constructor(plans: readonly CallPlan[], endsAt: number, onEnd: (call: Call) => void) {
    this.endsAt = endsAt;
    this.left = plans.length;
    this.#onEnd = onEnd;
    for (const { name } of plans) {
      const outcome = pendingOutcome(name);
      const promise = new Promise((resolve) => this.#resolve.set(name, resolve));
      noteOutcome(promise, outcome);
      this.#outcomes.set(name, outcome);
      this.promises.set(name, promise);
    }
  }

  /** Null for an upstream that is not deferred. */
  outcomeOf({ name }: CallPlan): Outcome | null {
    return this.#outcomes.get(name) ?? null;
  }

  callEnded(call: Call): void {
    const { name } = call.plan;
    const outcome = call.outcome as Outcome;
    this.left--;
    Object.assign(this.#outcomes.get(name) as Outcome, outcome);
    this.#resolve.get(name)?.(outcome.data);
    this.#onEnd(call);
  }
}
