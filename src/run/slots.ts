import pLimit, { type LimitFunction } from 'p-limit';
import type { Abortable, AttemptSlots, TakeSlot, Task } from '../call/host.js';
import type { Failure } from '../errors.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run. p-limit runs as many lanes as there are slots at most; which call a lane serves next is
 * decided when it is free, so that the heaviest goes first and a call that has ended is no longer in line.
 */
export class Slots implements AttemptSlots {
  readonly #limit: LimitFunction;
  readonly #line: Waiter[] = [];
  #lanes = 0;

  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  get hasFree(): boolean {
    return this.#lanes < this.#limit.concurrency;
  }

  enter(task: Task, take: TakeSlot): void {
    const waiter = new Waiter(task, take, this.#line);
    task.underway = waiter;
    waiter.queue();
    if (!this.hasFree) return;
    this.#lanes++;
    void this.#limit(this.#serve);
  }

  /** A lane: it serves the first in line until that gives the slot back, and then the next, until there is none. */
  readonly #serve = async (): Promise<void> => {
    for (let waiter = this.#line.shift(); waiter !== undefined; waiter = this.#line.shift()) {
      await new Promise<void>(waiter.take);
    }
    this.#lanes--;
  };
}

class Waiter implements Abortable {
  readonly firstByte = null;
  readonly task: Task;
  readonly take: TakeSlot;
  readonly #line: Waiter[];

  constructor(task: Task, take: TakeSlot, line: Waiter[]) {
    this.task = task;
    this.take = take;
    this.#line = line;
  }

  queue(): void {
    const line = this.#line;
    let at = line.length;
    while (at > 0 && heaviestFirst((line[at - 1] as Waiter).task.plan, this.task.plan) > 0) at--;
    line.splice(at, 0, this);
  }

  abort(failure: Failure): void {
    const at = this.#line.indexOf(this);
    // Not in line any more, it has a slot, and is about to send.
    if (at === -1) return;
    this.#line.splice(at, 1);
    this.take(failure);
  }
}
