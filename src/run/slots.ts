import pLimit, { type LimitFunction } from 'p-limit';
import type { Failure } from '../errors.js';
import type { Origin, PlaceWaiter } from '../origin/origin.js';
import type { AttemptSlots, Scope, Turn } from '../stages/stage.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run with p-limit. A p-limit task is a lane that serves one waiter after another. A lane picks its
 * next waiter when it becomes free, so the heaviest call goes first and calls that have ended are skipped. A waiter at an
 * origin holds no slot of the run, and a waiter for a slot holds no place at its origin.
 */
export class Slots implements AttemptSlots {
  readonly scope: Scope;
  readonly #limit: LimitFunction;
  readonly #line: Waiter[] = [];
  /** Waiters that stand in an origin's line: per origin at most as many as there are slots, to leave room for other runs. */
  readonly #away = new Set<Waiter>();
  #arrivals = 0;

  constructor(concurrency: number, scope: Scope) {
    this.#limit = pLimit(concurrency);
    this.scope = scope;
  }

  enter(turn: Turn): void {
    this.#queue(new Waiter(this, turn, this.#arrivals++));
    this.#openLane();
  }

  forget(turn: Turn): void {
    const at = this.#line.findIndex((waiter) => waiter.turn === turn);
    const [waiter] = at === -1 ? [] : this.#line.splice(at, 1);
    if (waiter?.hasPlace) turn.origin.leave();
    for (const away of this.#away) {
      if (away.turn === turn) turn.origin.forget(away);
      if (away.turn === turn) this.#comeBack(away);
    }
  }

  /** The origin has a place for it. With a free slot it goes next. Without one it gives the place back and waits for a slot. */
  placeGranted(waiter: Waiter): void {
    waiter.hasPlace = this.#limit.activeCount < this.#limit.concurrency;
    if (waiter.hasPlace) this.#line.unshift(waiter);
    else {
      waiter.turn.origin.leave();
      this.#queue(waiter);
    }
    this.#comeBack(waiter);
  }

  placeRefused(waiter: Waiter, failure: Failure): void {
    this.#comeBack(waiter);
    waiter.turn.refuse(failure);
  }

  #comeBack(waiter: Waiter): void {
    this.#away.delete(waiter);
    this.#openLane();
  }

  #queue(waiter: Waiter): void {
    const line = this.#line;
    let at = line.length;
    while (at > 0 && goesBefore(waiter, line[at - 1] as Waiter)) at--;
    line.splice(at, 0, waiter);
  }

  /** At most one lane is pending in p-limit at a time. It reads the line when it starts, which may be empty by then. */
  #openLane(): void {
    if (this.#line.length > 0 && this.#limit.pendingCount === 0) void this.#limit(this.#serve);
  }

  readonly #serve = async (): Promise<void> => {
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) {
      const { turn } = waiter;
      // Only one lane is ever pending, though several slots may have become free meanwhile.
      this.#openLane();
      await new Promise<void>((release) => turn.begin(release));
    }
  };

  /** The first waiter that has, or now gets, a place at its origin. Waiters before it move to their origin's line. */
  #next(): Waiter | undefined {
    const line = this.#line;
    for (let at = 0; at < line.length; ) {
      const waiter = line[at] as Waiter;
      const { origin } = waiter.turn;
      const hasPlace = waiter.hasPlace || origin.tryEnter();
      if (!hasPlace && this.#awayAt(origin) >= this.#limit.concurrency) {
        at++;
        continue;
      }
      line.splice(at, 1);
      if (hasPlace) return waiter;
      this.#away.add(waiter);
      origin.enter(waiter);
      // A refusal ends a call, which may start others: the line may have changed.
      at = 0;
    }
    return undefined;
  }

  #awayAt(origin: Origin): number {
    let count = 0;
    for (const { turn } of this.#away) if (turn.origin === origin) count++;
    return count;
  }
}

/** An attempt that waits for a slot of the run and a place at its origin. */
class Waiter implements PlaceWaiter {
  readonly turn: Turn;
  readonly arrival: number;
  /** Whether it has a place at its origin already, so that the next slot is for it. */
  hasPlace = false;
  readonly #slots: Slots;

  constructor(slots: Slots, turn: Turn, arrival: number) {
    this.#slots = slots;
    this.turn = turn;
    this.arrival = arrival;
  }

  get scope(): Scope {
    return this.#slots.scope;
  }

  granted(): void {
    this.#slots.placeGranted(this);
  }

  refuse(failure: Failure): void {
    this.#slots.placeRefused(this, failure);
  }
}

/** A waiter that holds a place goes first, so that the place is used. Equals, such as items of a fan-out, go in order of arrival. */
function goesBefore(a: Waiter, b: Waiter): boolean {
  return !b.hasPlace && (heaviestFirst(a.turn.plan, b.turn.plan) || a.arrival - b.arrival) < 0;
}
