import { writeFile } from 'node:fs/promises';
import { RawUpstream } from './raw-upstream.js';
import { watchRejections } from './rejections.js';
import { type CaseResult, deadlineOf, inParallel, keepsConnection, runCase } from './run-case.js';
import { type CaseResults, catalogueTable, rounds } from './table.js';
import { type FaultCase, faultGroups } from './upstreams.js';

const writes = process.env['MASHUP_WRITE_FAULTS'] === '1';
const results = new Map<FaultCase, CaseResults>();
const rejections = watchRejections();
let siblings: RawUpstream;

beforeAll(async () => {
  siblings = await RawUpstream.start();
  const cases = faultGroups.flatMap((group) => group.cases);
  const tasks = cases.map((fault) => async () => {
    const lone: CaseResult[] = [];
    const between: CaseResult[] = [];
    for (let round = 0; round < (writes ? rounds : 1); round++) {
      lone.push(await runCase(fault, null));
      between.push(await runCase(fault, siblings));
    }
    results.set(fault, { lone, between });
  });
  await inParallel(tasks, writes ? 1 : 8);
}, 600_000);

afterAll(async () => {
  await siblings.close();
  if (writes) await writeFile(new URL('../../docs/faults.md', import.meta.url), catalogueTable(faultGroups, results));
});

for (const { name, cases } of faultGroups) {
  describe(name, () => {
    test.each(cases.map((fault) => [titleOf(fault), fault] as const))('%s', (_title, fault) => {
      const { lone, between } = results.get(fault) as CaseResults;
      for (const result of [...lone, ...between]) {
        expectOutcome(fault, result);
        expectCleanUp(fault, result);
      }
      for (const { first, second } of between) {
        expect(first.data).toMatchObject({ left: { path: '/left/1' }, right: { path: '/right/1' } });
        if (second !== null)
          expect(second.data).toMatchObject({ left: { path: '/left/2' }, right: { path: '/right/2' } });
      }
    });
  });
}

test('no promise was rejected without a handler', async () => {
  expect(await rejections.seen()).toEqual([]);
});

function titleOf({ name, expected }: FaultCase): string {
  const what = 'code' in expected ? `is ${[expected.code].flat().join(' or ')}` : 'gives the page its data';
  return `an upstream that does this ${what}, and its siblings go on: ${name}`;
}

function expectOutcome(fault: FaultCase, { first, second, handled }: CaseResult): void {
  const { expected, options, attempts = 1 } = fault;
  const { faulty } = first.outcomes;
  if ('code' in expected) {
    expect([expected.code].flat()).toContain(faulty?.code?.replace('ERR_UPSTREAM_', ''));
    expect(faulty).toMatchObject({ status: 'error', attempts });
    expect(first.data['faulty']).toBeNull();
  } else {
    expect(faulty).toEqual({ status: 'success', code: null, attempts });
    expect(first.data['faulty']).toEqual(expected.data);
  }
  // A busy machine may be late, but not by this much. When docs/faults.md is written, the machine is quiet.
  expect(first.elapsed).toBeLessThan(deadlineOf(fault) + (writes ? 100 : 7600));
  expect(handled.every(([, times]) => times === 1)).toBe(true);
  if (second === null) return;
  // Nothing of the fault is attached to the next request.
  const wants304 = options?.validateStatus !== undefined;
  expect(second.outcomes['faulty']).toMatchObject({ status: wants304 ? 'error' : 'success' });
  expect(second.data['faulty']).toEqual(wants304 || options?.method === 'HEAD' ? null : { path: '/2' });
}

function expectCleanUp(fault: FaultCase, { socketsGone, socketsGoneAfterClose }: CaseResult): void {
  if (!keepsConnection(fault)) expect(socketsGone).not.toBeNull();
  expect(socketsGoneAfterClose).not.toBeNull();
}
