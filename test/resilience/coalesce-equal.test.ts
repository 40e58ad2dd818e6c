import { get, type OutgoingHttpHeaders } from 'node:http';
import axios from 'axios';
import type { Upstream, UpstreamOptions } from '../../src/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;
let pages = 0;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

const base = (): UpstreamOptions => ({ url: `${backend.origin}/a`, coalesce: true });

type Ask = [options: Partial<UpstreamOptions>, headers?: OutgoingHttpHeaders, query?: string];

/** How many requests are made when clients ask, at the same time, for pages with these options, sending these headers. */
async function requests(asks: readonly Ask[], mashup = site.mashup): Promise<number> {
  const ends: Promise<unknown>[] = [];
  for (const [options, headers = {}, query = ''] of asks) {
    const path = `/page${++pages}`;
    const entry: Upstream = { ...base(), ...options };
    site.app.get(path, mashup({ a: entry }), (_req, res) => void res.end());
    const client = get(`${site.origin}${path}${query}`, { headers, agent: false }, (response) => response.resume());
    ends.push(new Promise((resolve) => client.on('error', () => {}).on('close', resolve)));
  }
  while (site.clock.pending < asks.length) await settled();
  // Serializing a form takes some turns.
  for (let turns = 0; turns < 5; turns++) await settled();
  const { inFlight = 0 } = mashup.stats().origins[backend.origin] ?? {};
  site.clock.advance(2000);
  await Promise.all(ends);
  return inFlight;
}

describe('separate requests are made for', () => {
  test.each<[string, Ask, Ask]>([
    ['Cookie', [{ forward: ['cookie'] }, { cookie: 'id=ann' }], [{ forward: ['cookie'] }, { cookie: 'id=bob' }]],
    [
      'Authorization',
      [{ forward: ['Authorization'] }, { authorization: 'Bearer a' }],
      [{ forward: ['Authorization'] }, { authorization: 'Bearer b' }],
    ],
    ['a Cookie and none', [{ forward: ['cookie'] }, { cookie: 'id=ann' }], [{ forward: ['cookie'] }]],
    ['an empty header and none', [{ forward: ['x-tag'] }, { 'x-tag': '' }], [{ forward: ['x-tag'] }]],
    [
      'any other header that is passed on',
      [{ forward: ['x-tenant'] }, { 'x-tenant': '1' }],
      [{ forward: ['x-tenant'] }, { 'x-tenant': '2' }],
    ],
    [
      'Accept-Language',
      [{ forward: ['accept-language'] }, { 'accept-language': 'nb' }],
      [{ forward: ['accept-language'] }, { 'accept-language': 'en' }],
    ],
    ['a header of the page', [{ headers: { 'x-key': 'a' } }], [{ headers: { 'x-key': 'b' } }]],
    ['a header that one page leaves out', [{}], [{ headers: { accept: null } }]],
    ['a header made by a function', [{ headers: () => ({ 'x-key': 'a' }) }], [{ headers: () => ({ 'x-key': 'b' }) }]],
    ['auth', [{ auth: { username: 'a', password: 'x' } }], [{ auth: { username: 'a', password: 'y' } }]],
    ['the method', [{}], [{ method: 'HEAD' }]],
    ['a body', [{ method: 'POST', data: { a: 1 } }], [{ method: 'POST', data: { a: 2 } }]],
    ['a body and none', [{ method: 'POST', data: '' }], [{ method: 'POST' }]],
    [
      'a body of text, and of bytes that could be taken for it',
      [{ method: 'POST', data: 'a', headers: { 'content-type': 'text/plain' } }],
      [{ method: 'POST', data: Buffer.from('text a'), headers: { 'content-type': 'text/plain' } }],
    ],
    [
      'bodies of bytes that are no text',
      [{ method: 'POST', data: Buffer.from([0xff]) }],
      [{ method: 'POST', data: Buffer.from([0xfe]) }],
    ],
    ['the query', [{ params: { a: 1 } }], [{ params: { a: 2 } }]],
    ['redirects: how many', [{}], [{ maxRedirects: 0 }]],
    ['redirects: where to', [{}], [{ origins: ['https://elsewhere.example'] }]],
    [
      'baggage, which may tell who asks',
      [{ forward: ['baggage'] }, { baggage: 'u=1' }],
      [{ forward: ['baggage'] }, { baggage: 'u=2' }],
    ],
    ['how often it is tried', [{}], [{ retry: 2 }]],
    ['how soon it is hedged', [{ hedge: 1000 }], [{ hedge: 1500 }]],
    ['whether there is a breaker', [{}], [{ breaker: true }]],
    ['how long an attempt may take', [{}], [{ attemptTimeout: 1000 }]],
    ['how large the body may be', [{}], [{ maxContentLength: 1000 }]],
  ])('%s', async (_what, one, other) => {
    expect(await requests([one, other])).toBe(2);
    expect(await requests([one, one, other, other])).toBe(2);
  });

  test('the path', async () => {
    const url = (path: string) => ({ url: backend.origin + path });
    expect(await requests([[url('/a')], [url('/b')], [url('/a/')], [url('/A')], [url('/a?')]])).toBe(5);
  });

  test('what a template makes of the client', async () => {
    const options = { url: `${backend.origin}/a{?query.q}` };
    expect(await requests([[options, {}, '?q=1'], [options, {}, '?q=2'], [options], [options, {}, '?q=1']])).toBe(3);
  });

  test('headers of which one could be read as two', async () => {
    const headers = (value: string): Ask => [{ headers: { 'x-a': value } }];
    expect(await requests([headers('1","x-b","2'), [{ headers: { 'x-a': '1', 'x-b': '2' } }]])).toBe(2);
  });
});

