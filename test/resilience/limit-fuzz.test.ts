import { type ClientRequest, get } from 'node:http';
import type { Mashup } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

const PER_ORIGIN = 3;
const QUEUE = 6;

let backends: Backend[];
let site: Site;
let mashup: Mashup;

beforeEach(async () => {
  backends = [await startBackend(), await startBackend()];
  site = await startSite();
  const limits = { perOrigin: PER_ORIGIN, queue: QUEUE };
  mashup = mashupWith({ clock: site.clock, limits });
  closeLater(() => mashup.close());
});
afterEach(closeAll);

/** Numbers from 0 to below `most`, the same for the same seed (mulberry32). */
function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  };
}

/** Answers of all kinds, for every path. */
function answerAll(backend: Backend): void {
  for (let at = 0; at < 20; at++) {
    if (at % 5 === 0) backend.answer(`/${at}`, 'no', { status: 503 });
    else if (at % 5 === 1) backend.answer(`/${at}`, at, { status: 302, headers: { location: `/${at + 1}` } });
    else if (at % 5 !== 4) backend.answer(`/${at}`, at);
    // The others are never answered.
  }
}

const extras = [
  {},
  { hedge: 20 },
  { retry: 2 },
  { coalesce: true },
  { timeout: 30 },
  { attemptTimeout: 15, retry: true },
  { hedge: 10, retry: true, coalesce: true, breaker: { minimum: 1000 } },
];

test.each([1, 2, 3, 4])('no place is lost, whatever is given up when: seed %i', async (seed) => {
  const below = random(seed);
  backends.forEach(answerAll);
  const clients: ClientRequest[] = [];
  let open = 0;
  for (let run = 0; run < 60; run++) {
    const upstreams = Array.from({ length: 1 + below(5) }, (_, at) => [
      `u${at}`,
      { url: `${(backends[below(2)] as Backend).origin}/${below(20)}`, ...extras[below(extras.length)] },
    ]);
    const options = { concurrency: 1 + below(4), deadline: 20 + below(80) };
    site.app.get(`/run${run}`, mashup(Object.fromEntries(upstreams), options), (_req, res) => void res.end());
    open++;
    const client = get(`${site.origin}/run${run}`, (response) => response.resume());
    clients.push(client.on('error', () => {}).on('close', () => open--));
    if (below(3) === 0) clients[below(clients.length)]?.destroy();
    if (below(2) === 0) site.clock.advance(below(25));
    for (let turns = below(4); turns > 0; turns--) await settled();
    for (const { inFlight, queued } of Object.values(mashup.stats().origins)) {
      expect(inFlight).toBeLessThanOrEqual(PER_ORIGIN);
      expect(queued).toBeLessThanOrEqual(QUEUE);
    }
  }
  while (open > 0) {
    site.clock.advance(10);
    await settled();
  }
  for (const { origin } of backends) {
    while (mashup.stats().origins[origin]?.inFlight !== 0) await settled();
    expect(mashup.stats().origins[origin]).toMatchObject({ inFlight: 0, queued: 0 });
  }
  await expectFullCapacity();
});

/** As many as may be in flight are, and no more; and all are answered. */
async function expectFullCapacity(): Promise<void> {
  for (const { origin } of backends) {
    const page = Array.from({ length: PER_ORIGIN + 2 }, (_, at) => [`v${at}`, `${origin}/full${at}`]);
    const backend = backends.find((one) => one.origin === origin) as Backend;
    site.app.get(`/full${origin.slice(-5)}`, mashup(Object.fromEntries(page)), (_req, res) => void res.end());
    const client = get(`${site.origin}/full${origin.slice(-5)}`, (response) => response.resume());
    const ended = new Promise((resolve) => client.on('close', resolve));
    const first = await Promise.all([0, 1, 2].map((at) => backend.asked(`/full${at}`)));
    expect(mashup.stats().origins[origin]).toMatchObject({ inFlight: PER_ORIGIN, queued: 2 });
    for (const one of first) one.reply(1);
    for (const at of [3, 4]) (await backend.asked(`/full${at}`)).reply(1);
    await ended;
    expect(mashup.stats().origins[origin]).toMatchObject({ inFlight: 0, queued: 0 });
  }
}
