// What an instance counts of each origin (by its breaker, its budget and its quota), against what was really sent.
import type { Result } from '../../src/answer/answer.js';
import type { Mashup } from '../../src/page-types.js';
import type { Job } from '../../src/stages/stage.js';
import type { ManualClock } from '../support/clock.js';
import { hosts, type Input } from './inputs.js';
import type { ScriptedConnections } from './model.js';
import { ReferenceBreaker, verdictOf } from './reference.js';
import type { Question, Turn } from './tap.js';
import type { Visit } from './visit.js';

/** What is watched. */
export interface Watched {
  readonly input: Input;
  readonly clock: ManualClock;
  readonly connections: ScriptedConnections;
  readonly mashup: Mashup;
  readonly visits: readonly Visit[];
  /** How many hooks are at work for nobody's visit. */
  readonly hooks: number;
  /** By when something must have happened that is due at this time. */
  due(time: number): number;
  /** Notes what is not so. Nothing is thrown, for it is called from within what is tested. */
  expect(isSo: boolean, what: string): void;
}

// What an origin may be sent beyond one attempt a call in 10 s, where there are fewer than 100 calls.
export const BUDGET = 10;

export class Ledger {
  /** Everybody who wanted to send an attempt. */
  readonly turns: Turn[] = [];
  protected readonly world: Watched;
  readonly #breakers: Readonly<Record<string, ReferenceBreaker>>;
  readonly #asked = new Set<string>();

  constructor(world: Watched) {
    this.world = world;
    this.#breakers = Object.fromEntries(hosts.map((origin) => [origin, new ReferenceBreaker(world.input.breaker)]));
  }

  asks(origin: string): number | null {
    this.#asked.add(origin);
    return (this.#breakers[origin] as ReferenceBreaker).enter(this.now);
  }

  answered({ origin, ticket, isLetIn }: Question): void {
    this.expect(isLetIn === (ticket !== null), `the breaker of ${origin} ${ticket === null ? 'refuses' : 'lets in'}`);
  }

  leaves(question: Question, result: Result): void {
    const { origin, ticket } = question;
    if (ticket === null) return;
    const first = this.turns.find((turn) => turn.question === question && turn.sentAt !== null);
    const lasted = first === undefined ? null : this.now - (first.sentAt as number);
    const verdict = verdictOf(result, lasted, first?.root.plan.patience ?? Infinity);
    (this.#breakers[origin] as ReferenceBreaker).leave(ticket, verdict, this.now);
  }

  hasRoom(origin: string, root: Job): boolean {
    return this.#countedWith(origin, root).length < (optionsOf(root).quota?.requests ?? Infinity);
  }

  quotaAnswered(origin: string, isLetPass: boolean, hasRoom: boolean): void {
    this.expect(isLetPass === hasRoom, `a quota of ${origin} ${hasRoom ? 'lets pass' : 'refuses'}`);
  }

  /** The attempts that count in the quota of a call: those sent in its time, and those that wait to be sent. */
  #countedWith(origin: string, root: Job): Turn[] {
    const { quota } = optionsOf(root);
    return this.turns.filter((turn) => {
      const other = optionsOf(turn.root).quota;
      if (quota === null || other === null || other.name !== quota.name) return false;
      if (quota.name === null && turn.origin !== origin) return false;
      return turn.sentAt === null ? turn.result === null : this.now - turn.sentAt < quota.per;
    });
  }

  protected expectQuota({ root, origin }: Turn): void {
    const { quota } = optionsOf(root);
    if (quota === null) return;
    const most = Math.max(...this.#countedWith(origin, root).map((turn) => optionsOf(turn.root).quota?.requests ?? 0));
    const sent = this.#countedWith(origin, root).filter(({ sentAt }) => sentAt !== null);
    this.expect(sent.length <= most, `no more than ${most} are sent to ${origin} in ${quota.per} ms`);
  }

  protected expectBudget(origin: string, left: number): void {
    const roots = new Set(this.turns.filter((turn) => turn.origin === origin).map(({ root }) => root));
    let extras = 0;
    let reserved = 0;
    for (const root of roots) {
      const sent = this.sentFor(root).length;
      extras += Math.max(0, sent - 1);
      if (sent > 0) reserved += this.turns.filter((turn) => turn.root === root && isWaiting(turn)).length;
    }
    const most = Math.max(BUDGET, roots.size / 10);
    this.expect(extras <= most, `no more than ${most} extra attempts are sent to ${origin} (${extras})`);
    const isRight = roots.size > 10 * BUDGET || BUDGET - left === extras + reserved;
    this.expect(isRight, `the budget of ${origin} (${left} left) pays for what is sent (${extras}, soon ${reserved})`);
  }

  /** The state that a breaker has to have; null where nobody has asked it. */
  protected breakerState(origin: string): ReturnType<ReferenceBreaker['stateAt']> | null {
    return this.#asked.has(origin) ? (this.#breakers[origin] as ReferenceBreaker).stateAt(this.now) : null;
  }

  protected sentFor(root: Job): Turn[] {
    return this.turns.filter((turn) => turn.root === root && turn.sentAt !== null);
  }

  protected get now(): number {
    return this.world.clock.now();
  }

  protected expect(isSo: boolean, what: string): void {
    this.world.expect(isSo, what);
  }
}

export function isWaiting({ sentAt, result }: Turn): boolean {
  return sentAt === null && result === null;
}

interface Options {
  readonly retry: { readonly attempts: number; readonly statuses: readonly number[] } | null;
  readonly hedge: number | 'p95' | null;
  readonly attemptTimeout: number | null;
  readonly quota: { readonly requests: number; readonly per: number; readonly name: string | null } | null;
}

export function optionsOf(job: Job): Options {
  return (job.plan as unknown as { config: Options }).config;
}
