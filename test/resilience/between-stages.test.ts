import axios from 'axios';
import type { Outcome, UpstreamMap, UpstreamOptions } from '../../src/index.js';
import type { Mashup } from '../../src/page-types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';

// What only goes wrong where one stage meets another.

let backend: Backend;
let clock: ManualClock;

beforeEach(async () => {
  backend = await startBackend();
  clock = new ManualClock();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;
// The first failure that counts opens it.
const breaker = { minimum: 1, threshold: 1 };

function make(parts: Parameters<typeof mashupWith>[0] = {}): Mashup {
  const mashup = mashupWith({ clock, ...parts });
  closeLater(() => mashup.close());
  return mashup;
}

async function outcome(mashup: Mashup, entry: UpstreamOptions): Promise<Outcome> {
  const { outcomes } = await mashup({ a: entry } as UpstreamMap, { deadline: 1000 }).run();
  return outcomes['a'] as Outcome;
}

describe('a breaker and a hedge', () => {
  test.each([100, 200, 300, 399])('silence counts where the hedge was sent after %i of 400 ms', async (hedge) => {
    const mashup = make();
    const ended = outcome(mashup, { url: url('/a'), timeout: 400, hedge, breaker });
    await backend.asked('/a');
    clock.advance(hedge);
    await backend.asked('/a');
    clock.advance(400 - hedge);
    expect(await ended).toMatchObject({ error: { code: 'ERR_UPSTREAM_TIMEOUT' }, attempts: 2 });
    expect(mashup.stats()[backend.origin]?.breaker).toBe('open');
  });
});
