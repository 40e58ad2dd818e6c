import pLimit, { type LimitFunction } from 'p-limit';
import type { Failure } from '../errors.js';
import type { Origin, PlaceWaiter } from '../origin/origin.js';
import type { AttemptSlots, Scope, Turn } from '../stages/stage.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run, by p-limit: what it runs are lanes, each of which serves one waiter after the other. Which
 * comes next is decided when a lane is free, so that the heaviest goes first and a call that has ended is no longer in
 * line. Who waits for a place at its origin holds no slot, and who waits for a slot holds no place.
 */
export class Slots implements AttemptSlots {
  readonly scope: Scope;
  readonly #limit: LimitFunction;
  readonly #line: Waiter[] = [];
  /** Who waits at an origin instead: at most as many for each as there are slots, to leave room there for other runs. */
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

  /** The origin has a place for it: with a slot to match it is the next to go, and without one it waits for that. */
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

  /** A lane that has to wait for another's end finds the line as it is then, and maybe empty. */
  #openLane(): void {
    if (this.#line.length > 0 && this.#limit.pendingCount === 0) void this.#limit(this.#serve);
  }

  readonly #serve = async (): Promise<void> => {
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) {
      const { turn } = waiter;
      // Where several lanes were ending when others came into the line, this is the only one that waited for their slots.
      this.#openLane();
      await new Promise<void>((release) => turn.begin(release));
    }
  };

  /** The first who has or gets a place at its origin. Those before it go there to wait for one. */
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
      // A refusal ends a call, and others may have come into the line in its place.
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

/** Who waits for a slot of the run and a place at its origin. */
class Waiter implements PlaceWaiter {
  readonly turn: Turn;
  readonly arrival: number;
  /** Whether it has a place at its origin, and the next slot is for it. */
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

/** Whoever has a place goes first, lest it be held for nothing; items of a fan-out, which are equals, go as they came. */
function goesBefore(a: Waiter, b: Waiter): boolean {
  return !b.hasPlace && (heaviestFirst(a.turn.plan, b.turn.plan) || a.arrival - b.arrival) < 0;
}
