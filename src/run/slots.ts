import pLimit, { type LimitFunction } from 'p-limit';
import type { Abortable, AttemptSlots, TakeTurn, Task } from '../call/host.js';
import type { Origin } from '../call/origins.js';
import type { Failure } from '../errors.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run. p-limit runs as many lanes as there are slots at most; which call a lane serves next is
 * decided when it is free, so that the heaviest goes first and a call that has ended is no longer in line. Who waits for a
 * place at its origin holds no slot, and who waits for a slot holds no place.
 */
export class Slots implements AttemptSlots {
  readonly #limit: LimitFunction;
  readonly #line: Waiter[] = [];
  /** How many are in line at an origin instead. At most as many as there are slots, to leave room there for other runs. */
  #away: Map<Origin, number> | null = null;
  #lanes = 0;
  #arrivals = 0;

  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  enter(task: Task, origin: Origin, take: TakeTurn): void {
    this.#queue(new Waiter(task, origin, take, this.#line, this.#arrivals++));
    this.#openLane();
  }

  get #hasFree(): boolean {
    return this.#lanes < this.#limit.concurrency;
  }

  #queue(waiter: Waiter): void {
    const line = this.#line;
    let at = line.length;
    while (at > 0 && goesBefore(waiter, line[at - 1] as Waiter)) at--;
    line.splice(at, 0, waiter);
    waiter.task.underway = waiter;
  }

  #openLane(): void {
    if (!this.#hasFree || this.#line.length === 0) return;
    this.#lanes++;
    void this.#limit(this.#serve);
  }

  /** A lane: it serves the first in line until that gives the slot back, and then the next, until there is none. */
  readonly #serve = async (): Promise<void> => {
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) {
      await new Promise<void>(waiter.take);
    }
    this.#lanes--;
  };

  /** The first who has or gets a place at its origin. Those before it go there to wait for one. */
  #next(): Waiter | undefined {
    const line = this.#line;
    for (let at = 0; at < line.length; ) {
      const waiter = line[at] as Waiter;
      const hasPlace = waiter.placed || waiter.origin.tryEnter();
      if (!hasPlace && this.#awayAt(waiter.origin) >= this.#limit.concurrency) {
        at++;
        continue;
      }
      line.splice(at, 1);
      if (hasPlace) return waiter;
      this.#sendAway(waiter);
    }
    return undefined;
  }

  #sendAway(waiter: Waiter): void {
    const { task, origin } = waiter;
    this.#countAway(origin, 1);
    origin.enter(task, (refusal) => {
      this.#countAway(origin, -1);
      if (refusal !== null) waiter.take(refusal);
      else if (this.#hasFree) this.#putFirst(waiter);
      else {
        origin.leave();
        this.#queue(waiter);
      }
      this.#openLane();
    });
  }

  #putFirst(waiter: Waiter): void {
    waiter.placed = true;
    this.#line.unshift(waiter);
    waiter.task.underway = waiter;
  }

  #awayAt(origin: Origin): number {
    return this.#away?.get(origin) ?? 0;
  }

  #countAway(origin: Origin, more: number): void {
    this.#away ??= new Map();
    this.#away.set(origin, this.#awayAt(origin) + more);
  }
}

/** Whoever has a place goes first, lest it be held for nothing; items of a fan-out, which are equals, go as they came. */
function goesBefore(a: Waiter, b: Waiter): boolean {
  return !b.placed && (heaviestFirst(a.task.plan, b.task.plan) || a.arrival - b.arrival) < 0;
}

class Waiter implements Abortable {
  readonly firstByte = null;
  readonly task: Task;
  readonly origin: Origin;
  readonly take: TakeTurn;
  readonly arrival: number;
  /** Whether it has a place at its origin, and the next slot is for it. */
  placed = false;
  readonly #line: Waiter[];

  constructor(task: Task, origin: Origin, take: TakeTurn, line: Waiter[], arrival: number) {
    this.task = task;
    this.origin = origin;
    this.take = take;
    this.#line = line;
    this.arrival = arrival;
  }

  abort(failure: Failure): void {
    const at = this.#line.indexOf(this);
    // Not in line any more, it has just been told that it waits in vain.
    if (at === -1) return;
    this.#line.splice(at, 1);
    if (this.placed) this.origin.leave();
    this.take(failure);
  }
}
