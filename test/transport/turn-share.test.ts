import { TurnShare } from '../../src/answer/turn-share.js';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a share of a turn', () => {
  test('is spent, and there again in the next turn', async () => {
    const share = new TurnShare(10);
    expect([share.take(4), share.take(6), share.isSpent, share.take(1)]).toEqual([true, true, true, false]);
    await nextTurn();
    expect([share.isSpent, share.take(1)]).toEqual([false, true]);
  });

  test('lets the first pass whatever it costs, and no second', async () => {
    const share = new TurnShare(10);
    expect([share.take(1000), share.take(1)]).toEqual([true, false]);
    await nextTurn();
    expect([share.take(1), share.take(10), share.take(9)]).toEqual([true, false, true]);
  });

  test('counts what was done without asking', async () => {
    const share = new TurnShare(10);
    share.spend(10);
    expect([share.isSpent, share.take(1)]).toEqual([true, false]);
    await nextTurn();
    expect(share.take(1)).toBe(true);
  });

  test('goes to those who wait in their order, so much a turn', async () => {
    const share = new TurnShare(10);
    const log: (string | number)[] = [];
    share.take(10);
    const waits = [4, 6, 1, 20, 5].map((cost, at) => share.wait(cost, null).then(() => log.push(at)));
    for (let turn = 0; turn < 5; turn++) {
      await nextTurn();
      log.push('|');
    }
    await Promise.all(waits);
    expect(log).toEqual([0, 1, '|', 2, '|', 3, '|', 4, '|', '|']);
  });

  test('is not for somebody new while others wait', async () => {
    const share = new TurnShare(10);
    const big = share.wait(10, null);
    const last = share.wait(10, null);
    expect(share.take(1)).toBe(false);
    await big;
    expect(share.take(1)).toBe(false);
    await last;
    await nextTurn();
    expect(share.take(1)).toBe(true);
  });

  test('costs nothing for those who are over', async () => {
    const share = new TurnShare(10);
    share.take(10);
    const call = { over: false };
    const waits = Array.from({ length: 1000 }, () => share.wait(10, call));
    const mine = share.wait(10, null);
    call.over = true;
    await nextTurn();
    // Not a thousand turns later.
    await Promise.all([...waits, mine]);
    expect(share.take(1)).toBe(false);
  });

  test('leaves nothing behind that keeps a process alive', async () => {
    const share = new TurnShare(10);
    share.take(1);
    await nextTurn();
    await nextTurn();
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Immediate').length;
    expect(before).toBe(0);
  });
});
