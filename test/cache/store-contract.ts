import { randomUUID } from 'node:crypto';
import type { CacheStore } from '../../src/cache-types.js';
import { until } from '../support/deferred.js';

/** What every store has to do. `make` gives a store that shares what is stored with the one that it gave before. */
export function describeStore(name: string, make: () => Promise<CacheStore>): void {
  describe(`${name} as a store`, () => {
    let store: CacheStore;
    let other: CacheStore;
    let key: string;

    beforeEach(async () => {
      [store, other] = [await make(), await make()];
      key = randomUUID();
    });

    test('keeps bytes, whatever they are, for all', async () => {
      expect(await store.get(key)).toBeNull();
      const bytes = Buffer.from([0, 255, 10, 13, 128, 0xc3, 0x28]);
      await store.set(key, bytes, 60_000);
      expect(Buffer.from((await other.get(key)) as Uint8Array)).toEqual(bytes);
      await other.set(key, Buffer.alloc(0), 60_000);
      expect((await store.get(key))?.length).toBe(0);
      await store.set(key, Buffer.alloc(1024 * 1024, 'x'), 60_000);
      expect((await other.get(key))?.length).toBe(1024 * 1024);
    });

    test('gives a lock to one at a time, and takes it back from nobody else', async () => {
      expect(await store.lock(key, 'one', 60_000)).toBe(true);
      expect(await other.lock(key, 'two', 60_000)).toBe(false);
      await other.unlock(key, 'two');
      expect(await other.lock(key, 'two', 60_000)).toBe(false);
      await store.unlock(key, 'one');
      expect(await other.lock(key, 'two', 60_000)).toBe(true);
      await other.unlock(key, 'two');
    });

    test('numbers marks, and gives those that came after a position', async () => {
      const start = await store.log(null);
      await store.mark([`${key}a`, `${key}b`]);
      const first = await other.log(start);
      expect(first.epoch).toBe(start.epoch);
      expect(new Map(first.marks).size).toBe(2);
      expect(first.at).toBeGreaterThan(start.at);
      expect(Math.max(...first.marks.map(([, at]) => at))).toBe(first.at);
      await other.mark([`${key}a`]);
      const second = await store.log(first);
      expect(second.marks).toEqual([[`${key}a`, second.at]]);
      expect((await store.log(second)).marks).toEqual([]);
      const all = await other.log(null);
      expect(all.marks.filter(([mark]) => mark.startsWith(key))).toHaveLength(2);
      expect(await store.log({ epoch: 'another', at: 1 })).toEqual(all);
    });

    test('takes another epoch where its numbers are behind what somebody has seen', async () => {
      const { epoch, at } = await store.log(null);
      const after = await store.log({ epoch, at: at + 10 });
      expect(after.epoch).not.toBe(epoch);
      expect((await other.log(null)).epoch).toBe(after.epoch);
    });

    test('tells all who watch of marks, until they stop', async () => {
      let told = 0;
      const stop = other.watch(() => told++);
      // The connection for that may be made just now, and is told of too.
      await until(() => told > 0, 500);
      const before = told;
      await store.mark([key]);
      expect(await until(() => told > before, 5000)).not.toBeNull();
      stop();
      const after = told;
      await store.mark([key]);
      await store.log(null);
      expect(told).toBe(after);
    });

    test('counts requests against a rate, and forgets those that were not sent', async () => {
      if (store.take === undefined || other.take === undefined) throw new Error('it counts no requests');
      const rate = { requests: 2, per: 60_000 };
      expect(await store.take(key, 'a', rate)).toBe(0);
      expect(await other.take(key, 'b', rate)).toBe(0);
      const wait = await store.take(key, 'c', rate);
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(60_000);
      expect(await store.take(key, 'c', { requests: 3, per: 60_000 })).toBe(0);
      await store.giveBack?.(key, 'c');
      await other.giveBack?.(key, 'a');
      expect(await store.take(key, 'd', rate)).toBe(0);
      expect(await store.take(key, 'e', rate)).toBeGreaterThan(0);
    });
  });
}
