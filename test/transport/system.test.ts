import type { LookupAddress } from 'node:dns';
import type { Ask, Told } from '../../src/transport/lookup.js';
import { askSystem, type SystemLookup } from '../../src/transport/system.js';
import { ManualClock } from '../support/clock.js';

const error = (code: string) => Object.assign(new Error(code), { code });
const from = (address: string): LookupAddress[] => [{ address, family: 4 }];
const bySystem = from('192.0.2.1');
const byServers = from('192.0.2.53');

type Callback = Parameters<SystemLookup>[2];

/** A system and name servers that answer when the test says so. */
class Lookups {
  readonly clock = new ManualClock();
  /** The names that the system, and that name servers were asked about, in this order. */
  readonly system: string[] = [];
  readonly servers: string[] = [];
  /** The names of the hosts file. */
  readonly local = new Set<string>();
  readonly #system = new Map<string, Callback>();
  readonly #servers = new Map<string, Told>();
  readonly ask: Ask;

  constructor(threads = 4) {
    this.ask = askSystem({
      clock: this.clock,
      threads,
      lookup: (name, options, callback) => {
        expect(options).toEqual({ all: true });
        this.system.push(name);
        this.#system.set(name, callback);
      },
      servers: (name, told) => {
        this.servers.push(name);
        this.#servers.set(name, told);
        return () => void this.#servers.delete(name);
      },
      isLocal: (name, told) => told(this.local.has(name)),
    });
  }

  /** What somebody is told who asks now. */
  lookup(name: string): { told: unknown[]; leave: () => void } {
    const told: unknown[] = [];
    return { told, leave: this.ask(name, (failure, addresses) => told.push(failure ?? addresses)) };
  }

  /** How many lookups the system is at. */
  get underway(): number {
    return this.#system.size;
  }

  get unanswered(): string[] {
    return [...this.#servers.keys()];
  }

  systemSays(name: string, answer: LookupAddress[] | Error): void {
    const callback = this.#system.get(name) as Callback;
    this.#system.delete(name);
    if (answer instanceof Error) callback(answer, []);
    else callback(null, answer);
  }

  serversSay(name: string, answer: LookupAddress[] | Error): void {
    const told = this.#servers.get(name);
    this.#servers.delete(name);
    if (answer instanceof Error) told?.(answer, []);
    else told?.(null, answer);
  }
}

let lookups: Lookups;
beforeEach(() => {
  lookups = new Lookups();
});

describe('the system', () => {
  test('is asked, and nobody else, where it answers', () => {
    const { told } = lookups.lookup('a.test');
    lookups.systemSays('a.test', bySystem);
    expect(told).toEqual([bySystem]);
    expect(lookups.servers).toEqual([]);
    expect(lookups.clock.pending).toBe(0);
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN'])('may say %s', (code) => {
    const { told } = lookups.lookup('a.test');
    lookups.systemSays('a.test', error(code));
    expect(told).toEqual([error(code)]);
    expect(lookups.clock.pending).toBe(0);
  });

  test('that is silent for 300 ms does without: name servers are asked, and what they say counts', () => {
    const { told } = lookups.lookup('a.test');
    lookups.clock.advance(299);
    expect(lookups.servers).toEqual([]);
    lookups.clock.advance(1);
    lookups.serversSay('a.test', byServers);
    expect(told).toEqual([byServers]);
    // Nobody listens any more.
    lookups.systemSays('a.test', bySystem);
    expect(told).toEqual([byServers]);
  });

  test('is waited for where name servers know of no such name', () => {
    const { told } = lookups.lookup('a.test');
    lookups.clock.advance(300);
    lookups.serversSay('a.test', error('ENOTFOUND'));
    expect(told).toEqual([]);
    lookups.systemSays('a.test', bySystem);
    expect(told).toEqual([bySystem]);
  });
});

describe('a name that the system is silent about', () => {
  beforeEach(() => {
    lookups.lookup('silent.test');
  });

  test('holds the only place for any name', () => {
    for (const name of ['b.test', 'c.test', 'd.test']) lookups.lookup(name);
    expect(lookups.system).toEqual(['silent.test']);
    expect(lookups.servers).toEqual(['b.test', 'c.test', 'd.test']);
  });

  test('does not delay another, which the system is asked about as soon as a name server has answered', () => {
    const { told } = lookups.lookup('a.test');
    lookups.serversSay('a.test', byServers);
    expect(lookups.system).toEqual(['silent.test', 'a.test']);
    lookups.systemSays('a.test', bySystem);
    expect(told).toEqual([bySystem]);
    expect(lookups.clock.pending).toBe(1);
  });

  test.each(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'ECONNREFUSED'])(
    'does not delay one that only the system knows (name servers say %s)',
    (code) => {
      const { told } = lookups.lookup('internal');
      lookups.serversSay('internal', error(code));
      lookups.systemSays('internal', bySystem);
      expect(told).toEqual([bySystem]);
    },
  );

  test('does not delay one of the hosts file, though name servers are silent too', () => {
    lookups.local.add('db');
    const { told } = lookups.lookup('db');
    expect(lookups.system).toEqual(['silent.test', 'db']);
    lookups.systemSays('db', bySystem);
    expect(told).toEqual([bySystem]);
    expect(lookups.unanswered).toEqual([]);
  });

  test('and another one: the system is asked about the first only', () => {
    const other = lookups.lookup('other.test');
    lookups.serversSay('other.test', error('ETIMEOUT'));
    lookups.clock.advance(9000);
    expect(lookups.system).toEqual(['silent.test']);
    expect(other.told).toEqual([]);
    // When the first has ended, the other has its turn: the system may know what no name server says.
    lookups.systemSays('silent.test', error('EAI_AGAIN'));
    lookups.systemSays('other.test', bySystem);
    expect(other.told).toEqual([bySystem]);
  });

  test('goes on holding its place when it is given up', () => {
    const lone = new Lookups();
    lone.lookup('silent.test').leave();
    lone.lookup('other.test');
    expect(lone.system).toEqual(['silent.test']);
    lone.systemSays('silent.test', bySystem);
    expect(lone.system).toEqual(['silent.test', 'other.test']);
  });

  test('and 40 others leave room for one that is known', () => {
    for (let at = 0; at < 40; at++) lookups.lookup(`${at}.silent.test`);
    const { told } = lookups.lookup('a.test');
    lookups.serversSay('a.test', byServers);
    lookups.systemSays('a.test', bySystem);
    expect(told).toEqual([bySystem]);
    expect(lookups.underway).toBe(1);
  });
});

