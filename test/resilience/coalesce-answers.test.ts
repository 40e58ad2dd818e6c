import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import type { Outcome, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;
let pages = 0;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

interface Found {
  a: unknown;
  outcome: Outcome;
}

/**
 * Asks for a page for each of these options, all at the same time; the upstream answers when all of them wait. What their
 * handlers found, and how many requests were sent.
 */
async function visitAll(
  options: readonly Partial<UpstreamOptions>[],
  answer: (response: ServerResponse) => unknown,
): Promise<Found[]> {
  const go = deferred();
  const { origin, sent } = await startUpstream((response) => go.promise.then(() => answer(response)));
  const found: Found[] = [];
  const visits: Promise<unknown>[] = [];
  for (const [at, given] of options.entries()) {
    const path = `/page${++pages}`;
    site.app.get(path, site.mashup({ a: { url: `${origin}/a`, coalesce: true, ...given } }), (_req, res) => {
      found[at] = { a: res.locals.a, outcome: res.locals.mashup.a };
      res.end();
    });
    visits.push(request(site.origin).get(path).then());
    while (site.clock.pending <= at) await settled();
  }
  go.resolve();
  await Promise.all(visits);
  expect(sent).toHaveLength(1);
  return found;
}

const json =
  (data: unknown, headers = {}) =>
  (response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(data));

test('Set-Cookie is shown to nobody but the leader', async () => {
  const found = await visitAll([{}, {}, {}], json(1, { 'set-cookie': ['id=ann', 'b=2'], 'x-other': 'yes' }));
  expect(found.map(({ outcome }) => outcome.response?.headers['set-cookie'])).toEqual([
    ['id=ann', 'b=2'],
    undefined,
    undefined,
  ]);
  expect(found.map(({ outcome }) => outcome.response?.headers['x-other'])).toEqual(['yes', 'yes', 'yes']);
});

test('nor to the transformResponse of another', async () => {
  const seen: unknown[] = [];
  const transformResponse: UpstreamOptions['transformResponse'] = (text, headers) => {
    seen.push(headers['set-cookie'], Object.keys(headers).includes('set-cookie'));
    return text;
  };
  await visitAll([{}, { transformResponse }], json(1, { 'set-cookie': 'id=ann' }));
  expect(seen).toEqual([undefined, false]);
});

test('Set-Cookie is hidden however it is written', async () => {
  const answer = (response: ServerResponse) => {
    response.writeHead(200, ['SET-cookie', 'id=ann', 'Set-Cookie2', 'old', 'content-type', 'text/plain']).end('x');
  };
  const found = await visitAll([{}, {}], answer);
  expect(
    found.map(({ outcome }) => Object.keys(outcome.response?.headers ?? {}).filter((name) => /cookie$/.test(name))),
  ).toEqual([['set-cookie'], []]);
});

test('each has data of its own: what one page writes into it, another does not see', async () => {
  const found = await visitAll([{}, {}, {}], json({ list: [1], deep: { a: 1 } }));
  const [one, two, three] = found.map(({ a }) => a as { list: number[]; deep: { a: number } });
  one?.list.push(2);
  Object.assign(two?.deep ?? {}, { a: 2 });
  expect([one, two, three]).toEqual([
    { list: [1, 2], deep: { a: 1 } },
    { list: [1], deep: { a: 2 } },
    { list: [1], deep: { a: 1 } },
  ]);
});

test.each([
  ['small', 10],
  ['of several chunks', 300_000],
])('each has a Buffer of its own, %s', async (_what, size) => {
  const answer = (response: ServerResponse) => response.end(Buffer.alloc(size, 'a'));
  const found = await visitAll([{}, { responseType: 'arraybuffer' }, {}], answer);
  const [one, two, three] = found.map(({ a }) => a as Buffer) as [Buffer, Buffer, Buffer];
  one.fill('b');
  two.fill('c');
  expect([one, two, three].map((data) => data.length)).toEqual([size, size, size]);
  expect([one[0], two[0], three[0]].map((byte) => String.fromCharCode(byte ?? 0))).toEqual(['b', 'c', 'a']);
});

test('each has headers of its own', async () => {
  const [one, two] = await visitAll([{}, {}], json(1, { 'x-a': 'a' }));
  Object.assign(one?.outcome.response?.headers ?? {}, { 'x-a': 'changed' });
  expect(one?.outcome.response?.headers['x-a']).toBe('changed');
  expect(two?.outcome.response?.headers['x-a']).toBe('a');
});

test('each page decodes the answer its own way', async () => {
  const schema = {
    '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: [value] }) },
  } as const;
  const found = await visitAll(
    [
      {},
      { responseType: 'text' },
      { responseType: 'arraybuffer' },
      { transformResponse: (text: string) => text.length },
      { schema },
      { responseType: 'json' },
    ],
    json({ a: 'æ' }),
  );
  const text = '{"a":"æ"}';
  expect(found.map(({ a }) => a)).toEqual([{ a: 'æ' }, text, Buffer.from(text), 9, [{ a: 'æ' }], { a: 'æ' }]);
});

test('what one page cannot decode does not hurt another', async () => {
  const transformResponse = () => {
    throw new Error('oh');
  };
  const answer = (response: ServerResponse) => response.setHeader('content-type', 'text/plain').end('[1');
  const found = await visitAll([{ responseType: 'json' }, {}, { transformResponse }], answer);
  expect(found.map(({ a, outcome }) => outcome.error?.code ?? a)).toEqual([
    'ERR_UPSTREAM_BODY',
    '[1',
    'ERR_UPSTREAM_BODY',
  ]);
});

test('each page judges the status its own way', async () => {
  const found = await visitAll(
    [{}, { validateStatus: null }, { validateStatus: (status) => status === 404 }],
    (response) => response.writeHead(404).end('none'),
  );
  expect(found.map(({ outcome }) => outcome.status)).toEqual(['error', 'success', 'success']);
  expect(found[0]?.outcome.error).toMatchObject({ upstreamStatus: 404, attempts: 1 });
});

test.each(['gzip', 'none'])('a body is decompressed once for all: %s', async (encoding) => {
  const data = { text: 'a'.repeat(1000) };
  const answer = (response: ServerResponse) => {
    response.setHeader('content-type', 'application/json');
    if (encoding === 'gzip') response.setHeader('content-encoding', 'gzip').end(gzipSync(JSON.stringify(data)));
    else response.end(JSON.stringify(data));
  };
  const found = await visitAll([{}, {}, {}], answer);
  expect(found.map(({ a }) => a)).toEqual([data, data, data]);
});

test.each([204, 304])('no body is null for all: %i', async (status) => {
  const answer = (response: ServerResponse) => response.writeHead(status).end();
  const found = await visitAll([{ validateStatus: null }, { validateStatus: null }], answer);
  expect(found.map(({ a, outcome }) => [a, outcome.status])).toEqual([
    [null, 'success'],
    [null, 'success'],
  ]);
});

test('a schema that takes its time holds up its own page alone', async () => {
  const checked = deferred<{ value: string }>();
  const slow = { '~standard': { version: 1, vendor: 'test', validate: () => checked.promise } } as const;
  const [first, second] = ['/slow', '/quick'].map((path, at) => {
    const entry = { url: `${backend.origin}/a`, coalesce: true, ...(at === 0 && { schema: slow }) };
    site.app.get(path, site.mashup({ a: entry }), (_req, res) => void res.json(res.locals));
    return request(site.origin).get(path).then();
  });
  while (site.clock.pending < 2) await settled();
  (await backend.asked('/a')).reply(1);
  expect((await second)?.body.a).toBe(1);
  checked.resolve({ value: 'checked' });
  expect((await first)?.body.a).toBe('checked');
});
