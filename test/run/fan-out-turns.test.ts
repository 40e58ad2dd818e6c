import type { Outcome } from '../../src/outcome.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const url = (path: string) => `${backend.origin}${path}`;

/** Counts the turns of the event loop. */
function turns(): { count: number; stop: () => void } {
  const counter = { count: 0, stop: () => clearImmediate(next) };
  const turn = () => {
    counter.count++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  return counter;
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('a fan-out', () => {
  const items = Array.from({ length: 8 }, (_, at) => at);

  test('whose requests take long to make begins in several turns, and the order is kept', async () => {
    for (const item of items) backend.answer(`/${item}`, item);
    const counter = turns();
    const turnOf: number[] = [];
    const make = ({ item }: { item: unknown }) => {
      turnOf.push(counter.count);
      block(6);
      return url(`/${item}`);
    };
    const { locals } = await site.visit({ a: { url: make as never, each: () => items, origins: [backend.origin] } });
    counter.stop();
    expect(locals['a']).toEqual(items);
    expect(new Set(turnOf).size).toBe(items.length);
  });

  test('that is given up meanwhile asks no more callbacks', async () => {
    let made = 0;
    const make = () => {
      made++;
      block(6);
      site.clock.advance(1000);
      return url('/a');
    };
    const entry = { url: make as never, each: () => items, origins: [backend.origin] };
    const { locals } = await site.visit({ a: entry }, { deadline: 1000 });
    expect((locals.mashup['a'] as Outcome).error?.code).toBe('ERR_UPSTREAM_DEADLINE');
    expect(made).toBe(1);
  });

  test('looks at the query of the client once', async () => {
    for (const item of items) backend.answer(`/${item}?q=x`, item);
    let looks = 0;
    const page = site.mashup({ a: { url: url('/{item}{?query.q}'), each: () => items } });
    const req = {
      params: {},
      headers: {},
      get query() {
        looks++;
        return { q: 'x' };
      },
    };
    expect((await page.run({ req: req as never })).data.a).toEqual(items);
    expect(looks).toBe(1);
  });
});
