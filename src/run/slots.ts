import pLimit, { type LimitFunction } from 'p-limit';
import type { Abortable, AttemptSlots, Release, Task } from '../call/host.js';
import type { Failure } from '../errors.js';
import { heaviestFirst } from './order.js';

/**
 * Bounds the attempts of one run. p-limit counts the slots; which call a slot goes to is decided when it is free, so that
 * the heaviest goes first and a call that has ended is no longer in line.
 */
export class Slots implements AttemptSlots {
  readonly #limit: LimitFunction;
  readonly #line: Waiter[] = [];

  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  get hasFree(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount < this.#limit.concurrency;
  }

  acquire(task: Task): Promise<Release | Failure> {
    return new Promise((resolve) => {
      const waiter = new Waiter(task, resolve, this.#line);
      task.underway = waiter;
      waiter.queue();
      void this.#limit(this.#serve);
    });
  }

  /** What a free slot does: it serves the first in line until that gives the slot back. */
  readonly #serve = (): Promise<void> | undefined => {
    const waiter = this.#line.shift();
    return waiter && new Promise((release) => waiter.resolve(release));
  };
}

class Waiter implements Abortable {
  readonly firstByte = null;
  readonly task: Task;
  readonly resolve: (result: Release | Failure) => void;
  readonly #line: Waiter[];

  constructor(task: Task, resolve: (result: Release | Failure) => void, line: Waiter[]) {
    this.task = task;
    this.resolve = resolve;
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
    if (at !== -1) this.#line.splice(at, 1);
    this.resolve(failure);
  }
}
