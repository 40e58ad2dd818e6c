import { Origins } from '../../src/call/origins.js';
import { readPage } from '../../src/config/page.js';
import { Run } from '../../src/run/run.js';
import type { Connections } from '../../src/transport/connections.js';
import { ManualClock } from '../support/clock.js';

test('a deadline is the client’s only where the client has shortened it, whatever the clock’s fractions round to', () => {
  const clock = new ManualClock();
  const plan = readPage({ a: 'http://127.0.0.1:1/' }, { deadline: 500 }, null);
  const services = { clock, connections: {} as Connections, origins: new Origins({ perOrigin: 1, queue: 0 }) };
  for (let began = 0.1; began < 1e6; began *= 1.37) {
    clock.now = () => began;
    expect(new Run(plan, services, null, {}, { runEnded() {} }).isHurried).toBe(false);
  }
});
