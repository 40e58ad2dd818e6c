import type { Policy } from '../answer/policy.js';
import { Failure } from '../errors.js';
import { HttpRequest, nameAt } from './http-request.js';
import type { WireRequest } from './wire.js';

/** The headers that are sent to another origin: none that could be a credential. */
const harmless = new Set(['accept', 'accept-language', 'accept-encoding', 'user-agent', 'traceparent', 'tracestate']);

/** What the cache has added is about the URL that redirects. */
const validators = new Set(['if-none-match', 'if-modified-since']);

/** The request a redirect leads to. */
export interface Hop {
  readonly request: HttpRequest;
  /** Whether it may only go to a public internet address. */
  readonly publicOnly: boolean;
}

export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The request that a redirect leads to, or why it is refused (RFC 9110, section 15.4; methods are rewritten as the Fetch
 * standard does).
 */
export function followRedirect(
  request: WireRequest,
  publicOnly: boolean,
  status: number,
  location: string,
  { listed, revalidates }: Pick<Policy, 'listed' | 'revalidates'>,
): Hop | Failure {
  const from = new URL(request.origin + request.path);
  // Headers are read as Latin-1. Bytes that are not ASCII, mostly UTF-8, are percent-encoded as they came, as browsers do.
  const target = location.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const to = URL.canParse(target, from.href) ? new URL(target, from) : null;
  if (to === null) return refused('its redirect is not to a URL');
  if (to.protocol !== 'http:' && to.protocol !== 'https:')
    return refused('it redirects to something other than http and https');
  if (to.username !== '' || to.password !== '') return refused('its redirect carries credentials');

  const rewritten =
    (status === 303 && request.method !== 'HEAD') || ((status === 301 || status === 302) && request.method === 'POST');
  const method = rewritten ? 'GET' : request.method;
  const body = rewritten ? null : request.body;
  const path = to.pathname + to.search;
  const sent = revalidates ? keepHeaders(request.headers, (name) => !validators.has(name)) : request.headers;
  const withoutBody = rewritten ? keepHeaders(sent, (name) => !name.startsWith('content-')) : sent;
  if (to.origin === request.origin) {
    return { request: new HttpRequest(to.origin, path, method, withoutBody, body), publicOnly };
  }
  if (from.protocol === 'https:' && to.protocol === 'http:' && !listed.has(to.origin)) {
    return refused('it redirects from https down to http');
  }
  if (body !== null) return refused('it redirects a request body to another origin');
  const headers = keepHeaders(withoutBody, (name) => harmless.has(name));
  return { request: new HttpRequest(to.origin, path, method, headers, null), publicOnly: !listed.has(to.origin) };
}

function keepHeaders(headers: readonly string[], keep: (name: string) => boolean): string[] {
  return headers.filter((_, at) => keep(nameAt(headers, at)));
}

function refused(message: string): Failure {
  return new Failure('ERR_UPSTREAM_REDIRECT', message);
}
