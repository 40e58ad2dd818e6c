import type { LookupAddress } from 'node:dns';
import { BlockedError } from '../../src/transport/address.js';
import { Names, type Told } from '../../src/transport/lookup.js';
import { ManualClock } from '../support/clock.js';

const v4 = (address: string): LookupAddress => ({ address, family: 4 });
const first = [v4('192.0.2.1')];
const second = [v4('192.0.2.2')];
const error = (code: string) => Object.assign(new Error(code), { code });

/** Names that are asked about are answered by the test. */
class Asking {
  readonly clock = new ManualClock();
  /** Every name that was asked about, and those that were given up. */
  readonly asked: string[] = [];
  readonly givenUp: string[] = [];
  readonly #open = new Map<string, Told>();
  readonly names = new Names((name, told) => {
    this.asked.push(name);
    this.#open.set(name, told);
    return () => {
      if (this.#open.get(name) !== told) return;
      this.#open.delete(name);
      this.givenUp.push(name);
    };
  }, this.clock);

  answer(name: string, ...[failure, addresses]: Parameters<Told>): void {
    const told = this.#open.get(name) as Told;
    this.#open.delete(name);
    told(failure, addresses);
  }

  /** What somebody who asks now is told, one after the other. */
  lookup(name: string): { told: unknown[]; leave: () => void } {
    const told: unknown[] = [];
    const leave = this.names.lookup(name, (failure, addresses) => told.push(failure ?? addresses));
    return { told, leave };
  }
}

let asking: Asking;
beforeEach(() => {
  asking = new Asking();
});

describe('a lookup', () => {
  test('is one for all who ask for a name at a time', () => {
    const asks = [asking.lookup('a.test'), asking.lookup('a.test'), asking.lookup('a.test')];
    const other = asking.lookup('b.test');
    expect(asking.asked).toEqual(['a.test', 'b.test']);
    asking.answer('a.test', null, first);
    expect(asks.map(({ told }) => told)).toEqual([[first], [first], [first]]);
    expect(other.told).toEqual([]);
  });

  test('fails for all who wait for it', () => {
    const asks = [asking.lookup('a.test'), asking.lookup('a.test')];
    const failure = error('ENOTFOUND');
    asking.answer('a.test', failure, []);
    expect(asks.map(({ told }) => told)).toEqual([[failure], [failure]]);
  });

  test('tells nobody who has left, and goes on for the others and for those who come later', () => {
    const gone = asking.lookup('a.test');
    const waits = asking.lookup('a.test');
    gone.leave();
    asking.answer('a.test', null, first);
    expect([gone.told, waits.told]).toEqual([[], [first]]);
    const alone = asking.lookup('b.test');
    alone.leave();
    asking.answer('b.test', null, second);
    expect([alone.told, asking.lookup('b.test').told]).toEqual([[], [second]]);
    expect(asking.asked).toEqual(['a.test', 'b.test']);
  });

  test('tells nobody who leaves because of what another is told', () => {
    const told: string[] = [];
    let leave = () => {};
    asking.names.lookup('a.test', () => {
      told.push('one');
      leave();
    });
    leave = asking.names.lookup('a.test', () => told.push('two'));
    asking.answer('a.test', null, first);
    expect(told).toEqual(['one']);
  });

  test('that nobody answers is given up after 10 s', () => {
    const { told } = asking.lookup('a.test');
    asking.clock.advance(9999);
    expect(told).toEqual([]);
    asking.clock.advance(1);
    expect(told).toEqual([expect.objectContaining({ code: 'ETIMEOUT' })]);
    expect(asking.givenUp).toEqual(['a.test']);
    expect(asking.clock.pending).toBe(0);
  });

  test('may answer at once', () => {
    const names = new Names((_name, told) => {
      told(null, first);
      return () => {};
    }, asking.clock);
    const told: unknown[] = [];
    names.lookup('a.test', (_error, addresses) => told.push(addresses));
    expect(told).toEqual([first]);
    expect(asking.clock.pending).toBe(0);
  });
});

describe('an answer', () => {
  test('is used for 5 s, and asked for again then', () => {
    asking.lookup('a.test');
    asking.answer('a.test', null, first);
    asking.clock.advance(4999);
    expect(asking.lookup('a.test').told).toEqual([first]);
    asking.clock.advance(1);
    const { told } = asking.lookup('a.test');
    expect([told, asking.asked]).toEqual([[], ['a.test', 'a.test']]);
    asking.answer('a.test', null, second);
    expect(told).toEqual([second]);
    expect(asking.lookup('a.test').told).toEqual([second]);
  });

  test('that is an error is used for 1 s', () => {
    asking.lookup('a.test');
    asking.answer('a.test', error('EAI_AGAIN'), []);
    asking.clock.advance(999);
    expect(asking.lookup('a.test').told).toEqual([error('EAI_AGAIN')]);
    asking.clock.advance(1);
    asking.lookup('a.test');
    asking.answer('a.test', null, first);
    expect(asking.lookup('a.test').told).toEqual([first]);
  });

  test('has 32 addresses at most', () => {
    const many = Array.from({ length: 4000 }, (_, at) => v4(`192.0.${at >> 8}.${at & 255}`));
    const { told } = asking.lookup('a.test');
    asking.answer('a.test', null, many);
    expect(told).toEqual([many.slice(0, 32)]);
  });
});

describe('an answer of before', () => {
  beforeEach(() => {
    asking.lookup('a.test');
    asking.answer('a.test', null, first);
    asking.clock.advance(5000);
  });

  test('is used where there is no new one within 300 ms, and then nobody waits for one', () => {
    const { told } = asking.lookup('a.test');
    asking.clock.advance(299);
    expect(told).toEqual([]);
    asking.clock.advance(1);
    expect(told).toEqual([first]);
    expect(asking.lookup('a.test').told).toEqual([first]);
    asking.clock.advance(9700);
    expect(asking.givenUp).toEqual(['a.test']);
    // The next lookup has failed, too; it goes on behind those who ask.
    asking.clock.advance(1000);
    expect(asking.lookup('a.test').told).toEqual([first]);
    expect(asking.asked).toHaveLength(3);
  });

  test('is used no more when a new one has come, however late', () => {
    asking.lookup('a.test');
    asking.clock.advance(9000);
    asking.answer('a.test', null, second);
    expect(asking.lookup('a.test').told).toEqual([second]);
    asking.clock.advance(5000);
    // And the name server is waited for again.
    expect(asking.lookup('a.test').told).toEqual([]);
  });

  test.each(['ESERVFAIL', 'EAI_AGAIN', 'ECONNREFUSED', 'EREFUSED'])('is used where the answer is %s', (code) => {
    const { told } = asking.lookup('a.test');
    asking.answer('a.test', error(code), []);
    expect(told).toEqual([first]);
    expect(asking.lookup('a.test').told).toEqual([first]);
    expect(asking.asked).toHaveLength(2);
  });

  test.each([error('ENOTFOUND'), error('ENODATA'), new BlockedError('a.test')])('is not used after %p', (failure) => {
    const { told } = asking.lookup('a.test');
    asking.answer('a.test', failure, []);
    asking.clock.advance(1000);
    const later = asking.lookup('a.test');
    asking.answer('a.test', error('ESERVFAIL'), []);
    expect([told, later.told]).toEqual([[failure], [error('ESERVFAIL')]]);
  });

  test('is not used after an hour', () => {
    asking.clock.advance(3_600_000);
    const { told } = asking.lookup('a.test');
    asking.clock.advance(300);
    expect(told).toEqual([]);
    asking.answer('a.test', error('ESERVFAIL'), []);
    expect(told).toEqual([error('ESERVFAIL')]);
  });
});

describe('what is kept', () => {
  test('is 1,000 names; those that were asked for long ago are forgotten', () => {
    for (let at = 0; at < 1001; at++) {
      asking.lookup(`${at}.test`);
      asking.answer(`${at}.test`, null, first);
    }
    expect(asking.asked).toHaveLength(1001);
    asking.lookup('1000.test');
    asking.lookup('1.test');
    expect(asking.asked).toHaveLength(1001);
    asking.lookup('0.test');
    expect(asking.asked).toHaveLength(1002);
    expect(asking.clock.pending).toBe(1);
  });

  test('is 128 lookups: one more fails while all are waited for', () => {
    const waiting = Array.from({ length: 128 }, (_, at) => asking.lookup(`${at}.test`));
    const { told } = asking.lookup('more.test');
    expect(told).toEqual([expect.objectContaining({ code: 'ERR_TOO_MANY_LOOKUPS' })]);
    expect(asking.asked).toHaveLength(128);
    // A name that is being looked up may be asked for by any number.
    expect(asking.lookup('7.test').told).toEqual([]);
    // One that nobody waits for makes room.
    waiting[5]?.leave();
    const now = asking.lookup('more.test');
    expect(asking.givenUp).toEqual(['5.test']);
    asking.answer('more.test', null, first);
    expect(now.told).toEqual([first]);
  });

  test('is an answer of before for a name whose lookup finds no room', () => {
    asking.lookup('a.test');
    asking.answer('a.test', null, first);
    asking.clock.advance(5000);
    for (let at = 0; at < 128; at++) asking.lookup(`${at}.test`);
    expect(asking.lookup('a.test').told).toEqual([first]);
  });
});
