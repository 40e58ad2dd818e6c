import type { AsyncResource } from 'node:async_hooks';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Failure } from '../errors.js';
import type { Origin, PlaceWaiter } from '../origin/origin.js';
import type { AttemptSlots, Turn } from '../stages/stage.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run, by p-limit: what it runs are lanes, each of which serves one waiter after the other. Which
 * comes next is decided when a lane is free, so that the heaviest goes first and a call that has ended is no longer in
 * line. Who waits for a place at its origin holds no slot, and who waits for a slot holds no place.
 */
export class Slots implements AttemptSlots {
  readonly #limit: LimitFunction;
  readonly #async: AsyncResource;
  readonly #line: Waiter[] = [];
  /** Who waits at an origin instead: at most as many for each as there are slots, to leave room there for other runs. */
  readonly #away = new Set<Away>();
  #arrivals = 0;

  constructor(concurrency: number, async: AsyncResource) {
    this.#limit = pLimit(concurrency);
    this.#async = async;
  }

  enter(turn: Turn): void {
    this.#queue({ turn, arrival: this.#arrivals++, hasPlace: false });
    this.#openLane();
  }

  forget(turn: Turn): void {
    const at = this.#line.findIndex((waiter) => waiter.turn === turn);
    const [waiter] = at === -1 ? [] : this.#line.splice(at, 1);
    if (waiter?.hasPlace) turn.origin.leave();
    for (const away of this.#away) if (away.waiter.turn === turn) this.#giveUp(away);
  }

  /** The origin has granted a place: with a slot to match it is the next to go, and without one it waits for that. */
  cameBack(away: Away): void {
    const { waiter } = away;
    this.#away.delete(away);
    waiter.hasPlace = this.#limit.activeCount < this.#limit.concurrency;
    if (waiter.hasPlace) this.#line.unshift(waiter);
    else {
      waiter.turn.origin.leave();
      this.#queue(waiter);
    }
    this.#openLane();
  }

  refused(away: Away, failure: Failure): void {
    this.#away.delete(away);
    away.waiter.turn.refuse(failure);
    this.#openLane();
  }

  #giveUp(away: Away): void {
    this.#away.delete(away);
    away.waiter.turn.origin.forget(away);
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
      const away = new Away(this, waiter, this.#async);
      this.#away.add(away);
      origin.enter(away);
      // A refusal ends a call, and others may have come into the line in its place.
      at = 0;
    }
    return undefined;
  }

  #awayAt(origin: Origin): number {
    let count = 0;
    for (const { waiter } of this.#away) if (waiter.turn.origin === origin) count++;
    return count;
  }
}

interface Waiter {
  readonly turn: Turn;
  readonly arrival: number;
  /** Whether it has a place at its origin, and the next slot is for it. */
  hasPlace: boolean;
}

/** Whoever has a place goes first, lest it be held for nothing; items of a fan-out, which are equals, go as they came. */
function goesBefore(a: Waiter, b: Waiter): boolean {
  return !b.hasPlace && (heaviestFirst(a.turn.plan, b.turn.plan) || a.arrival - b.arrival) < 0;
}

/** One of the line who waits at its origin instead. */
class Away implements PlaceWaiter {
  readonly scope: { readonly async: AsyncResource };
  readonly waiter: Waiter;
  readonly #slots: Slots;

  constructor(slots: Slots, waiter: Waiter, async: AsyncResource) {
    this.#slots = slots;
    this.waiter = waiter;
    this.scope = { async };
  }

  granted(): void {
    this.#slots.cameBack(this);
  }

  refuse(failure: Failure): void {
    this.#slots.refused(this, failure);
  }
}