describe('names that name servers have answered for', () => {
  beforeEach(() => {
    lookups.lookup('silent.test');
    for (const name of ['a.test', 'b.test']) lookups.lookup(name);
  });

  test('are asked of the system one at a time', () => {
    for (const name of ['b.test', 'a.test']) lookups.serversSay(name, byServers);
    expect(lookups.system).toEqual(['silent.test', 'b.test']);
    lookups.systemSays('b.test', bySystem);
    expect(lookups.system).toEqual(['silent.test', 'b.test', 'a.test']);
  });

  test('mean what those said where the system is silent for 300 ms', () => {
    const c = lookups.lookup('c.test');
    const d = lookups.lookup('d.test');
    for (const name of ['c.test', 'd.test']) lookups.serversSay(name, byServers);
    expect(lookups.system).toEqual(['silent.test', 'c.test']);
    lookups.clock.advance(300);
    expect([c.told, d.told]).toEqual([[byServers], [byServers]]);
  });

  test('mean what those said where the system has an error of its own, but for that there is no such name', () => {
    const c = lookups.lookup('c.test');
    lookups.serversSay('c.test', byServers);
    lookups.systemSays('c.test', error('EAI_AGAIN'));
    expect(c.told).toEqual([byServers]);
    const d = lookups.lookup('d.test');
    lookups.serversSay('d.test', byServers);
    lookups.systemSays('d.test', error('ENOTFOUND'));
    expect(d.told).toEqual([error('ENOTFOUND')]);
  });
});

describe('who gives up', () => {
  test('leaves every line, and name servers are asked no more', () => {
    lookups.lookup('silent.test');
    lookups.local.add('first');
    const first = lookups.lookup('first');
    const waiting = lookups.lookup('waiting.test');
    const quick = lookups.lookup('quick.test');
    lookups.serversSay('quick.test', byServers);
    for (const { leave } of [first, waiting, quick]) leave();
    expect(lookups.unanswered).toEqual([]);
    lookups.systemSays('first', bySystem);
    lookups.systemSays('silent.test', bySystem);
    expect(lookups.system).toEqual(['silent.test', 'first']);
    expect([first.told, waiting.told, quick.told]).toEqual([[], [], []]);
    expect(lookups.clock.pending).toBe(0);
  });
});

describe("libuv's pool", () => {
  // Half of it, rounded up, may be at lookups; one of those threads is left to the rest of the process and one to quick names.
  test.each([
    [1, 0],
    [2, 0],
    [3, 1],
    [4, 1],
    [5, 2],
    [6, 2],
    [8, 3],
    [10, 4],
    [64, 4],
    [1024, 4],
  ])('of %i threads has room for %i names that may hang', (threads, places) => {
    const some = new Lookups(threads);
    for (let at = 0; at < 10; at++) some.lookup(`${at}.test`);
    expect(some.system).toHaveLength(places);
    expect(some.servers).toHaveLength(10 - places);
  });

  test('that is too small for that has room for names that will not hang', () => {
    const tiny = new Lookups(1);
    const { told } = tiny.lookup('a.test');
    tiny.serversSay('a.test', byServers);
    tiny.systemSays('a.test', bySystem);
    expect(told).toEqual([bySystem]);
  });
});
