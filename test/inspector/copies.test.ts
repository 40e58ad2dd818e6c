import { runInNewContext } from 'node:vm';
import { errorCodes, UpstreamError } from '../../src/errors.js';
import { fixtureOf } from '../../src/inspector/copies.js';
import type { CallRecord, RunRecord } from '../../src/inspector/record.js';
import { mockUpstreams } from '../../src/testing/index.js';
import { closeAll } from '../support/closing.js';
import { newMashup } from '../support/site.js';

afterEach(closeAll);

test.each(errorCodes)('a fixture of a call that failed with %s is one that mockUpstreams takes', (code) => {
  for (const attempts of [0, 1]) {
    const error = new UpstreamError(code, 'it failed', { upstream: 'a' });
    const call = { name: 'a', error, attempts, httpStatus: null } as unknown as CallRecord;
    const text = fixtureOf({ calls: new Map([['a', call]]) } as unknown as RunRecord);
    const mocks = runInNewContext(`(${text})`) as Record<string, object>;
    // Of this realm.
    mockUpstreams(newMashup(), JSON.parse(JSON.stringify(mocks))).restore();
  }
});
