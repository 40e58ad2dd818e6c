// What must be so at every moment, whatever happens.
import type { Result } from '../../src/answer/answer.js';
import { Failure } from '../../src/errors.js';
import type { Mashup } from '../../src/page-types.js';
import type { Job, Scope } from '../../src/stages/stage.js';
import type { ManualClock } from '../support/clock.js';
import { hosts, type Input } from './inputs.js';
import type { Exchange, ScriptedConnections } from './model.js';
import { isPassing, ReferenceBreaker, verdictOf } from './reference.js';
import type { Question, TapListener, Turn } from './tap.js';
import type { Visit } from './visit.js';

/** What is watched. */
export interface Watched {
  readonly input: Input;
  readonly clock: ManualClock;
  readonly connections: ScriptedConnections;
  readonly mashup: Mashup;
  readonly visits: readonly Visit[];
  /** By when something must have happened that is due at this time. */
  due(time: number): number;
  /** Notes what is not so. Nothing is thrown, for it is called from within what is tested. */
  expect(isSo: boolean, what: string): void;
}

// What an origin may be sent beyond one attempt a call in 10 s, where there are fewer than 100 calls.
const BUDGET = 10;

export class Watch implements TapListener {
  readonly turns: Turn[] = [];
  readonly #world: Watched;
  readonly #breakers: Readonly<Record<string, ReferenceBreaker>>;
  readonly #asked = new Set<string>();

  constructor(world: Watched) {
    this.#world = world;
    this.#breakers = Object.fromEntries(hosts.map((origin) => [origin, new ReferenceBreaker(world.input.breaker)]));
  }

  asks(origin: string): number | null {
    this.#asked.add(origin);
    return (this.#breakers[origin] as ReferenceBreaker).enter(this.#now);
  }

  answered({ origin, ticket, isLetIn }: Question): void {
    this.#expect(isLetIn === (ticket !== null), `the breaker of ${origin} ${ticket === null ? 'refuses' : 'lets in'}`);
  }

  leaves(question: Question, result: Result): void {
    const { origin, ticket } = question;
    if (ticket === null) return;
    const first = this.turns.find((turn) => turn.question === question && turn.sentAt !== null);
    const lasted = first === undefined ? null : this.#now - (first.sentAt as number);
    const verdict = verdictOf(result, lasted, first?.root.plan.patience ?? Infinity);
    (this.#breakers[origin] as ReferenceBreaker).leave(ticket, verdict, this.#now);
  }

  hasRoom(origin: string, root: Job): boolean {
    return this.#countedWith(origin, root).length < (optionsOf(root).quota?.requests ?? Infinity);
  }

  quotaAnswered(origin: string, isLetPass: boolean, hasRoom: boolean): void {
    this.#expect(isLetPass === hasRoom, `a quota of ${origin} ${hasRoom ? 'lets pass' : 'refuses'}`);
  }

  /** The attempts that count in the quota of a call: those sent in its time, and those that wait to be sent. */
  #countedWith(origin: string, root: Job): Turn[] {
    const { quota } = optionsOf(root);
    return this.turns.filter((turn) => {
      const other = optionsOf(turn.root).quota;
      if (quota === null || other === null || other.name !== quota.name) return false;
      if (quota.name === null && turn.origin !== origin) return false;
      return turn.sentAt === null ? turn.result === null : this.#now - turn.sentAt < quota.per;
    });
  }

  enters(turn: Turn): void {
    const { root } = turn;
    const { hedge, retry } = optionsOf(root);
    const [first] = this.turns.filter((other) => other.root === root);
    if (first !== undefined && hedge === null) {
      this.#expect(this.#now < root.endsAt, 'it is tried again only while there is time');
    }
    if (first !== undefined && retry === null && hedge !== null) {
      const since = first.sentAt === null ? -1 : this.#now - first.sentAt;
      this.#expect(since >= (hedge === 'p95' ? 0 : hedge), `a hedge is sent ${hedge} ms after the first (${since})`);
    }
    this.turns.push(turn);
  }

  sends(turn: Turn, job: Job): void {
    const { origin, root, scope } = turn;
    const { limits } = this.#world.input;
    const visit = this.#visitOf(scope);
    this.#expect(visit?.isOver !== true, `nothing is sent for ${visit?.name}, which has ended`);
    this.#expect(!job.over && !root.over, 'nothing is sent for a call that has ended');
    this.#expect(this.#alive(origin).length <= limits.perOrigin, `at most ${limits.perOrigin} are sent to ${origin}`);
    const most = this.#concurrencyOf(scope);
    this.#expect(this.#aliveOf(scope).length <= most, `at most ${most} are sent at once for ${visit?.name}`);
    this.#expectRetry(turn);
    this.#expectQuota(turn);
  }

  #expectQuota({ root, origin }: Turn): void {
    const { quota } = optionsOf(root);
    if (quota === null) return;
    const most = Math.max(...this.#countedWith(origin, root).map((turn) => optionsOf(turn.root).quota?.requests ?? 0));
    const sent = this.#countedWith(origin, root).filter(({ sentAt }) => sentAt !== null);
    this.#expect(sent.length <= most, `no more than ${most} are sent to ${origin} in ${quota.per} ms`);
  }

  /** That there may be so many attempts, and that there is a reason for this one. */
  #expectRetry({ root, question }: Turn): void {
    const { retry, hedge } = optionsOf(root);
    const sent = this.#sentFor(root);
    const most = (1 + (retry?.attempts ?? 0)) * (hedge === null ? 1 : 2);
    this.#expect(sent.length <= most, `no more than ${most} attempts are sent for a call`);
    const before = sent.at(-2);
    if (before === undefined || hedge !== null) return;
    this.#expect(before.question === null || before.question !== question, 'a breaker is asked for each attempt');
    this.#expect(this.#mayBeTriedAgain(before), 'only after a passing failure is it tried again');
  }

