import { type Channel, channel } from 'node:diagnostics_channel';
import type { AttemptMessage, CallMessage, Outcome, RunMessage } from '../../src/index.js';
import type { FailureListener } from '../../src/types.js';
import type { Visit } from './visit.js';

const kinds = ['run', 'call', 'attempt'] as const;

interface Message {
  readonly ended?: number | null;
  readonly began: number;
}

/** What channels tell in a world, and what `onFailure` hears of. */
export class Heard {
  /** Of each channel: what has begun, and how often it has ended. */
  readonly #ends = {
    run: new Map<object, number>(),
    call: new Map<object, number>(),
    attempt: new Map<object, number>(),
  };
  readonly #failures: Outcome[] = [];
  readonly #stops: (() => void)[] = [];

  constructor() {
    for (const kind of kinds) {
      this.#on(`tracing:express-mashup:${kind}:start`, (message) => this.#ends[kind].set(message, 0));
      this.#on(`tracing:express-mashup:${kind}:asyncEnd`, (message) => {
        this.#ends[kind].set(message, (this.#ends[kind].get(message) ?? 100) + 1);
      });
    }
  }

  readonly onFailure: FailureListener = (outcome) => {
    this.#failures.push(outcome);
    // It must not matter what a listener does.
    if (this.#failures.length % 3 === 0) throw new Error('the listener');
    return this.#failures.length % 3 === 1 ? Promise.reject(new Error('the listener')) : undefined;
  };

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  check(visits: readonly Visit[], expect: (isSo: boolean, what: string) => void): void {
    for (const kind of kinds) {
      for (const [message, times] of this.#ends[kind]) {
        expect(times === 1, `what a channel tells of ${kind}s ends once, and not ${times} times`);
        const { began, ended } = message as Message;
        if (kind !== 'call') expect((ended ?? -1) >= began, `a ${kind} ends after it has begun`);
      }
    }
    const attempts = [...this.#ends.attempt.keys()] as AttemptMessage[];
    for (const message of this.#ends.call.keys() as Iterable<CallMessage>) {
      const { outcome, name } = message;
      const own = attempts.filter(({ call, kind }) => call === message && kind !== 'refresh');
      const isRight = own.length >= (outcome?.attempts ?? 0);
      expect(isRight, `the ${outcome?.attempts} requests of ${name} are all told (${own.length})`);
    }
    expect(this.#ends.run.size === visits.length, 'each run is told');
    for (const { outcomes, name } of visits) {
      for (const outcome of Object.values(outcomes ?? {})) {
        const times = this.#failures.filter((one) => one.error !== null && one.error === outcome.error).length;
        const isFailure = outcome.error !== null && outcome.error.code !== 'ERR_UPSTREAM_CANCELED';
        const isRight = isFailure ? times === 1 : outcome.error === null || times <= 1;
        expect(isRight, `the listener hears once of ${outcome.name} of ${name}: ${times}, ${outcome.error?.code}`);
      }
    }
    for (const { ended, outcomes } of this.#ends.run.keys() as Iterable<RunMessage>) {
      expect(ended !== null && outcomes !== null, 'a run that has ended has outcomes');
    }
  }

  #on(name: string, heard: (message: object) => void): void {
    const one: Channel = channel(name);
    const listener = (message: unknown) => heard(message as object);
    one.subscribe(listener);
    this.#stops.push(() => void one.unsubscribe(listener));
  }
}
