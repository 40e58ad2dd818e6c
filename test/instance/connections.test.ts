import { createMashup, mashup as defaultMashup } from '../../src/index.js';
import { type Recorder, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { newMashup, openPage } from '../support/site.js';

let upstream: Recorder;

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(closeAll);

const urls = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`it${at}`, `${upstream.origin}/${at}`]));

describe('connections', () => {
  test('are kept alive from one run to the next', async () => {
    const visit = await openPage(urls(1));
    for (let run = 0; run < 4; run++) await visit();
    expect(upstream.sent).toHaveLength(4);
    expect(upstream.connections).toBe(1);
  });

  test('are shared by the pages of an instance', async () => {
    const mashup = newMashup();
    const visits = [await openPage(urls(1), { mashup }), await openPage({ other: `${upstream.origin}/x` }, { mashup })];
    for (const visit of visits) await visit();
    expect(upstream.connections).toBe(1);
  });

  test('are not shared by two instances', async () => {
    const visits = [await openPage(urls(1)), await openPage(urls(1))];
    for (const visit of [...visits, ...visits]) await visit();
    expect(upstream.connections).toBe(2);
  });

  test('are not shared with the default instance', async () => {
    const visits = [await openPage(urls(1), { mashup: defaultMashup }), await openPage(urls(1))];
    for (const visit of [...visits, ...visits]) await visit();
    expect(upstream.connections).toBe(2);
    await defaultMashup.close();
  });

  test('are as many as there are requests at once, and are all used again', async () => {
    const visit = await openPage(urls(3));
    await visit();
    expect(upstream.connections).toBe(3);
    await visit();
    expect(upstream.sent).toHaveLength(6);
    expect(upstream.connections).toBe(3);
  });

  test('are no more than concurrency allows', async () => {
    const visit = await openPage(urls(6), { options: { concurrency: 2 } });
    await visit();
    expect(upstream.sent).toHaveLength(6);
    expect(upstream.connections).toBe(2);
  });

  test('that the upstream has closed are replaced', async () => {
    const closing = await startUpstream((response) => response.setHeader('connection', 'close').end());
    const visit = await openPage({ it: `${closing.origin}/` });
    for (let run = 0; run < 3; run++) expect((await visit()).outcomes['it']?.status).toBe('success');
    expect(closing.connections).toBe(3);
  });

  test('lead to one origin each', async () => {
    const other = await startUpstream();
    const visit = await openPage({ a: `${upstream.origin}/`, b: `${other.origin}/` });
    for (let run = 0; run < 2; run++) await visit();
    expect([upstream.connections, other.connections]).toEqual([1, 1]);
  });
});

test('an instance is called in the same way as mashup, and has nothing else but close', () => {
  const mashup = createMashup();
  expect(typeof mashup).toBe('function');
  expect(Object.keys(mashup)).toEqual(Object.keys(defaultMashup));
  expect(mashup({ a: 'http://api.test/' })).toHaveLength(3);
});
