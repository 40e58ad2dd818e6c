import type { Clock } from '../clock.js';
import { Problems, type UpstreamError } from '../errors.js';
import { isThenable } from '../hook.js';
import type { Outcome } from '../outcome.js';
import { redactUrl } from '../redact.js';
import { noteFailure } from '../seam.js';
import type { Connection, Connections, WireRequest } from '../transport/wire.js';
import { type Found, MockedConnection, type MockHost, MockMistake } from './connection.js';
import { emptyScript, type Reply, readReply, type Script } from './faults.js';
import { type MockedRequest, type Pattern, readPattern, requestOf } from './request.js';

// Of one mock. Of more, the oldest are forgotten.
const MOST_CALLS = 10_000;
const MOST_MISTAKES = 100;

/**
 * What an upstream answers: data, a {@link Reply}, a function that returns one of them (or a promise of it), a list of all these
 * for one request after the other (the last one stays), or 'pass', which asks the real upstream.
 */
export type Mock = unknown | Reply | ((request: MockedRequest) => unknown) | readonly unknown[] | 'pass';

/** Answers what no mock answers: a recording. */
export interface Tape {
  find(upstream: string, request: WireRequest): Script | 'pass' | null;
}

/** What was read of a mock. */
type Turn = Script | 'pass' | ((request: MockedRequest) => unknown);

interface Entry {
  readonly key: string;
  readonly pattern: Pattern | null;
  turns: readonly Turn[];
  at: number;
}

/** The mocked upstreams of an instance, in the place of its connections. */
export class Mocks implements Connections, MockHost {
  readonly calls: Record<string, MockedRequest[]> = Object.create(null);
  /** What is changed in every answer of one upstream. */
  override: { readonly upstream: string; readonly change: Partial<Script> } | null = null;
  /** Told of each request that a mock answers or passes on. */
  onCall: ((request: MockedRequest) => void) | null = null;
  readonly #entries = new Map<string, Entry>();
  readonly #mistakes = new Set<string>();
  readonly #open = new Set<MockedConnection>();
  readonly #real: Connections;
  readonly #tape: Tape | null;
  readonly #clock: () => Clock;

  /** @throws {ConfigError} with every problem of the mocks */
  constructor(mocks: Readonly<Record<string, Mock>>, real: Connections, clock: () => Clock, tape: Tape | null = null) {
    this.#tape = tape;
    this.#real = real;
    this.#clock = clock;
    const problems = new Problems();
    for (const [key, mock] of Object.entries(mocks)) this.#put(key, mock, problems);
    problems.throwIfAny();
  }

  get clock(): Clock {
    return this.#clock();
  }

  set(key: string, mock: Mock): void {
    const problems = new Problems();
    this.#put(key, mock, problems);
    problems.throwIfAny();
  }

