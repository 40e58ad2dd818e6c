// What must be so at every moment, whatever happens.
import { Failure } from '../../src/errors.js';
import type { Job, Scope } from '../../src/stages/stage.js';
import { hosts, isRefreshed } from './inputs.js';
import { BUDGET, isWaiting, Ledger, optionsOf } from './ledger.js';
import type { Exchange } from './model.js';
import { isPassing } from './reference.js';
import type { TapListener, Turn } from './tap.js';
import type { Visit } from './visit.js';

export class Watch extends Ledger implements TapListener {
  /** The shared requests that there were when the instance was closed. */
  readonly #cutOff = new Set<Job>();

  enters(turn: Turn): void {
    const { root } = turn;
    const { hedge, retry } = optionsOf(root);
    const [first] = this.turns.filter((other) => other.root === root);
    if (first !== undefined && hedge === null) {
      this.expect(this.now < root.endsAt, 'it is tried again only while there is time');
    }
    if (first !== undefined && retry === null && hedge !== null) {
      const since = first.sentAt === null ? -1 : this.now - first.sentAt;
      this.expect(since >= (hedge === 'p95' ? 0 : hedge), `a hedge is sent ${hedge} ms after the first (${since})`);
    }
    this.turns.push(turn);
  }

  sends(turn: Turn, job: Job): void {
    const { origin, root, scope } = turn;
    const { limits } = this.world.input;
    const visit = this.#visitOf(scope);
    this.expect(visit?.isOver !== true, `nothing is sent for ${visit?.name}, which has ended`);
    this.expect(visit?.isCut !== true, `nothing is sent for ${visit?.name}, whose instance has been closed`);
    this.expect(!job.over && !root.over, 'nothing is sent for a call that has ended');
    this.expect(this.#alive(origin).length <= limits.perOrigin, `at most ${limits.perOrigin} are sent to ${origin}`);
    const most = this.#concurrencyOf(scope);
    this.expect(this.#aliveOf(scope).length <= most, `at most ${most} are sent at once for ${visit?.name}`);
    this.#expectRetry(turn);
    this.expectQuota(turn);
  }

  /** That there may be so many attempts, and that there is a reason for this one. */
  #expectRetry({ root, question }: Turn): void {
    const { retry, hedge } = optionsOf(root);
    const sent = this.sentFor(root);
    const most = (1 + (retry?.attempts ?? 0)) * (hedge === null ? 1 : 2);
    this.expect(sent.length <= most, `no more than ${most} attempts are sent for a call`);
    const before = sent.at(-2);
    if (before === undefined || hedge !== null) return;
    this.expect(before.question === null || before.question !== question, 'a breaker is asked for each attempt');
    this.expect(this.#mayBeTriedAgain(before), 'only after a passing failure is it tried again');
  }

  ends({ path, sentAt, result, root }: Turn): void {
    if (sentAt === null) return this.expect(result instanceof Failure, 'what was not sent has no answer');
    if (result === null) return;
    if (result instanceof Failure) {
      if (result.code === 'ERR_UPSTREAM_DEADLINE') this.#expectDeadline(path, result.byClient);
      if (result.message.includes('was faster')) this.#expectWinner(root);
      return;
    }
    const came = this.world.connections.sent.some(
      (one) => one.endedAt === this.now && one.status === result.status && one.path.replace(/;*$/, '') === path,
    );
    this.expect(came, `an answer with ${result.status} came for ${path}`);
  }

  /** It is somebody's deadline, and said to be the client's where that was the shorter. */
  #expectDeadline(path: string, byClient: boolean): void {
    const whose = this.world.visits.filter((visit) => visit.asksFor(path));
    const isLate = whose.some(({ lateEndsAt }) => !byClient && this.now === this.world.due(lateEndsAt));
    const isRight =
      isLate || whose.some((visit) => this.now === this.world.due(visit.endsAt) && visit.isHurried === byClient);
    this.expect(isRight, `${path} has met the deadline of a client who ${byClient ? 'is' : 'is not'} in a hurry`);
  }

  /** A race is lost to a success only: what failed, if fast, may yet be outdone. */
  #expectWinner(root: Job): void {
    const isWon = this.sentFor(root).some(
      ({ result }) =>
        result !== null &&
        !(result instanceof Failure) &&
        (result.status === 304 || result.accepted(root.policy) === true),
    );
    this.expect(isWon, 'a race that is lost has been won by a success');
  }

