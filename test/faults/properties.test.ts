import fc from 'fast-check';
import { isUpstreamError, type Outcome, type UpstreamMap, type UpstreamOptions } from '../../src/index.js';
import { mashupWith } from '../support/instance.js';
import { ManualClock, ModelResponse, type Script, ScriptedConnections, settle } from './model.js';
import { watchRejections } from './rejections.js';

const runs = process.env['MASHUP_SOAK'] === '1' ? 20_000 : 500;
const rejections = watchRejections();

const duration = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 300 }));

const script: fc.Arbitrary<Script> = fc.record({
  connectMs: duration,
  headMs: duration,
  bodyMs: duration,
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Script['kind']>('answer') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Script['kind'][]>(
        ...(['not found', 'bad JSON', 'redirect', 'redirect elsewhere', 'informational', 'too large'] as const),
        ...(['no connection', 'no connection at once', 'silence', 'stall', 'reset', 'reset mid-body'] as const),
        'closed under it',
      ),
    },
  ),
});

/** How a callback of the page's author behaves. */
type Hook = 'returns' | 'throws' | 'resolves' | 'rejects' | 'hangs';
const hook = fc.constantFrom<Hook[]>('returns', 'returns', 'throws', 'resolves', 'rejects', 'hangs');

interface Entry {
  readonly waitsFor: readonly number[];
  readonly reads: boolean;
  readonly required: boolean;
  readonly fallback: Hook | 'value' | null;
  readonly when: Hook | 'false' | null;
  readonly url: Hook | null;
  readonly items: number | null;
  readonly timeout: number | null;
  readonly attemptTimeout: number | null;
  readonly host: number;
}

const entry: fc.Arbitrary<Entry> = fc.record({
  waitsFor: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
  reads: fc.boolean(),
  required: rarely(fc.constant(true)).map(Boolean),
  fallback: rarely(fc.oneof(hook, fc.constant('value' as const))),
  when: rarely(fc.oneof(hook, fc.constant('false' as const))),
  url: rarely(hook),
  items: rarely(fc.nat(5)),
  timeout: rarely(fc.integer({ min: 1, max: 200 })),
  attemptTimeout: rarely(fc.integer({ min: 1, max: 100 })),
  host: fc.nat(2),
});

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

