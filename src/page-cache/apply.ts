import type { Request, Response } from 'express';
import type { PageCacheConfig } from '../checked.js';
import type { Outcome } from '../outcome.js';
import type { PageFacts } from './facts.js';
import { cacheControl, etagOf, hasMatch, type Policy, partsOf, policyOf, stricter, tagHeader } from './policy.js';

/** What pages have said of a response. */
interface Said {
  policy: Policy;
  headers: Map<string, string>;
}

const said = new WeakMap<Response, Said>();

/**
 * Says how a page may be cached. True: the client has it, and has been told so with a 304.
 * @param ended milliseconds since the run began
 */
export function sayHowCached(
  req: Request,
  res: Response,
  outcomes: readonly Outcome[],
  facts: PageFacts,
  config: PageCacheConfig,
  ended: number,
  date: number,
): boolean {
  if ((req.method !== 'GET' && req.method !== 'HEAD') || res.headersSent) return false;
  const before = said.get(res);
  // Whoever has said something before the page knows better.
  if (res.getHeader('Cache-Control') !== before?.headers.get('Cache-Control')) return false;
  const own = policyOf(partsOf(outcomes, facts, ended, date), facts, config);
  const policy = before === undefined ? own : stricter(before.policy, own);
  const headers = headersOf(policy, config, before);
  for (const [name, value] of headers) res.setHeader(name, value);
  for (const name of policy.varies) res.vary(name);
  if (before === undefined) watchHead(res);
  for (const name of before?.headers.keys() ?? []) if (!headers.has(name)) res.removeHeader(name);
  said.set(res, { policy, headers });
  const etag = headers.get('ETag');
  const asked = req.headers['if-none-match'];
  // A page before this one, or after it, may have other parts: then only the last knows.
  if (etag === undefined || asked === undefined || !hasMatch(asked, etag)) return false;
  res.status(304).end();
  return true;
}

function headersOf(policy: Policy, config: PageCacheConfig, before: Said | undefined): Map<string, string> {
  const headers = new Map([['Cache-Control', cacheControl(policy)]]);
  const etag = etagOf(policy);
  if (etag !== null) headers.set('ETag', etag);
  const names = new Set([...(before?.headers.keys() ?? []), config.tagHeader].filter((name) => isTagHeader(name)));
  for (const name of names) {
    const value = tagHeader(policy.tags, name as string);
    if (value !== null) headers.set(name as string, value);
  }
  return headers;
}

function isTagHeader(name: string | null): boolean {
  return name !== null && name !== 'Cache-Control' && name !== 'ETag';
}

/**
 * When the head is sent, its status is known, and what else was set. An error page must not be kept as the page would be, nor a
 * page that sets a cookie by those who serve it to others.
 */
function watchHead(res: Response): void {
  const { writeHead } = res;
  res.writeHead = function writeHeadOfPage(this: Response, ...args: unknown[]) {
    const status = typeof args[0] === 'number' ? args[0] : res.statusCode;
    if (!res.headersSent) amend(res, status);
    return Reflect.apply(writeHead, this, args);
  } as typeof writeHead;
}

function amend(res: Response, status: number): void {
  const headers = said.get(res)?.headers;
  const control = headers?.get('Cache-Control');
  // Not what somebody else has set since.
  if (headers === undefined || control === undefined || res.getHeader('Cache-Control') !== control) return;
  if ((status >= 200 && status < 300) || status === 304) {
    const isPublic = control.startsWith('public');
    if (isPublic && res.hasHeader('Set-Cookie')) res.setHeader('Cache-Control', control.replace('public', 'private'));
    return;
  }
  res.setHeader('Cache-Control', 'no-store');
  for (const [name, value] of headers) {
    if (name !== 'Cache-Control' && res.getHeader(name) === value) res.removeHeader(name);
  }
}
