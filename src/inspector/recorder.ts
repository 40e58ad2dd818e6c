import { type Channel, channel } from 'node:diagnostics_channel';
import type { AttemptMessage, CallMessage, RunMessage } from '../channels.js';
import { graphsOf } from '../notes.js';
import type { Outcome } from '../outcome.js';
import { redactUrl } from '../redact.js';
import { routeOf } from '../route.js';
import { shown } from '../shown.js';
import { type AttemptRecord, type RunRecord, recordOf } from './record.js';

/** A fan-out of a hundred items with retries has more than anybody reads. */
const MOST_ATTEMPTS = 200;
/** Attempts of runs that have not ended. */
const MOST_OPEN = 1000;

/** Keeps the last runs of this process. */
export class Recorder {
  readonly #most: number;
  readonly #runs: RunRecord[] = [];
  readonly #byMessage = new WeakMap<RunMessage, RunRecord>();
  readonly #attempts = new Map<RunMessage, AttemptRecord[]>();
  readonly #watchers = new Set<(run: RunRecord) => void>();
  readonly #stops: (() => void)[] = [];
  #ids = 0;

  /** @param most how many runs are kept */
  constructor(most: number) {
    this.#most = most;
    this.#on<RunMessage>('run:asyncEnd', (message) => this.#runEnded(message));
    this.#on<CallMessage>('call:asyncEnd', (message) => this.#callEnded(message));
    this.#on<AttemptMessage>('attempt:asyncEnd', (message) => this.#attemptEnded(message));
  }

  /** The latest first. */
  get runs(): readonly RunRecord[] {
    return this.#runs.toReversed();
  }

  find(id: number): RunRecord | null {
    return this.#runs.find((run) => run.id === id) ?? null;
  }

  /** Calls back with each run that ends, and again when something of it ends later; returns what stops that. */
  watch(watcher: (run: RunRecord) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#watchers.clear();
  }

  #runEnded(message: RunMessage): void {
    const [graph] = graphsOf(message);
    if (graph === undefined) return;
    const { req, began, ended, outcomes, error } = message;
    const run: RunRecord = {
      id: ++this.#ids,
      at: Date.now(),
      method: req?.method ?? 'RUN',
      path: req === null ? null : shown(redactUrl(req.originalUrl ?? req.url ?? '')),
      route: req === null ? null : routeOf(req),
      graph,
      total: (ended as number) - began,
      failed: error?.code ?? null,
      canceled: error === null && isCanceled(outcomes ?? []),
      calls: new Map((outcomes ?? []).map((outcome) => [outcome.name, recordOf(outcome)])),
      attempts: this.#attempts.get(message) ?? [],
    };
    this.#attempts.delete(message);
    this.#byMessage.set(message, run);
    this.#runs.push(run);
    if (this.#runs.length > this.#most) this.#runs.shift();
    this.#tell(run);
  }

  /** Of what the page did not wait for. */
  #callEnded({ name, run: message, outcome }: CallMessage): void {
    const run = message === null ? undefined : this.#byMessage.get(message);
    if (run === undefined || outcome === null || run.calls.get(name)?.status !== 'pending') return;
    run.calls.set(name, recordOf(outcome));
    this.#tell(run);
  }

  #attemptEnded(attempt: AttemptMessage): void {
    const message = attempt.call?.run;
    if (message === undefined || message === null) return;
    const { kind, shared, upstream, method, url, reused, status, began, firstByte, ended, error } = attempt;
    let list = this.#byMessage.get(message)?.attempts ?? this.#attempts.get(message);
    if (list === undefined) {
      if (this.#attempts.size === MOST_OPEN) return;
      list = [];
      this.#attempts.set(message, list);
    }
    if (list.length === MOST_ATTEMPTS) return;
    const since = (time: number) => time - message.began;
    const times = {
      began: since(began),
      firstByte: firstByte === null ? null : since(firstByte),
      ended: since(ended as number),
    };
    list.push({ kind, shared, upstream, method, url, reused, status, code: error?.code ?? null, ...times });
  }

  #tell(run: RunRecord): void {
    for (const watcher of this.#watchers) watcher(run);
  }

  /** Errors of a subscriber would end the process. */
  #on<Message>(event: string, heard: (message: Message) => void): void {
    const one: Channel = channel(`tracing:express-mashup:${event}`);
    const safely = (message: unknown): void => {
      try {
        heard(message as Message);
      } catch {
        // The page goes on without being recorded.
      }
    };
    one.subscribe(safely);
    this.#stops.push(() => void one.unsubscribe(safely));
  }
}

function isCanceled(outcomes: readonly Outcome[]): boolean {
  return outcomes.some(({ error, status }) => error?.code === 'ERR_UPSTREAM_CANCELED' && status === 'error');
}
