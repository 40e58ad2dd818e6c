import { Failure } from '../../src/errors.js';
import { followRedirect, type Hop } from '../../src/transport/redirect.js';
import type { WireRequest } from '../../src/transport/wire.js';

const request: WireRequest = {
  origin: 'https://a.example.com',
  path: '/from?q=1',
  method: 'GET',
  headers: ['x-key', 'k', 'accept', '*/*', 'x-key', 'l', 'Traceparent', '00-1'],
  body: null,
};
const listed = new Set(['https://a.example.com', 'https://b.example.com', 'http://plain.example.com']);

function hop(location: string, publicOnly = false, from: Partial<WireRequest> = {}, revalidates = false): Hop {
  const result = followRedirect({ ...request, ...from }, publicOnly, 302, location, { listed, revalidates });
  if (result instanceof Failure) throw new Error(result.message);
  return result;
}

describe('where a redirect may lead', () => {
  test('to an origin that is listed, whatever its address', () => {
    expect(hop('https://b.example.com/').publicOnly).toBe(false);
    expect(hop('https://b.example.com:443/').publicOnly).toBe(false);
  });

  test.each(['https://c.example.com/', 'https://b.example.com:8443/', 'https://b.example.com.evil.example/'])(
    'to any other only if its address is public: %s',
    (location) => expect(hop(location).publicOnly).toBe(true),
  );

  test('the same origin goes by the rule that has held for it', () => {
    expect(hop('/to').publicOnly).toBe(false);
    expect(hop('/to', true).publicOnly).toBe(true);
  });

  test('from http up to https', () => {
    const from = { origin: 'http://a.example.com' };
    expect(hop('https://b.example.com/', false, from).request.origin).toBe('https://b.example.com');
  });

  test('from https down to http only where that origin is listed', () => {
    expect(hop('http://plain.example.com/').publicOnly).toBe(false);
    expect(() => hop('http://b.example.com/')).toThrow('it redirects from https down to http');
    expect(() => hop('http://a.example.com/')).toThrow('it redirects from https down to http');
  });
});

test('the request of a hop is a new one; the first stays as it was', () => {
  const before = structuredClone(request);
  expect(hop('https://b.example.com/to#x').request).toEqual({
    origin: 'https://b.example.com',
    path: '/to',
    method: 'GET',
    headers: ['accept', '*/*', 'Traceparent', '00-1'],
    body: null,
    tags: null,
  });
  expect(hop('/to').request.headers).toEqual(request.headers);
  expect(request).toEqual(before);
});

test('validators are sent on to the same origin where they are the page’s own, and not where they are the cache’s', () => {
  const from = { headers: ['If-None-Match', '"a"', 'if-modified-since', 'yesterday', 'x-key', 'k'] };
  expect(hop('/to', false, from).request.headers).toEqual(from.headers);
  expect(hop('/to', false, from, true).request.headers).toEqual(['x-key', 'k']);
});