  #put(key: string, mock: Mock, problems: Problems): void {
    const pattern = readPattern(key);
    if (typeof pattern === 'string') return problems.add(key, pattern);
    const list = Array.isArray(mock) ? mock : [mock];
    if (list.length === 0)
      problems.add(key, 'an empty list answers nothing; if the list is the data, write { body: [] }');
    const turns = list.map((one, at) => readTurn(one, list === mock ? `${key}[${at}]` : key, problems));
    this.#entries.set(key, { key, pattern, turns, at: 0 });
    this.calls[key] ??= [];
  }

  take(origin: string, publicOnly: boolean, fresh: boolean, upstream: string): Connection {
    const real = () => this.#real.take(origin, publicOnly, fresh, upstream);
    return new MockedConnection(this, upstream, publicOnly ? new URL(origin).hostname : null, real);
  }

  opened(connection: MockedConnection): void {
    this.#open.add(connection);
  }

  closed(connection: MockedConnection): void {
    this.#open.delete(connection);
  }

  async close(timeout?: number, onCut?: () => void): Promise<void> {
    if (timeout !== undefined) {
      onCut?.();
      this.breakOff('the instance was closed');
    }
    await this.#real.close(timeout);
  }

  /** Ends every answer that is being given. */
  breakOff(why: string): void {
    for (const connection of [...this.#open]) connection.fail(noteFailure(new Error(why), 'ERR_UPSTREAM_CANCELED'));
  }

  find(upstream: string, request: WireRequest): Found {
    const found = this.#entryFor(upstream, request);
    const taped = found === null ? (this.#tape?.find(upstream, request) ?? null) : null;
    if (found === null && taped === null) return this.#notMocked(upstream, request);
    const key = found === null ? upstream : found.entry.key;
    const asked = requestOf(upstream, request, found?.params ?? {});
    this.#note(key, asked);
    const turn = found === null ? (taped as Turn) : nextTurn(found.entry);
    const isBroken = this.override?.upstream === upstream;
    if (turn === 'pass' && !isBroken) return 'pass';
    return { answer: () => this.#answerOf(key, turn === 'pass' ? emptyScript : turn, asked) };
  }

  #note(key: string, asked: MockedRequest): void {
    this.calls[key] ??= [];
    const calls = this.calls[key];
    calls.push(asked);
    if (calls.length > MOST_CALLS) calls.shift();
    this.onCall?.(asked);
  }

  /** Begins every list anew, until the function that it returns puts all back as it was, the noted calls too. */
  beginAnew(): () => void {
    const places = [...this.#entries.values()].map((entry) => [entry, entry.at] as const);
    const noted = Object.entries(this.calls).map(([key, calls]) => [key, [...calls]] as const);
    for (const [entry] of places) entry.at = 0;
    return () => {
      for (const [entry, at] of places) entry.at = at;
      for (const [key, calls] of noted) this.calls[key]?.splice(0, Infinity, ...calls);
    };
  }

  /** A URL says more than a name, so that a mock for one can stand beside the name of the upstream that redirects there. */
  #entryFor(upstream: string, request: WireRequest): { entry: Entry; params: Record<string, string> } | null {
    for (const entry of this.#entries.values()) {
      const params = entry.pattern?.match(request) ?? null;
      if (params !== null) return { entry, params };
    }
    const entry = this.#entries.get(upstream);
    return entry === undefined || entry.pattern !== null ? null : { entry, params: {} };
  }

  #notMocked(upstream: string, { method, origin, path }: WireRequest): MockMistake {
    const names = [...this.#entries.keys()].map((key) => `'${key}'`).join(', ');
    const asked = `'${upstream}' is not mocked (${method} ${redactUrl(origin + path)})`;
    return this.mistake(`${asked}; mocked ${this.#entries.size === 0 ? 'is nothing' : `are ${names}`}`);
  }

  mistake(message: string, cause?: unknown): MockMistake {
    if (this.#mistakes.size < MOST_MISTAKES) this.#mistakes.add(message);
    return noteFailure(new MockMistake(message, cause === undefined ? undefined : { cause }), 'ERR_UPSTREAM_HOOK');
  }

  /** What the tests did wrong since it was asked last. */
  takeMistakes(): string[] {
    const all = [...this.#mistakes];
    this.#mistakes.clear();
    return all;
  }

  #answerOf(key: string, turn: Script | ((request: MockedRequest) => unknown), asked: MockedRequest) {
    if (typeof turn !== 'function') return this.#changed(turn, asked);
    const value = turn(asked);
    return isThenable(value) ? value.then((later) => this.#read(key, later, asked)) : this.#read(key, value, asked);
  }

  #read(key: string, value: unknown, asked: MockedRequest): Script {
    const problems = new Problems();
    const script = readReply(value, key, problems);
    problems.throwIfAny();
    return this.#changed(script, asked);
  }

  #changed(script: Script, { upstream }: MockedRequest): Script {
    return this.override?.upstream === upstream ? { ...script, end: 'whole', ...this.override.change } : script;
  }

  /** Ends a run with the first mistake of the test that it met, if it met one. */
  readonly verdict = (outcomes: readonly Outcome[]): UpstreamError | null => {
    for (const { error, items = [] } of outcomes) {
      if (error?.cause instanceof MockMistake) return error;
      const ofItem = this.verdict(items);
      if (ofItem !== null) return ofItem;
    }
    return null;
  };
}

function nextTurn(entry: Entry): Turn {
  return entry.turns[Math.min(entry.at++, entry.turns.length - 1)] as Turn;
}

function readTurn(mock: unknown, path: string, problems: Problems): Turn {
  if (mock === 'pass') return 'pass';
  return typeof mock === 'function' ? (mock as Turn) : readReply(mock, path, problems);
}
