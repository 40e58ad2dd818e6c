// A process of its own: many runs of mixed faults, and what they leave behind. Started by leaks.test.ts, with --expose-gc.
import { EventEmitter } from 'node:events';
import { createMashup, type Outcome } from '../../src/index.js';
import { healthy, RawUpstream } from './raw-upstream.js';
import { type FaultCase, faultGroups } from './upstreams.js';

export interface SoakReport {
  readonly runs: number;
  readonly left: number;
  /** How often each code, and success, was the outcome of the faulty upstream. */
  readonly outcomes: Record<string, number>;
  /** Runs that did not call next exactly once, or did although the client had left. */
  readonly wrong: number;
  readonly listenersLeft: number;
  /** Bytes in use after a collection: before the second half of the runs, and after it. */
  readonly heap: readonly [before: number, after: number];
  readonly buffers: readonly [before: number, after: number];
  /** What keeps the process alive, by kind: before the first run, and after the instance was closed. */
  readonly resources: readonly [before: Record<string, number>, after: Record<string, number>];
  readonly upstreamSocketsLeft: number;
}

const runs = Number(process.argv[2]);
const width = 24;
const mashup = createMashup();
const sibling = await RawUpstream.start(healthy);
const upstreams: RawUpstream[] = [];
const pages: ((res: Visitor) => Promise<boolean>)[] = [];
const outcomes: Record<string, number> = {};
let wrong = 0;
let left = 0;
let listenersLeft = 0;

class Visitor extends EventEmitter {
  locals: Record<string, unknown> = {};
  headersSent = false;
  closed = false;
  append(): void {}
}

async function addPage(fault: FaultCase): Promise<void> {
  const upstream = await RawUpstream.start(fault);
  upstreams.push(upstream);
  if (fault.refused) await upstream.refuse();
  const url = fault.refused ? 'http://127.0.0.1:9/' : `${upstream.origin}/`;
  // Only who would wait for ever is told to wait so short a time: a busy machine may miss it.
  const deadline = waitsForever(fault) ? 40 : 60_000;
  const page = mashup(
    { faulty: { ...fault.options, url }, sibling: `${sibling.origin}/` },
    { deadline, serverTiming: true },
  );
  // True: the page was there. False: the client left.
  pages.push((res) => {
    return new Promise((resolve) => {
      let calls = 0;
      const leaves = pages.length % 2 === 0 ? Math.random() < 0.2 : Math.random() < 0.05;
      if (leaves) {
        setTimeout(() => {
          if (calls > 0) return;
          res.closed = true;
          res.emit('close');
          left++;
          calls++;
          resolve(false);
        }, Math.random() * 30);
      }
      const req = { params: {}, query: {}, headers: {} };
      page(req as never, res as never, () => {
        if (++calls > 1) wrong++;
        resolve(true);
      });
    });
  });
}

function waitsForever({ expected }: FaultCase): boolean {
  return 'code' in expected && expected.code.includes('DEADLINE');
}

async function perform(count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const page = pages[next++ % pages.length] as (typeof pages)[number];
      const res = new Visitor();
      if (await page(res)) {
        const outcome = (res.locals['mashup'] as Record<string, Outcome>)['faulty'];
        const key = outcome?.error?.code ?? outcome?.status ?? 'none';
        outcomes[key] = (outcomes[key] ?? 0) + 1;
      }
      if (!res.closed) listenersLeft += res.listenerCount('close');
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  // What the upstreams remember is not what is looked for.
  for (const { heads } of [sibling, ...upstreams]) heads.length = 0;
}

/** Bytes in use when nothing is under way. The lowest of some: collections take turns. */
async function measure(): Promise<[heap: number, buffers: number]> {
  let lowest: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let turn = 0; turn < 8; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    lowest = [Math.min(lowest[0], heapUsed), Math.min(lowest[1], arrayBuffers)];
  }
  return lowest;
}

function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

for (const fault of faultGroups.flatMap(({ cases }) => cases)) if (!fault.kept) await addPage(fault);
await measure();
const resourcesBefore = resources();
await perform(Math.ceil(runs / 2));
const [heapBefore, buffersBefore] = await measure();
await perform(Math.floor(runs / 2));
const [heapAfter, buffersAfter] = await measure();
await mashup.close();
await measure();
const report: SoakReport = {
  runs,
  left,
  outcomes,
  wrong,
  listenersLeft,
  heap: [heapBefore, heapAfter],
  buffers: [buffersBefore, buffersAfter],
  resources: [resourcesBefore, resources()],
  upstreamSocketsLeft: [sibling, ...upstreams].reduce((sum, { sockets }) => sum + sockets.size, 0),
};
console.log(JSON.stringify(report));
// From here on nothing may keep the process alive.
for (const upstream of [sibling, ...upstreams]) await upstream.refuse();
