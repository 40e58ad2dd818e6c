import { readPage } from '../../src/config/page.js';
import { MashupInstance } from '../../src/instance.js';
import { Run } from '../../src/run/run.js';
import { ManualClock } from '../support/clock.js';

test('a deadline is the client’s only where the client has shortened it, whatever the clock’s fractions round to', () => {
  const clock = new ManualClock();
  const plan = readPage({ a: 'http://127.0.0.1:1/' }, { deadline: 500 }, null);
  const instance = new MashupInstance({ clock });
  const visitor = { params: {}, query: {}, headers: {} };
  for (let began = 0.1; began < 1e6; began *= 1.37) {
    clock.now = () => began;
    expect(new Run(plan, instance, null, visitor, {}, { runEnded() {}, allEnded() {} }).isHurried).toBe(false);
  }
});