  ends({ path, sentAt, result, root }: Turn): void {
    if (sentAt === null) return this.#expect(result instanceof Failure, 'what was not sent has no answer');
    if (result === null) return;
    if (result instanceof Failure) {
      if (result.code === 'ERR_UPSTREAM_DEADLINE') this.#expectDeadline(path, result.byClient);
      if (result.message.includes('was faster')) this.#expectWinner(root);
      return;
    }
    const came = this.#world.connections.sent.some(
      (one) => one.endedAt === this.#now && one.status === result.status && one.path.replace(/;*$/, '') === path,
    );
    this.#expect(came, `an answer with ${result.status} came for ${path}`);
  }

  /** It is somebody's deadline, and said to be the client's where that was the shorter. */
  #expectDeadline(path: string, byClient: boolean): void {
    const whose = this.#world.visits.filter(
      (visit) => visit.asksFor(path) && this.#now === this.#world.due(visit.endsAt),
    );
    const isRight = whose.some(({ isHurried }) => isHurried === byClient);
    this.#expect(isRight, `${path} has met the deadline of a client who ${byClient ? 'is' : 'is not'} in a hurry`);
  }

  /** A race is lost to a success only: what failed, if fast, may yet be outdone. */
  #expectWinner(root: Job): void {
    const isWon = this.#sentFor(root).some(
      ({ result }) => result !== null && !(result instanceof Failure) && result.accepted(root.policy) === true,
    );
    this.#expect(isWon, 'a race that is lost has been won by a success');
  }

  /** A request has been sent. */
  wired({ headers, follows, path }: Exchange): void {
    const at = headers.indexOf('x-left');
    if (at === -1 || follows) return;
    const left = Number(headers[at + 1]);
    const waiting = this.#world.visits.filter((visit) => !visit.isOver && visit.asksFor(path));
    const most = Math.max(...waiting.map(({ endsAt }) => endsAt - this.#now));
    this.#expect(left >= 1 && left <= Math.max(1, most), 'an upstream is told of no more time than there is');
  }

  /** Nothing is under way for a run that has ended, nor for nobody. */
  expectNothingLeft({ name }: Visit): void {
    const own = this.turns.filter((turn) => turn.result === null && this.#visitOf(turn.scope)?.name === name);
    this.#expect(own.length === 0, `nothing is under way for ${name}, which has ended`);
    this.#expectWanted();
  }

  #expectWanted(): void {
    for (const { path, scope, result } of this.turns) {
      if (result !== null || this.#visitOf(scope) !== undefined) continue;
      const isWanted = this.#world.visits.some((visit) => !visit.isOver && visit.asksFor(path));
      this.#expect(isWanted, `a shared request of ${path} is under way while somebody waits for it`);
    }
  }

  /** What is so whenever all is done that follows from an event. */
  check(): void {
    const stats = this.#world.mashup.stats();
    for (const origin of hosts) {
      const { inFlight = 0, queued = 0, breaker = null, budget = BUDGET } = stats[origin] ?? {};
      const alive = this.#alive(origin).length;
      const inUse = this.#world.connections.askedOf(origin);
      const isEven = inFlight === alive && inFlight === inUse;
      this.#expect(isEven, `${origin} has as many places taken (${inFlight}) as attempts (${alive}, ${inUse})`);
      const { limits } = this.#world.input;
      const most = Math.min(limits.queue, this.#mostQueued(origin));
      this.#expect(queued <= most, `no more than ${most} wait for ${origin} (${queued})`);
      this.#expectBudget(origin, budget);
      const state = this.#asked.has(origin) ? (this.#breakers[origin] as ReferenceBreaker).stateAt(this.#now) : null;
      this.#expect(breaker === state, `the breaker of ${origin}, which is ${breaker}, is ${state}`);
    }
    this.#expectWork();
    this.#expectWanted();
    for (const visit of this.#world.visits) this.#expectProgress(visit);
    const isIdle = this.#world.visits.every(({ isOver }) => isOver);
    this.#expect(!isIdle || this.#world.clock.pending === 0, 'no timer is left when all runs have ended');
    for (const { root, path, sentAt } of this.#alive()) {
      const most = optionsOf(root).attemptTimeout ?? Infinity;
      this.#expect(this.#now <= this.#world.due((sentAt as number) + most), `${path} is tried for ${most} ms at most`);
    }
  }

  /** How many may wait there: of each run at most as many as it has slots, which leaves room for the others. */
  #mostQueued(origin: string): number {
    const waiting = this.turns.filter((one) => one.origin === origin && isWaiting(one));
    const scopes = new Set(waiting.map(({ scope }) => scope));
    return [...scopes].reduce((sum, scope) => {
      const { length } = waiting.filter((one) => one.scope === scope);
      return sum + Math.min(length, this.#concurrencyOf(scope));
    }, 0);
  }

  #expectBudget(origin: string, left: number): void {
    const roots = new Set(this.turns.filter((turn) => turn.origin === origin).map(({ root }) => root));
    let extras = 0;
    let reserved = 0;
    for (const root of roots) {
      const sent = this.#sentFor(root).length;
      extras += Math.max(0, sent - 1);
      if (sent > 0) reserved += this.turns.filter((turn) => turn.root === root && isWaiting(turn)).length;
    }
    const most = Math.max(BUDGET, roots.size / 10);
    this.#expect(extras <= most, `no more than ${most} extra attempts are sent to ${origin} (${extras})`);
    const isRight = roots.size > 10 * BUDGET || BUDGET - left === extras + reserved;
    this.#expect(isRight, `the budget of ${origin} (${left} left) pays for what is sent (${extras}, soon ${reserved})`);
  }

  /** Nobody waits in line who could go. */
  #expectWork(): void {
    const { perOrigin } = this.#world.input.limits;
    for (const { origin, scope } of this.turns.filter(isWaiting)) {
      const hasSlot = this.#aliveOf(scope).length < this.#concurrencyOf(scope);
      const hasPlace = this.#alive(origin).length < perOrigin;
      this.#expect(!hasSlot || !hasPlace, `nobody waits for ${origin} while there are a slot and a place`);
    }
  }

  /** A run has ended by its deadline; and until then it waits for something. */
  #expectProgress(visit: Visit): void {
    const { name, endsAt, hooks, isOver } = visit;
    if (isOver) return;
    this.#expect(this.#now <= this.#world.due(endsAt), `${name} has ended by its deadline`);
    const isWaiting =
      hooks > 0 ||
      this.turns.some((turn) => {
        const of = this.#visitOf(turn.scope);
        const isOwn = of === undefined ? visit.asksFor(turn.path) : of === visit;
        return isOwn && (turn.result === null || (!turn.root.over && this.#mayBeTriedAgain(turn)));
      });
    this.#expect(isWaiting, `${name} waits for something`);
  }

  #mayBeTriedAgain({ root, result }: Turn): boolean {
    const { retry } = optionsOf(root);
    return retry !== null && result !== null && isPassing(result, retry.statuses);
  }

  /** Whose run it is; undefined for the instance's own requests. */
  #visitOf(scope: Scope): Visit | undefined {
    const { visitor } = scope as { visitor?: { params: { run?: string } } };
    return visitor && this.#world.visits.find(({ name }) => name === visitor.params.run);
  }

  /** How many attempts of it may be in flight at once. What runs share uses the slots of none. */
  #concurrencyOf(scope: Scope): number {
    const visit = this.#visitOf(scope);
    return visit === undefined ? Infinity : (this.#world.input.pages[visit.page]?.concurrency as number);
  }

  #sentFor(root: Job): Turn[] {
    return this.turns.filter((turn) => turn.root === root && turn.sentAt !== null);
  }

  #alive(origin?: string): Turn[] {
    return this.turns.filter(
      (turn) => turn.sentAt !== null && turn.result === null && (origin === undefined || turn.origin === origin),
    );
  }

  #aliveOf(scope: Scope): Turn[] {
    return this.#alive().filter((turn) => turn.scope === scope);
  }

  get #now(): number {
    return this.#world.clock.now();
  }

  #expect(isSo: boolean, what: string): void {
    this.#world.expect(isSo, what);
  }
}

function isWaiting({ sentAt, result }: Turn): boolean {
  return sentAt === null && result === null;
}

interface Options {
  readonly retry: { readonly attempts: number; readonly statuses: readonly number[] } | null;
  readonly hedge: number | 'p95' | null;
  readonly attemptTimeout: number | null;
  readonly quota: { readonly requests: number; readonly per: number; readonly name: string | null } | null;
}

function optionsOf(job: Job): Options {
  return (job.plan as unknown as { config: Options }).config;
}
