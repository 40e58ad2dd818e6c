import { GuardedStore } from '../../src/cache/guarded-store.js';
import { Marks } from '../../src/cache/marks.js';
import { SharedLog } from '../../src/cache/shared-log.js';
import type { LogSlice } from '../../src/cache-types.js';
import { ManualClock } from '../support/clock.js';
import { type Deferred, deferred, settled } from '../support/deferred.js';
import { MemoryStore } from '../support/memory-store.js';

/** A store that says what was marked, and when its log is read. */
class ToldStore extends MemoryStore {
  readonly marked: string[] = [];
  onRead: () => unknown = () => {};

  override mark(marks: readonly string[]): Promise<unknown> {
    this.marked.push(...marks);
    return super.mark(marks);
  }

  override async log(since: Parameters<MemoryStore['log']>[0]): Promise<LogSlice> {
    const slice = await super.log(since);
    await this.onRead();
    return slice;
  }
}

/** As the log has the mark of these tests. */
const SENT = 'gnews';

function started(): { store: ToldStore; log: SharedLog } {
  const clock = new ManualClock();
  const store = new ToldStore(clock);
  const log = new SharedLog(new GuardedStore(store, () => clock), new Marks(), () => clock);
  return { store, log };
}

test('what is marked while the log is read is sent, at whichever moment that is', async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { store, log } = started();
    let isFirst = true;
    store.onRead = () => {
      if (!isFirst) return;
      isFirst = false;
      let later = Promise.resolve();
      for (let turn = 0; turn < turns; turn++) later = later.then(() => {});
      void later.then(() => log.mark('gone', ['news']));
    };
    log.start();
    await settled();
    expect([turns, store.marked]).toEqual([turns, [SENT]]);
    log.stop();
  }
});

test('a store may call back while it is asked', async () => {
  const { store, log } = started();
  store.watch = (changed) => {
    const mark = store.mark.bind(store);
    store.mark = (marks) => {
      const marking = mark(marks);
      changed();
      return marking;
    };
    return () => {};
  };
  log.start();
  await settled();
  await log.mark('gone', ['news']);
  expect(store.marked).toEqual([SENT]);
  expect(log.position).toMatchObject({ at: 1 });
});

test('a store that says at each reading that there is more does not keep the event loop', async () => {
  const { store, log } = started();
  let reads = 0;
  let isEnough = false;
  store.watch = (changed) => {
    store.onRead = () => {
      if (!isEnough && ++reads < 10_000) changed();
    };
    return () => {};
  };
  log.start();
  await settled();
  isEnough = true;
  expect(reads).toBeLessThan(100);
  await log.read();
});

test('what is marked again while it is being sent is sent again', async () => {
  const { store, log } = started();
  await log.read();
  const read: Deferred<void> = deferred();
  store.onRead = () => read.promise;
  const marking = [log.mark('gone', ['news'])];
  await settled();
  marking.push(log.mark('gone', ['news']));
  read.resolve();
  await Promise.all(marking);
  expect(store.marked).toEqual([SENT, SENT]);
});
