import { AsyncLocalStorage } from 'node:async_hooks';
import request from 'supertest';
import { Agent } from 'undici';
import { createMashup } from '../../src/mashup.js';
import type { PageOptions, UpstreamMap } from '../../src/types.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { expresses, type Site, startSite } from '../support/site.js';

// Kept-alive connections outlive the request that opened them; what comes over them belongs to another.
describe.each(expresses)('%s: AsyncLocalStorage', (_, express) => {
  const visitor = new AsyncLocalStorage<string>();
  let backend: Backend;
  let site: Site;

  beforeEach(async () => {
    backend = await startBackend();
    site = await startSite(express);
    site.app.use((req, _res, next) => visitor.run(String(req.query['who']), next));
    for (const path of ['/a', '/b', '/c', '/a/b', '/a/c', '/a/d']) backend.answer(path, path);
    backend.answer('/bad', 'bad', { status: 503 });
  });
  afterEach(closeAll);

  const url = (path: string) => `${backend.origin}${path}`;

  /** What callbacks and the handler of a page find, of one visitor after the other. */
  async function seenBy(
    visitors: string[],
    upstreams: (note: () => boolean) => UpstreamMap,
    options: PageOptions = {},
  ): Promise<string[][]> {
    const seen: string[] = [];
    const note = () => seen.push(visitor.getStore() ?? 'nobody') > 0;
    site.app.get('/page', site.mashup(upstreams(note), options), (_req, res) => {
      note();
      res.end();
    });
    const all: string[][] = [];
    for (const who of visitors) {
      await request(site.origin).get('/page').query({ who });
      all.push(seen.splice(0));
    }
    return all;
  }

  test.each<[string, (path: string) => UpstreamMap, PageOptions]>([
    ['one upstream', (path) => ({ a: url(path) }), {}],
    ['several', (path) => ({ a: url(path), b: url('/b'), c: url('/c') }), {}],
    ['slots', (path) => ({ a: url(path), b: url('/b'), c: url('/c') }), { concurrency: 1 }],
    ['a template', (path) => ({ a: url(`${path}{?query.x}`) }), {}],
    ['stages', (path) => ({ a: { url: url(path), retry: 1, breaker: true, hedge: 60_000 } }), {}],
    ['coalescing', (path) => ({ a: { url: url(path), coalesce: true } }), {}],
    ['a time limit', (path) => ({ a: { url: url(path), attemptTimeout: 60_000 } }), {}],
    ['a fan-out', (path) => ({ a: { url: url(`${path}/{item}`), each: () => ['b', 'c', 'd'] } }), { concurrency: 2 }],
  ])('is the visitor’s own in the handler: %s', async (_what, upstreams, options) => {
    expect(await seenBy(['Ada', 'Bob', 'Cleo'], () => upstreams('/a'), options)).toEqual([['Ada'], ['Bob'], ['Cleo']]);
  });

  test.each<[string, (note: () => boolean) => object]>([
    ['headers', (note) => ({ after: ['a'], headers: () => ({ noted: String(note()) }) })],
    ['when', (note) => ({ after: ['a'], when: note })],
    ['transformResponse', (note) => ({ transformResponse: note })],
    ['validateStatus', (note) => ({ validateStatus: note })],
    ['fallback', (note) => ({ url: url('/bad'), fallback: note })],
  ])('is the visitor’s own in %s', async (_what, entry) => {
    const upstreams = (note: () => boolean) => ({ a: url('/a'), b: { url: url('/b'), ...entry(note) } });
    expect(await seenBy(['Ada', 'Bob'], upstreams)).toEqual([
      ['Ada', 'Ada'],
      ['Bob', 'Bob'],
    ]);
  });

  test('is the visitor’s own in interceptors of a dispatcher, at every hop', async () => {
    backend.answer('/from', null, { status: 302, headers: { location: '/a' } });
    const seen: string[] = [];
    const agent = new Agent();
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      seen.push(`${visitor.getStore()} ${options.path}`);
      return dispatch(options, handler);
    });
    closeLater(() => agent.destroy());
    site.app.get('/page', createMashup({ dispatcher })({ a: url('/from') }), (_req, res) => void res.end());
    for (const who of ['Ada', 'Bob']) await request(site.origin).get('/page').query({ who });
    expect(seen).toEqual(['Ada /from', 'Ada /a', 'Bob /from', 'Bob /a']);
  });
});
