import { AsyncResource } from 'node:async_hooks';
import { Origin } from '../../src/origin/origin.js';
import { Slots } from '../../src/run/slots.js';
import type { Scope, Turn } from '../../src/stages/stage.js';
import { settled } from '../support/deferred.js';

const scope = { async: new AsyncResource('TEST') } as unknown as Scope;
const plan = { weight: 0, index: 0 } as Turn['plan'];

describe('the slots of a run', () => {
  // How many microtasks a lane takes to end is p-limit's affair.
  test.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'are all used by those who come into the line %i microtasks after the last two were refused',
    async (microtasks) => {
      const full = new Origin('full', { perOrigin: 1, queue: 0 });
      const free = new Origin('free', { perOrigin: 10, queue: 0 });
      full.tryEnter();
      const slots = new Slots(2, scope);
      let refused = 0;
      let begun = 0;
      const turn = (origin: Origin): Turn => {
        return { plan, origin, begin: () => void begun++, refuse: () => void refused++ };
      };
      for (let at = 0; at < 2; at++) slots.enter(turn(full));
      while (refused < 2) await null;
      for (let at = 0; at < microtasks; at++) await null;
      for (let at = 0; at < 2; at++) slots.enter(turn(free));
      await settled();
      expect(begun).toBe(2);
    },
  );
});
