import axios, { type AxiosResponse } from 'axios';
import type { RequestHandler } from 'express';
import { explain, type Outcome, type UpstreamMap } from '../../src/index.js';
import type { PageOptions } from '../../src/types.js';
import { Reader, site } from '../html/reader.js';
import { startBackend } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';
import { expresses, newMashup } from '../support/site.js';

afterEach(closeAll);

/** Runs a page whose upstreams take as many milliseconds as the paths of their URLs say: `/40` takes 40 ms. */
async function run(upstreams: UpstreamMap, options: PageOptions = {}): Promise<Record<string, Outcome>> {
  const clock = new ManualClock();
  const client = axios.create({
    baseURL: 'http://a.example.com',
    adapter: (config) =>
      new Promise<AxiosResponse>((resolve) => {
        const [, ms = '0', status = '200'] = /\/(\d+)(?:\/(\d+))?/.exec(config.url ?? '') ?? [];
        const response = { data: { ms }, status: Number(status), statusText: '', headers: {}, config };
        clock.happen(Number(ms), () => resolve(response));
      }),
  });
  const mashup = mashupWith({ clock, axios: client });
  closeLater(() => mashup.close());
  const running = mashup(upstreams, options).run();
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  running.then(over, over);
  for (let turn = 0; !isOver; turn = (await clock.step()) ? 0 : turn + 1) {
    if (turn > 100) throw new Error('the page does not end');
    // What follows from a step may take some turns, the more so on a busy machine.
    for (let waited = 0; waited < 5; waited++) await new Promise((resolve) => setImmediate(resolve));
  }
  return (await running).outcomes as Record<string, Outcome>;
}

test('tells the total, the path that took it, and how much longer the others could have taken', async () => {
  const outcomes = await run({
    user: '/50',
    orders: '/80?{user.ms}',
    card: { url: '/20', after: ['orders'] },
    quick: '/30',
    next: { url: '/40', after: ['quick'] },
    slow: { url: '/500', defer: true },
  });
  const { total, criticalPath, slack } = explain(outcomes);
  expect(total).toBe(150);
  expect(criticalPath).toEqual(['user', 'orders', 'card']);
  expect(slack).toEqual({ user: 0, orders: 0, card: 0, quick: 80, next: 80 });
});

interface Case {
  page: UpstreamMap;
  options?: PageOptions;
  /** The advice that is expected first. */
  advice: string;
  /** The page after doing what it says; caching is making it take no time. */
  after: [UpstreamMap, PageOptions?];
}

const cases: Record<string, Case> = {
  'one slow upstream that nobody needs': {
    page: { a: '/40', news: '/300' },
    advice: "Show the page without 'news' and fill it in later: defer: true.",
    after: [{ a: '/40', news: { url: '/300', defer: true } }],
  },
  'a slow one that is required': {
    page: { a: '/40', user: { url: '/300', required: true } },
    advice: "Keep what 'user' answers: cache: true, or a time for which it is good.",
    after: [{ a: '/40', user: { url: '/0', required: true } }],
  },
  'one that waits for another without need': {
    page: {
      user: { url: '/200', required: true },
      orders: { url: '/210', after: ['user'], method: 'POST', required: true },
    },
    advice: "Let 'orders' not wait for 'user': leave 'user' out of its after.",
    after: [{ user: { url: '/200', required: true }, orders: { url: '/210', method: 'POST', required: true } }],
  },
  'one that reads another': {
    page: { user: { url: '/200', required: true }, orders: { url: '/210?{user.ms}', required: true, method: 'POST' } },
    advice: "Let 'orders' not wait for 'user': give it what it reads of 'user' from the request, if that is possible.",
    after: [{ user: { url: '/200', required: true }, orders: { url: '/210?0', required: true, method: 'POST' } }],
  },
  'too few slots': {
    page: { all: { url: '/{item}', each: () => Array(20).fill(100), required: true, method: 'POST' } },
    options: { concurrency: 5 },
    advice: "Let 'all' not wait for a free slot: concurrency: 20.",
    after: [
      { all: { url: '/{item}', each: () => Array(20).fill(100), required: true, method: 'POST' } },
      { concurrency: 20 },
    ],
  },
  'a few slots too few': {
    page: Object.fromEntries(
      [120, 110, 100, 90, 80].map((ms, at) => [`u${at}`, { url: `/${ms}`, method: 'POST', required: true }]),
    ),
    options: { concurrency: 3 },
    advice: "Let 'u3', 'u4' not wait for a free slot: concurrency: 5.",
    after: [
      Object.fromEntries(
        [120, 110, 100, 90, 80].map((ms, at) => [`u${at}`, { url: `/${ms}`, method: 'POST', required: true }]),
      ),
      { concurrency: 5 },
    ],
  },
  'an item that is slow': {
    page: {
      all: { url: '/{item}', each: () => [50, 60, 50, 55, 400, 60, 50, 50], required: true },
      other: { url: '/300', method: 'POST', required: true },
    },
    advice: "Ask once more where an item of 'all' is slow: hedge: 83.",
    // The second request takes what is usual.
    after: [
      {
        all: { url: '/{item}', each: () => [50, 60, 50, 55, 83 + 55, 60, 50, 50], required: true },
        other: { url: '/300', method: 'POST', required: true },
      },
    ],
  },
  'the first of a chain': {
    page: {
      token: '/250',
      user: { url: '/20?{token.ms}', required: true },
      card: { url: '/10?{user.ms}', required: true },
    },
    advice: "Keep what 'token' answers: cache: true, or a time for which it is good.",
    after: [
      { token: '/0', user: { url: '/20?{token.ms}', required: true }, card: { url: '/10?{user.ms}', required: true } },
    ],
  },
  'a slow one beside a chain': {
    page: { a: { url: '/50', required: true }, b: { url: '/60?{a.ms}', required: true }, slow: '/400' },
    advice: "Show the page without 'slow' and fill it in later: defer: true.",
    after: [
      {
        a: { url: '/50', required: true },
        b: { url: '/60?{a.ms}', required: true },
        slow: { url: '/400', defer: true },
      },
    ],
  },
  'one that runs into its timeout': {
    page: { a: '/50', sick: { url: '/5000', timeout: 700 } },
    advice: "Show the page without 'sick' and fill it in later: defer: true.",
    after: [{ a: '/50', sick: { url: '/5000', timeout: 700, defer: true } }],
  },
};

