import { jest } from '@jest/globals';
import fc from 'fast-check';
import { json, startUpstream } from '../support/backend.js';
import { ManualClock } from '../support/clock.js';
import { closeAll } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { MemoryStore } from '../support/memory-store.js';
import { CachedSite } from './cached-page.js';

afterEach(closeAll);

// The clock is moved in leaps, so the store seems slow.
beforeEach(() => void jest.spyOn(process, 'emitWarning').mockImplementation(() => {}));
afterEach(() => jest.restoreAllMocks());

const names = ['cookie', 'authorization', 'x-api-key', 'x-home-made', 'accept-language'] as const;
const values = ['alice', 'bob', 'alice, bob', ''];

const visit = fc.record({
  machine: fc.nat(1),
  page: fc.nat(2),
  path: fc.nat(1),
  headers: fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...values), { noNullPrototype: true }),
  wait: fc.constantFrom(0, 0, 500, 1500, 4000),
  fails: fc.constantFrom(false, false, false, true),
  isTogether: fc.boolean(),
  purges: fc.constantFrom(false, false, false, false, true),
});

const rules = fc.record({
  vary: fc.uniqueArray(fc.constantFrom(...names, 'x-other')),
  control: fc.constantFrom(
    'max-age=1, stale-while-revalidate=2, stale-if-error=9',
    'private, max-age=9',
    'no-store',
    'public, max-age=2',
    's-maxage=1',
  ),
  hasEtag: fc.boolean(),
});

test('whatever is sent, stored, shared, refreshed and revalidated, nobody gets the answer to another’s headers', async () => {
  let now = { vary: [] as string[], control: '', hasEtag: false };
  let fails = false;
  // The answer is a digest of who asked: all that can tell users apart.
  const upstream = await startUpstream((response, { headers, url }) => {
    const who = JSON.stringify([url, ...names.map((name) => headers[name] ?? null)]);
    const etag = `"${Buffer.from(who).toString('base64url')}"`;
    response.setHeader('cache-control', now.control);
    if (now.vary.length > 0) response.setHeader('vary', now.vary.join(', '));
    if (now.hasEtag) response.setHeader('etag', etag);
    if (fails) return json(response, 'broken', 500);
    if (now.hasEtag && headers['if-none-match'] === etag) return response.writeHead(304).end();
    return json(response, JSON.parse(who));
  });
  await fc.assert(
    fc.asyncProperty(rules, fc.array(visit, { minLength: 2, maxLength: 12 }), async (given, visits) => {
      now = given;
      const clock = new ManualClock();
      const store = new MemoryStore(clock);
      const sites = [new CachedSite({ store }, clock), new CachedSite({ store }, clock)];
      const url = `${upstream.origin}/{params.id}`;
      const pages = sites.map((site) => [
        site.mashup({ a: { url, forward: [...names], cache: true } }),
        site.mashup({ a: { url, forward: [...names], cache: { ttl: 1000, swr: 2000, staleIfError: 9000 } } }),
        // What is forwarded counts whatever the page says.
        site.mashup({ a: { url, forward: [...names], cache: { ttl: 3000, keyHeaders: [] } } }),
      ]);
      const running: Promise<void>[] = [];
      for (const { machine, page, path, headers, wait, fails: isSick, isTogether, purges } of visits) {
        fails = isSick;
        clock.advance(wait);
        if (purges) await sites[machine]?.mashup.purge({ all: true });
        const run = pages[machine]?.[page]?.run({ params: { id: String(path) }, headers });
        const check = (async () => {
          const outcome = (await run)?.outcomes.a;
          if (outcome?.status !== 'success') return;
          expect(outcome.data).toEqual([`/${path}`, ...names.map((name) => headers[name] ?? null)]);
        })();
        running.push(check);
        if (!isTogether) {
          let isOver = false;
          void check.finally(() => {
            isOver = true;
          });
          while (!isOver) {
            await settled();
            if (!isOver) clock.advance(1);
          }
        }
      }
      let left = running.length;
      for (const run of running) void run.finally(() => left--);
      while (left > 0) {
        await settled();
        clock.advance(1);
      }
      await Promise.all(running);
      await Promise.all(sites.map((site) => site.mashup.close({ timeout: 1 })));
    }),
    { numRuns: process.env['MASHUP_SOAK'] === '1' ? 2000 : 60 },
  );
}, 600_000);