const model = fc.record({
  entries: fc.array(entry, { minLength: 1, maxLength: 6 }),
  scripts: fc.array(script, { minLength: 1, maxLength: 8 }),
  deadline: fc.integer({ min: 1, max: 400 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  leavesAt: rarely(duration),
});

type Model = typeof model extends fc.Arbitrary<infer M> ? M : never;

/** What a hook gives, now, later or never. */
function behave<T>(how: Hook, value: T, clock: ManualClock): T | Promise<T> {
  switch (how) {
    case 'returns':
      return value;
    case 'throws':
      throw new Error('a hook threw');
    case 'hangs':
      return new Promise(() => {});
    default:
      return new Promise((resolve, reject) => {
        clock.happen(20, () => (how === 'resolves' ? resolve(value) : reject(new Error('a hook rejected'))));
      });
  }
}

function configure(entries: readonly Entry[], clock: ManualClock): UpstreamMap {
  const upstreams: Record<string, UpstreamOptions> = {};
  entries.forEach((one, index) => {
    const origin = `http://upstream${one.host}.example`;
    // An upstream waits for others before it in the list, so that there is no cycle.
    const before = one.waitsFor.filter((other) => other < index);
    const reads = one.reads ? before.map((other) => `{&u${other}.path}`).join('') : '';
    const path = `/u${index}${one.items === null ? '' : '/{item}'}`;
    const { url, items, when, fallback, timeout, attemptTimeout } = one;
    upstreams[`u${index}`] = {
      url: url === null ? `${origin}${path}?a${reads}` : () => behave(url, `${origin}/u${index}`, clock),
      maxContentLength: 1000,
      after: before.map((other) => `u${other}`),
      ...(url !== null && { origins: [origin] }),
      ...(items !== null && { each: () => Array.from({ length: items }, (_, item) => `item${item}`) }),
      ...(timeout !== null && { timeout }),
      ...(attemptTimeout !== null && { attemptTimeout }),
      ...(when !== null && { when: () => (when === 'false' ? false : behave(when, true, clock)) }),
      ...(fallback === null
        ? { required: one.required }
        : { fallback: fallback === 'value' ? 'instead' : () => behave(fallback, 'instead', clock) }),
    };
  });
  return upstreams;
}

interface Run {
  readonly nexts: { readonly at: number; readonly error: unknown }[];
  readonly clock: ManualClock;
  readonly connections: ScriptedConnections;
  readonly res: ModelResponse;
}

async function perform({ entries, scripts, deadline, concurrency, leavesAt }: Model): Promise<Run> {
  const clock = new ManualClock();
  const connections = new ScriptedConnections(clock, scripts);
  const page = mashupWith({ clock, connections })(configure(entries, clock), { deadline, concurrency });
  const res = new ModelResponse();
  const nexts: Run['nexts'] = [];
  const run = { nexts, clock, connections, res };
  page({ params: {}, query: {}, headers: {} } as never, res as never, (error?: unknown) => {
    nexts.push({ at: clock.now(), error });
    expectEnd(run);
  });
  if (leavesAt !== null) clock.happen(leavesAt, () => res.leave());
  await settle();
  while (nexts.length === 0 && !res.closed) if (!(await clock.step())) break;
  return run;
}

/** Nothing is left of a run the moment it ends. (An attempt's own timer is cleared in a promise, so a little later.) */
function expectEnd({ connections, res }: Run): void {
  // A response that is closed emits nothing any more, and is garbage with all that listens to it.
  if (!res.closed) expect(res.listenerCount('close')).toBe(0);
  expect(connections.all.filter(({ state }) => state === 'in use')).toEqual([]);
  expect(connections.all.flatMap(({ misuse }) => misuse)).toEqual([]);
}

function expectOutcome(outcome: Outcome, deadline: number): void {
  const { status, data, error, attempts, timings } = outcome;
  expect(['success', 'partial', 'fallback', 'error', 'skipped']).toContain(status);
  if (status === 'success' || status === 'skipped') expect(error).toBeNull();
  else expect(isUpstreamError(error)).toBe(true);
  if (status === 'error' || status === 'skipped') expect(data).toBeNull();
  const { ready, started, firstByte, ended } = timings;
  expect(ready).toBeGreaterThanOrEqual(0);
  if (started !== null) expect(started).toBeGreaterThanOrEqual(ready);
  if (firstByte !== null) expect(firstByte).toBeGreaterThanOrEqual(started as number);
  expect(ended).toBeGreaterThanOrEqual(firstByte ?? started ?? ready);
  expect(ended).toBeLessThanOrEqual(deadline);
  expect(started === null).toBe(attempts === 0);
  for (const item of outcome.items ?? []) expectOutcome(item, deadline);
}

/** Data is of the upstream that it is attached to. */
function expectOwnData({ name, status, data, items }: Outcome): void {
  if (status !== 'success' && status !== 'partial') return;
  if (items === undefined) expect((data as { path: string }).path).toMatch(new RegExp(`^/${name}(?![0-9])`));
  else {
    expect(data).toEqual(items.map((item) => item.data));
    items.forEach((item, at) => {
      if (item.status === 'success') expect((item.data as { path: string }).path).toMatch(`/${name}/item${at}?`);
    });
  }
}

test(`whatever upstreams, hooks and clients do, a run ends as it should (${runs} runs)`, async () => {
  const property = fc.asyncProperty(model, async (input) => {
    const run = await perform(input);
    const { nexts, clock, connections, res } = run;
    const { deadline, concurrency, entries } = input;
    expectEnd(run);
    expect(clock.timers.size).toBe(0);
    expect(connections.peak).toBeLessThanOrEqual(concurrency);
    // Once, by the deadline; not at all when the client has gone.
    expect(nexts).toHaveLength(res.closed ? nexts.length : 1);
    expect(nexts.length).toBeLessThanOrEqual(1);
    const outcomes = (res.locals['mashup'] ?? {}) as Record<string, Outcome>;
    const [next] = nexts;
    if (next !== undefined) {
      expect(next.at).toBeLessThanOrEqual(deadline);
      expect(Object.keys(outcomes)).toEqual(entries.map((_, index) => `u${index}`));
      const lacking = Object.values(outcomes).filter(
        ({ name, status }) => status === 'error' && isRequired(entries, name),
      );
      if (lacking.length === 0) expect(next.error).toBeUndefined();
      else expect(lacking.map(({ error }) => error)).toContain(next.error);
    }
    for (const outcome of Object.values(outcomes)) {
      expectOutcome(outcome, deadline);
      if (entries[Number(outcome.name.slice(1))]?.url === null) expectOwnData(outcome);
      expect(res.locals[outcome.name]).toBe(outcome.data);
    }
    // Whatever comes later changes nothing, and nothing of it comes back.
    const before = JSON.stringify(res.locals);
    while (await clock.step());
    expect(JSON.stringify(res.locals)).toBe(before);
    expect(nexts.length).toBeLessThanOrEqual(1);
    expectEnd(run);
  });
  await fc.assert(property, { numRuns: runs });
  expect(await rejections.seen()).toEqual([]);
}, 600_000);

function isRequired(entries: readonly Entry[], name: string): boolean {
  const one = entries[Number(name.slice(1))];
  return one?.required === true && one.fallback === null;
}