test.each(Object.entries(cases))('predicts what following its advice saves: %s', async (_name, given) => {
  const before = explain(await run(given.page, given.options));
  const [best] = before.advice;
  expect(before.advice.map(({ do: text }) => text)).toContain(given.advice);
  const advised = before.advice.find(({ do: text }) => text === given.advice);
  const after = explain(await run(...given.after));
  const saved = before.total - after.total;
  expect(best?.saves).toBe(advised?.saves);
  expect(Math.abs((advised?.saves ?? 0) - saved)).toBeLessThanOrEqual(Math.max(10, 0.1 * saved));
  expect(saved).toBeGreaterThan(10);
});

test('gives at most five pieces of advice, most saving first, and none that is not worth it', async () => {
  const chain: UpstreamMap = { u0: '/100' };
  const upstreams = Array.from({ length: 8 }, (_, at) => [`u${at + 1}`, { url: `/${100 + at}`, after: [`u${at}`] }]);
  const { advice } = explain(await run({ ...chain, ...Object.fromEntries(upstreams), quick: '/2' }));
  expect(advice).toHaveLength(5);
  expect(advice.map(({ saves }) => saves)).toEqual([...advice.map(({ saves }) => saves)].sort((a, b) => b - a));
  expect(explain(await run({ a: '/0', b: '/0' }))).toEqual({
    total: 0,
    criticalPath: ['a'],
    slack: { a: 0, b: 0 },
    advice: [],
  });
});

test('counts the deadline as the end of what was cut off by it', async () => {
  const { total, advice } = explain(await run({ slow: '/5000', other: '/100' }, { deadline: 800 }));
  expect(total).toBe(800);
  expect(advice[0]).toEqual({ saves: 700, do: "Show the page without 'slow' and fill it in later: defer: true." });
});

test.each<[string, UpstreamMap, PageOptions]>([
  ['that waited for another', { a: '/500', b: { url: '/1000', after: ['a'] } }, { deadline: 800 }],
  [
    'that waited for a slot',
    { x: '/500', y: '/500', z: { url: '/1000', method: 'POST' } },
    { deadline: 700, concurrency: 2 },
  ],
  ['with a timeout of its own', { a: '/100', b: { url: '/1000', after: ['a'], timeout: 300, method: 'POST' } }, {}],
])('does not promise that what was cut off would have ended: one %s', async (_what, page, options) => {
  const { advice } = explain(await run(page, options));
  for (const { saves, do: text } of advice) {
    const [, slow] = /Show the page without '(\w+)'/.exec(text) ?? [];
    // Only doing without it helps, or for its own timeout what came before it.
    if (options.deadline !== undefined) expect([slow === 'b' || slow === 'z', saves > 0]).toEqual([true, true]);
    else if (slow === undefined) expect(saves).toBe(100);
  }
  expect(advice.length).toBeGreaterThan(0);
});

test.each(expresses)('explains what is in res.locals, of several pages on a request, on %s', async (_name, express) => {
  const backend = await startBackend();
  backend.answer('/a', 1);
  const mashup = newMashup();
  const page = (name: string) => mashup({ [name]: `${backend.origin}/a` }) as unknown as RequestHandler;
  const url = await site(express, page('a'), page('b'), (_req, res) => {
    res.json(explain(res.locals['mashup']));
  });
  const { text } = await new Reader(url).ended();
  expect(JSON.parse(text)).toMatchObject({ criticalPath: ['a', 'b'], slack: { a: 0, b: 0 } });
});

test('the graph of a page does not show in its outcomes', async () => {
  const outcomes = await run({ a: '/1' });
  expect(Object.keys(outcomes)).toEqual(['a']);
  expect(Reflect.ownKeys(outcomes)).toEqual(['a']);
  expect(JSON.stringify(outcomes)).not.toContain('weight');
  expect(structuredClone(Object.keys(outcomes))).toEqual(['a']);
});

test.each([[null], [{}], [[]], ['a']])('says what it needs where it is given %j', (given) => {
  expect(() => explain(given as never)).toThrow('explain: expected res.locals.mashup');
});