  /** A request has been sent. */
  wired({ headers, follows, path }: Exchange): void {
    const at = headers.indexOf('x-left');
    if (at === -1 || follows) return;
    const left = Number(headers[at + 1]);
    if (this.#mayBeRefreshed(path)) return;
    const waiting = this.world.visits.filter((visit) => !visit.isOver && visit.asksFor(path));
    const most = Math.max(...waiting.map(({ lateEndsAt }) => lateEndsAt - this.now));
    this.expect(left >= 1 && left <= Math.max(1, most), 'an upstream is told of no more time than there is');
  }

  /** Nothing is under way for a run that has ended, nor for nobody. */
  expectNothingLeft({ name }: Visit): void {
    const own = this.turns.filter((turn) => turn.result === null && this.#visitOf(turn.scope)?.name === name);
    this.expect(own.length === 0, `nothing is under way for ${name}, which has ended`);
    this.#expectWanted();
  }

  #expectWanted(): void {
    for (const { path, scope, result } of this.turns) {
      if (result !== null || this.#visitOf(scope) !== undefined) continue;
      const isWanted =
        this.#mayBeRefreshed(path) || this.world.visits.some((visit) => !visit.isOver && visit.asksFor(path));
      this.expect(isWanted, `a shared request of ${path} is under way while somebody waits for it`);
    }
  }

  /** The instance is being closed, and its time for that is over. */
  cut(): void {
    for (const visit of this.world.visits) visit.isCut ||= !visit.isOver;
    for (const { root, scope } of this.turns) if (this.#visitOf(scope) === undefined) this.#cutOff.add(root);
  }

  /** What is so whenever all is done that follows from an event. */
  check(): void {
    const stats = this.world.mashup.stats().origins;
    for (const origin of hosts) {
      const { inFlight = 0, queued = 0, breaker = null, budget = BUDGET } = stats[origin] ?? {};
      const alive = this.#alive(origin).length;
      const inUse = this.world.connections.askedOf(origin);
      const isEven = inFlight === alive && inFlight === inUse;
      this.expect(isEven, `${origin} has as many places taken (${inFlight}) as attempts (${alive}, ${inUse})`);
      const { limits } = this.world.input;
      const most = Math.min(limits.queue, this.#mostQueued(origin));
      this.expect(queued <= most, `no more than ${most} wait for ${origin} (${queued})`);
      this.expectBudget(origin, budget);
      const state = this.breakerState(origin);
      this.expect(breaker === state, `the breaker of ${origin}, which is ${breaker}, is ${state}`);
    }
    this.#expectWork();
    this.#expectWanted();
    for (const visit of this.world.visits) this.#expectProgress(visit);
    const isOver = [...this.#cutOff].every((root) => root.over);
    this.expect(isOver, 'nobody waits for a shared request when the instance has been closed');
    const left = this.turns.filter((turn) => isWaiting(turn) && this.#visitOf(turn.scope)?.isCut);
    this.expect(left.length === 0, 'nobody waits for a place or a slot when the instance has been closed');
    const isIdle = this.world.visits.every(({ isOver }) => isOver);
    const isQuiet = this.turns.every(({ path }) => !this.#mayBeRefreshed(path));
    this.expect(!(isIdle && isQuiet) || this.world.clock.pending === 0, 'no timer is left when all runs have ended');
    for (const { root, path, sentAt } of this.#alive()) {
      const most = optionsOf(root).attemptTimeout ?? Infinity;
      this.expect(this.now <= this.world.due((sentAt as number) + most), `${path} is tried for ${most} ms at most`);
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

  /** Nobody waits in line who could go. */
  #expectWork(): void {
    const { perOrigin } = this.world.input.limits;
    for (const { origin, scope } of this.turns.filter(isWaiting)) {
      const hasSlot = this.#aliveOf(scope).length < this.#concurrencyOf(scope);
      const hasPlace = this.#alive(origin).length < perOrigin;
      this.expect(!hasSlot || !hasPlace, `nobody waits for ${origin} while there are a slot and a place`);
    }
  }

  /** A run has ended by its deadline; and until then it waits for something. */
  #expectProgress(visit: Visit): void {
    const { name, endsAt, lateEndsAt, hooks, isOver, hasEnded } = visit;
    if (isOver) return;
    const due = this.world.due(hasEnded ? lateEndsAt : endsAt);
    this.expect(this.now <= due, `${name} has ended by its deadline`);
    const isWaiting =
      hooks + this.world.hooks > 0 ||
      this.turns.some((turn) => {
        const of = this.#visitOf(turn.scope);
        const isOwn = of === undefined ? visit.asksFor(turn.path) : of === visit;
        return isOwn && (turn.result === null || (!turn.root.over && this.#mayBeTriedAgain(turn)));
      });
    this.expect(isWaiting, `${name} waits for something`);
  }

  /** Whether a request for this path may be under way behind a page: it has the time of a call of somebody who was there. */
  #mayBeRefreshed(path: string): boolean {
    return this.world.visits.some((visit) => {
      const { deadline = 0 } = this.world.input.pages[visit.page] ?? {};
      const isInTime = this.now <= this.world.due(visit.lateEndsAt + visit.lateEndsAt - visit.began + deadline);
      return isInTime && visit.asksFor(path) && visit.entries.some(isRefreshed);
    });
  }

  #mayBeTriedAgain({ root, result }: Turn): boolean {
    const { retry } = optionsOf(root);
    return retry !== null && result !== null && isPassing(result, retry.statuses);
  }

  /** Whose run it is; undefined for the instance's own requests. */
  #visitOf(scope: Scope): Visit | undefined {
    const { visitor } = scope as { visitor?: { params: { run?: string } } };
    return visitor && this.world.visits.find(({ name }) => name === visitor.params.run);
  }

  /** How many attempts of it may be in flight at once. What runs share uses the slots of none. */
  #concurrencyOf(scope: Scope): number {
    const visit = this.#visitOf(scope);
    return visit === undefined ? Infinity : (this.world.input.pages[visit.page]?.concurrency as number);
  }

  #alive(origin?: string): Turn[] {
    return this.turns.filter(
      (turn) => turn.sentAt !== null && turn.result === null && (origin === undefined || turn.origin === origin),
    );
  }

  #aliveOf(scope: Scope): Turn[] {
    return this.#alive().filter((turn) => turn.scope === scope);
  }
}
