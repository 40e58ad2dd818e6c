import { Breaker, type Ticket, type Verdict } from '../../src/origin/breaker.js';

const options = { threshold: 0.5, minimum: 4, window: 1000, halfOpenAfter: 500 };

/** Lets a call in that ends at once. */
function call(breaker: Breaker, now: number, verdict: Verdict): void {
  breaker.leave(enter(breaker, now), verdict, now);
}

function enter(breaker: Breaker, now: number): Ticket {
  const entry = breaker.enter(now);
  if ('retryIn' in entry) throw new Error(`not let in, but told to come back in ${entry.retryIn} ms`);
  return entry.ticket;
}

function opened(now = 0): Breaker {
  const breaker = new Breaker(options);
  for (let at = 0; at < 4; at++) call(breaker, now, 'failure');
  return breaker;
}

describe('closed', () => {
  test.each<[verdicts: string, minimum: number, threshold: number, state: string]>([
    ['fff', 4, 0.5, 'closed'],
    ['ffff', 4, 0.5, 'open'],
    ['ssff', 4, 0.5, 'open'],
    ['sssff', 4, 0.5, 'closed'],
    ['sssfff', 4, 0.5, 'open'],
    ['f', 1, 1, 'open'],
    ['sf', 1, 1, 'closed'],
    ['ffffs', 6, 0.5, 'closed'],
    ['ffffsf', 6, 0.5, 'open'],
    ['ssssssssssssssssssf', 4, 0.05, 'open'],
    ['sssssssssssssssssssssssf', 4, 0.05, 'closed'],
    ['nnnnf', 4, 0.5, 'closed'],
    ['nfnfnfnf', 4, 0.5, 'open'],
  ])('after %s, with a minimum of %i and a threshold of %d, it is %s', (verdicts, minimum, threshold, state) => {
    const breaker = new Breaker({ ...options, minimum, threshold });
    const words: Record<string, Verdict> = { s: 'success', f: 'failure', n: 'nothing' };
    for (const letter of verdicts) call(breaker, 0, words[letter] as Verdict);
    expect(breaker.stateAt(0)).toBe(state);
  });

  test('opens at a failure, never at a success that makes up the minimum', () => {
    const breaker = new Breaker(options);
    for (const verdict of ['failure', 'failure', 'failure', 'success'] as const) call(breaker, 0, verdict);
    expect(breaker.stateAt(0)).toBe('closed');
    call(breaker, 0, 'failure');
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('forgets failures that are older than its window', () => {
    const breaker = new Breaker(options);
    for (let at = 0; at < 3; at++) call(breaker, 0, 'failure');
    call(breaker, 1000, 'failure');
    expect(breaker.stateAt(1000)).toBe('closed');
    for (let at = 0; at < 3; at++) call(breaker, 1500, 'failure');
    expect(breaker.stateAt(1500)).toBe('open');
  });

  test('forgets successes that are older than its window', () => {
    const breaker = new Breaker(options);
    for (let at = 0; at < 100; at++) call(breaker, 0, 'success');
    for (let at = 0; at < 3; at++) call(breaker, 1000, 'failure');
    expect(breaker.stateAt(0)).toBe('closed');
    call(breaker, 1000, 'failure');
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('never opens by failures that trickle', () => {
    const breaker = new Breaker(options);
    for (let now = 0; now < 100_000; now += 350) call(breaker, now, 'failure');
    expect(breaker.stateAt(0)).toBe('closed');
  });
});

describe('open', () => {
  test('lets nobody in, and says how long', () => {
    const breaker = opened(100);
    expect(breaker.enter(100)).toEqual({ retryIn: 500 });
    expect(breaker.enter(350)).toEqual({ retryIn: 250 });
    expect(breaker.enter(599)).toEqual({ retryIn: 1 });
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('lets five in after a while, and the next are told to wait for them', () => {
    const breaker = opened(100);
    expect(breaker.stateAt(599)).toBe('open');
    expect(breaker.stateAt(600)).toBe('half-open');
    for (let at = 0; at < 5; at++) enter(breaker, 600);
    expect(breaker.stateAt(600)).toBe('half-open');
    expect(breaker.enter(600)).toEqual({ retryIn: 0 });
    expect(breaker.enter(99_999)).toEqual({ retryIn: 0 });
  });

  test('is forgotten, with all that opened it, when nobody has asked for as long as its window', () => {
    const breaker = opened(100);
    expect(breaker.stateAt(1599)).toBe('half-open');
    expect(breaker.stateAt(1600)).toBe('closed');
    for (let at = 0; at < 3; at++) call(breaker, 1600, 'failure');
    expect(breaker.stateAt(1600)).toBe('closed');
    call(breaker, 1600, 'failure');
    expect(breaker.stateAt(1600)).toBe('open');
  });

  test('does not hear calls that were let in before, however they end', () => {
    const breaker = new Breaker(options);
    const late = [enter(breaker, 0), enter(breaker, 0), enter(breaker, 0)] as const;
    for (let at = 0; at < 4; at++) call(breaker, 0, 'failure');
    breaker.leave(late[0], 'success', 10);
    breaker.leave(late[1], 'failure', 400);
    expect(breaker.enter(499)).toEqual({ retryIn: 1 });
    const probe = enter(breaker, 500);
    breaker.leave(late[2], 'success', 500);
    expect(breaker.stateAt(0)).toBe('half-open');
    breaker.leave(probe, 'success', 500);
    expect(breaker.stateAt(0)).toBe('closed');
  });
});

describe('half open', () => {
  test('closes when the probe succeeds, and has forgotten what was', () => {
    const breaker = opened();
    breaker.leave(enter(breaker, 500), 'success', 510);
    expect(breaker.stateAt(0)).toBe('closed');
    for (let at = 0; at < 3; at++) call(breaker, 520, 'failure');
    expect(breaker.stateAt(0)).toBe('closed');
    call(breaker, 520, 'failure');
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('closed again, it has forgotten successes too', () => {
    const breaker = new Breaker(options);
    for (let at = 0; at < 6; at++) call(breaker, 0, 'success');
    for (let at = 0; at < 6; at++) call(breaker, 0, 'failure');
    breaker.leave(enter(breaker, 500), 'success', 510);
    for (let at = 0; at < 4; at++) call(breaker, 520, 'failure');
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('opens again for as long when the probe fails, counted from then', () => {
    const breaker = opened();
    breaker.leave(enter(breaker, 500), 'failure', 700);
    expect(breaker.stateAt(0)).toBe('open');
    expect(breaker.enter(1199)).toEqual({ retryIn: 1 });
    enter(breaker, 1200);
  });

  test('lets the next one try at once when the probe was given up', () => {
    const breaker = opened();
    breaker.leave(enter(breaker, 500), 'nothing', 600);
    const next = enter(breaker, 600);
    breaker.leave(next, 'success', 610);
    expect(breaker.stateAt(0)).toBe('closed');
  });

  test('closes with the first of several probes that succeeds, however the others end', () => {
    const breaker = opened();
    const [slow, well, late] = [enter(breaker, 500), enter(breaker, 500), enter(breaker, 500)] as const;
    breaker.leave(slow, 'failure', 600);
    expect(breaker.stateAt(600)).toBe('half-open');
    breaker.leave(well, 'success', 610);
    breaker.leave(late, 'failure', 620);
    expect(breaker.stateAt(620)).toBe('closed');
  });

  test('opens again when the last probe under way has failed', () => {
    const breaker = opened();
    const [one, other] = [enter(breaker, 500), enter(breaker, 510)] as const;
    breaker.leave(one, 'failure', 600);
    breaker.leave(other, 'failure', 700);
    expect(breaker.enter(1199)).toEqual({ retryIn: 1 });
  });

  test('opens again when one probe has failed and the last one was given up', () => {
    const breaker = opened();
    const [failed, givenUp] = [enter(breaker, 500), enter(breaker, 510)] as const;
    breaker.leave(failed, 'failure', 600);
    breaker.leave(givenUp, 'nothing', 700);
    expect(breaker.enter(1199)).toEqual({ retryIn: 1 });
  });

  test('asks a failing origin five times and no more, however many come', () => {
    const breaker = opened();
    const pending: Ticket[] = [];
    let asked = 0;
    for (let now = 500; now < 700; now += 10) {
      const entry = breaker.enter(now);
      if ('retryIn' in entry) continue;
      asked++;
      // While another is under way, so that there is always one.
      pending.push(entry.ticket);
      if (pending.length > 1) breaker.leave(pending.shift() as Ticket, 'failure', now);
    }
    expect(asked).toBe(5);
    for (const ticket of pending) breaker.leave(ticket, 'failure', 700);
    expect(breaker.enter(1199)).toEqual({ retryIn: 1 });
  });

  test('a probe that was given up makes room for another, and does not undo that others have failed', () => {
    const breaker = opened();
    const probes = Array.from({ length: 5 }, () => enter(breaker, 500));
    breaker.leave(probes[0] as Ticket, 'nothing', 510);
    probes[0] = enter(breaker, 510);
    expect(breaker.enter(510)).toEqual({ retryIn: 0 });
    for (const probe of probes.slice(0, 4)) breaker.leave(probe, 'failure', 600);
    breaker.leave(probes[4] as Ticket, 'nothing', 700);
    expect(breaker.enter(700)).toEqual({ retryIn: 500 });
  });

  test('does not hear a probe of an earlier time', () => {
    const breaker = opened();
    const first = enter(breaker, 500);
    breaker.leave(first, 'nothing', 600);
    const second = enter(breaker, 600);
    breaker.leave(first, 'success', 610);
    expect(breaker.stateAt(0)).toBe('half-open');
    breaker.leave(second, 'failure', 620);
    breaker.leave(first, 'success', 630);
    expect(breaker.stateAt(0)).toBe('open');
  });

  test('closed again, it does not hear a call from before it had opened', () => {
    const breaker = new Breaker({ ...options, minimum: 1 });
    const late = enter(breaker, 0);
    call(breaker, 0, 'failure');
    breaker.leave(enter(breaker, 500), 'success', 500);
    breaker.leave(late, 'failure', 501);
    expect(breaker.stateAt(0)).toBe('closed');
  });
});
