import { mashup as defaultMashup } from '../default.js';
import type { MashupInstance } from '../instance.js';
import type { Mashup } from '../page-types.js';
import { instanceOf } from '../seam.js';
import { type Mock, Mocks } from './mocks.js';
import type { MockedRequest } from './request.js';

/** Upstreams that answer as a test says. */
export interface MockedUpstreams<Keys extends string = string> {
  /** The requests that each mock has answered, in order: retries are among them, answers from the cache are not. */
  readonly calls: Readonly<Record<Keys, readonly MockedRequest[]>>;
  /**
   * Changes a mock, or adds one.
   * @throws {ConfigError} if it is wrong
   */
  set(key: Keys | (string & {}), mock: Mock): void;
  /**
   * Ends it, as `restore` does. Later calls do nothing.
   * @throws {Error} that names what was asked and is not mocked, and the mocks that threw
   */
  done(): void;
  /**
   * Puts the real upstreams back. What is under way is given up, and sends nothing more. The cache, the breakers and the budgets
   * are those of before.
   */
  restore(): void;
  /** The same as `done`. */
  [Symbol.dispose](): void;
}

type Described = Readonly<Record<string, Mock>>;

/** What /testing itself knows of mocked upstreams. */
export interface Mocked {
  readonly mocks: Mocks;
  readonly instance: MashupInstance;
}

const known = new WeakMap<object, Mocked>();
const active = new Map<MashupInstance, MockedUpstreams>();

/**
 * Answers the requests of an instance (default: that of `mashup`) without a network. All stages run: retries, breakers, limits,
 * cache. Each mock stands under the name of an upstream, or under a method and a URL, which comes first.
 *
 * It is strict: a run that asks for what is not mocked calls `next(error)`, or rejects, and `done()` throws.
 *
 * @throws {ConfigError} with every problem of the mocks
 * @throws {Error} if the instance is mocked already
 * @example
 * using upstreams = mockUpstreams({ user: { id: 1 }, weather: { status: 503 }, 'GET https://news.example.com/{id}': { delay: 5000 } });
 */
export function mockUpstreams<const M extends Described>(mocks: M): MockedUpstreams<keyof M & string>;
export function mockUpstreams<const M extends Described>(instance: Mashup, mocks: M): MockedUpstreams<keyof M & string>;
export function mockUpstreams(first: Mashup | Described, second?: Described): MockedUpstreams {
  const [mashup, mocks] = second === undefined ? [defaultMashup, first as Described] : [first, second];
  const instance = readInstance(mashup);
  return install(instance, new Mocks(mocks, instance.connections, () => instance.clock));
}

/** @throws {Error} if its upstreams cannot be mocked */
export function readInstance(mashup: unknown): MashupInstance {
  // By a copy of this package that was loaded otherwise, so that instanceof says nothing.
  const instance = instanceOf(mashup) as MashupInstance | null;
  if (instance === null) {
    throw new TypeError('the instance is not one of createMashup() of this version of express-mashup');
  }
  if (active.has(instance)) {
    throw new Error('the upstreams of this instance are mocked already: end that with done(), or use `using`');
  }
  if (typeof instance.axios?.defaults.adapter === 'function') {
    throw new Error('the axios instance has an adapter of its own, which sends requests past the mocks: leave it out');
  }
  return instance;
}

/**
 * Puts mocks in the place of an instance's connections.
 * @param atEnd called by the first `done`, if the test made no mistake
 */
export function install(instance: MashupInstance, mocks: Mocks, atEnd: () => void = ignore): MockedUpstreams {
  const giveBack = instance.lend({ clock: instance.clock, connections: mocks, verdict: mocks.verdict });
  let isOver = false;
  function restore(): void {
    if (isOver) return;
    isOver = true;
    active.delete(instance);
    giveBack();
    // Now that nothing can follow from it, such as a retry.
    mocks.breakOff('the mocks were taken away');
  }
  function done(): void {
    const isFirst = !isOver;
    restore();
    const mistakes = mocks.takeMistakes();
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
    if (isFirst) atEnd();
  }
  const upstreams = {
    calls: mocks.calls,
    set: (key: string, mock: Mock) => mocks.set(key, mock),
    done,
    restore,
    [dispose]: done,
  } as unknown as MockedUpstreams;
  known.set(upstreams, { mocks, instance });
  active.set(instance, upstreams);
  return upstreams;
}

// As compilers of `using` name it where the runtime (here: a realm of Jest's) has none.
const dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

function ignore(): void {}

/** The mocks behind what a test holds; without one, those of the only instance that is mocked. */
export function mockedBy(upstreams: MockedUpstreams | undefined): Mocked {
  const one = upstreams ?? (active.size === 1 ? [...active.values()][0] : undefined);
  const mocked = one === undefined ? undefined : known.get(one);
  if (mocked === undefined || active.get(mocked.instance) !== one) {
    throw new Error(
      'mock the upstreams first, with mockUpstreams(), and pass its result where several instances are mocked',
    );
  }
  return mocked;
}
