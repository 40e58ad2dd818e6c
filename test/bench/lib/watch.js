// Whether others used our cores meanwhile: on a shared machine a turn that they disturbed says nothing.
import { existsSync, readFileSync } from 'node:fs';
import { canPin } from './child.js';

const STAT = '/proc/stat';
const canSee = canPin && existsSync(STAT);
const TICK = 10_000;

/** Microseconds that a core has been busy, with anybody's work, a hypervisor's other guests included. */
function busy(core) {
  const [, line] = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync(STAT, 'utf8'));
  const [user, nice, system, , , irq, softirq, steal] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK;
}

const snapshot = async (children) => ({
  time: performance.now() * 1000,
  cpu: await Promise.all(children.map((child) => child.ask('cpu'))),
  busy: children.map(({ core }) => (canSee ? busy(core) : 0)),
});

/**
 * Does the work and watches the cores of the children, each of which has one to itself.
 *
 * @returns {Promise<{ value?: any, error?: Error, cpu: number[], foreign: number }>} what came of the work, the CPU time
 * that each child took in microseconds, and the share of a core that others took, of the core where they took more
 */
export async function watch(children, work) {
  const before = await snapshot(children);
  const outcome = await work().then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  const after = await snapshot(children);

  const time = after.time - before.time;
  const cpu = after.cpu.map((used, index) => used - before.cpu[index]);
  const others = cpu.map((used, index) => (canSee ? after.busy[index] - before.busy[index] - used : 0));
  return { ...outcome, cpu, foreign: Math.max(0, ...others) / time };
}

/** Repeats disturbed work, until a number of seconds has been spent on that. */
export class Patience {
  #left;
  repeated = 0;
  kept = 0;

  constructor(seconds) {
    this.#left = seconds * 1000;
  }

  /** Does work that `watch` watches until nobody disturbs it. Its error counts only when nobody did. */
  async quiet(work) {
    for (;;) {
      const started = performance.now();
      const seen = await work();
      const calm = seen.foreign <= Patience.LIMIT;
      if (calm || this.#left <= 0) {
        if (seen.error) throw seen.error;
        if (!calm) this.kept++;
        return { ...seen, calm };
      }
      this.repeated++;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      this.#left -= performance.now() - started;
    }
  }

  toString() {
    const disturbed = `Turns in which others took over ${100 * Patience.LIMIT} % of a core`;
    return `${disturbed}: ${this.repeated} repeated, ${this.kept} kept when patience was over.`;
  }

  static LIMIT = 0.05;
}