describe('one request is made for', () => {
  test.each<[string, Ask, Ask]>([
    ['the same', [{}], [{}]],
    ['the same Cookie', [{ forward: ['cookie'] }, { cookie: 'a=1' }], [{ forward: ['cookie'] }, { cookie: 'a=1' }]],
    ['Cookies that are not passed on', [{}, { cookie: 'a=1' }], [{}, { cookie: 'a=2' }]],
    ['names of headers in another case', [{ headers: { 'X-Key': 'a' } }], [{ headers: { 'x-key': 'a' } }]],
    ['the method in another case', [{ method: 'get' }], [{ method: 'GET' }]],
    ['equal bodies', [{ method: 'POST', data: { a: 1 } }], [{ method: 'POST', data: () => ({ a: 1 }) }]],
    ['a query from params', [{ params: { a: 1 } }], [{ url: () => `${backend.origin}/a?a=1`, origins: [] }]],
    [
      'traceparent and tracestate',
      [{ forward: ['traceparent', 'tracestate'] }, { traceparent: '00-1-1-01', tracestate: 'a=1' }],
      [{ forward: ['traceparent', 'tracestate'] }, { traceparent: '00-2-2-01' }],
    ],
    [
      'what the answer is used for',
      [{ timeout: 500, responseType: 'text', validateStatus: null }],
      [{ fallback: 1, transformResponse: (text: string) => text, when: () => true }],
    ],
    [
      'the origins in another order',
      [{ origins: ['http://a.b', 'http://c.d'] }],
      [{ origins: ['http://c.d', 'http://a.b'] }],
    ],
    ['a deadlineHeader', [{ deadlineHeader: 'x-left', timeout: 100 }], [{ deadlineHeader: 'x-left' }]],
  ])('%s', async (_what, one, other) => {
    // A page whose url is a function has no origin of its own to add to these.
    const [first, second] = [one, other].map(([options, ...rest]): Ask => {
      const origins = typeof options.url === 'function' ? [backend.origin] : options.origins;
      return [{ ...options, ...(origins && { origins }) }, ...rest];
    }) as [Ask, Ask];
    expect(await requests([first, second])).toBe(1);
  });

  test('what a template makes of different clients, where it is equal', async () => {
    const options = { url: `${backend.origin}/a{?query.q}` };
    expect(
      await requests([
        [options, {}, '?q=1&x=1'],
        [options, {}, '?q=1&x=2'],
      ]),
    ).toBe(1);
  });
});

test('the trace headers that are sent are those of the leader', async () => {
  const forward = { forward: ['traceparent'] };
  const asked = backend.asked('/a');
  await requests([
    [forward, { traceparent: '00-1-1-01' }],
    [forward, { traceparent: '00-2-2-01' }],
  ]);
  expect((await asked).headers['traceparent']).toBe('00-1-1-01');
});

test('with an axios instance it is a config error: what that sends is not known before its interceptors have run', () => {
  const mashup = mashupWith({ clock: site.clock, axios: axios.create() });
  closeLater(() => mashup.close());
  expect(() => mashup({ a: base() })).toThrow(/a\.coalesce: .*axios instance/);
  expect(() => mashup({ a: { ...base(), coalesce: false } })).not.toThrow();
});
