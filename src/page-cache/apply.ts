import type { Request, Response } from 'express';
import type { PageCacheConfig } from '../checked.js';
import type { Outcome } from '../outcome.js';
import type { PageFacts } from './facts.js';
import { beforeHead } from './head.js';
import {
  cacheControl,
  etagOf,
  hasMatch,
  type Policy,
  partsOf,
  policyOf,
  stricter,
  tagHeader,
  unkept,
} from './policy.js';

/** What became of a page for one visitor. */
export interface PageEnd {
  readonly outcomes: readonly Outcome[];
  /** Milliseconds since the run began. */
  readonly ended: number;
  /** Milliseconds since 1970, at that time. */
  readonly date: number;
  /** Whether the client waited less than the page would have. */
  readonly isHurried: boolean;
  /** Whether another page on this request has ended before. */
  readonly isJoined: boolean;
}

/** What pages have said of a response. */
interface Said {
  policy: Policy;
  headers: ReadonlyMap<string, string>;
}

const said = new WeakMap<Response, Said>();

/** Says how a page may be cached. True: the client has it, and has been told so with a 304. */
export function sayHowCached(
  req: Request,
  res: Response,
  end: PageEnd,
  facts: PageFacts,
  config: PageCacheConfig,
): boolean {
  if ((req.method !== 'GET' && req.method !== 'HEAD') || res.headersSent) return false;
  const before = said.get(res);
  // Whoever has said something before the page knows better.
  if (res.getHeader('Cache-Control') !== before?.headers.get('Cache-Control')) {
    takeBack(res);
    return false;
  }
  const own = ownPolicy(req, end, facts, config);
  // Of a page that has said nothing, nothing is known.
  const alone = end.isJoined && before === undefined ? unkept(own) : own;
  const policy = before === undefined ? alone : stricter(before.policy, alone);
  const headers = headersOf(policy, config, before);
  for (const name of headers.keys()) {
    if (res.hasHeader(name) && res.getHeader(name) !== before?.headers.get(name)) headers.delete(name);
  }
  for (const name of before?.headers.keys() ?? []) {
    if (!headers.has(name) && res.getHeader(name) === before?.headers.get(name)) res.removeHeader(name);
  }
  for (const [name, value] of headers) res.setHeader(name, value);
  for (const name of policy.varies) res.vary(name);
  if (before === undefined) beforeHead(res, amend);
  said.set(res, { policy, headers });
  const etag = headers.get('ETag');
  const asked = req.headers['if-none-match'];
  // Another page may follow. Then nobody has this ETag, for that page replaces or removes it.
  if (etag === undefined || asked === undefined || !hasMatch(asked, etag)) return false;
  res.status(304).end();
  return true;
}

function ownPolicy(req: Request, end: PageEnd, facts: PageFacts, config: PageCacheConfig): Policy {
  // Or one client's haste would give a broken page to all.
  const allowed = end.isHurried ? { ...config, partial: null } : config;
  const policy = policyOf(partsOf(end.outcomes, facts, end.ended, end.date), facts, allowed);
  // `public` would let caches give to all what was let through for this one (RFC 9111, section 3.5).
  const isAuthorized = req.headers.authorization !== undefined && !config.shared;
  return isAuthorized ? { ...policy, isPrivate: true } : policy;
}

/** Takes back what pages have said of a response, for now it is also made of what nothing is known of, or is an error page. */
export function takeBack(res: Response): void {
  const before = said.get(res);
  if (before === undefined || res.headersSent) return;
  withdraw(res, before.headers);
  said.set(res, { policy: unkept(before.policy), headers: new Map([['Cache-Control', 'no-store']]) });
}

/** Not what somebody else has set since. */
function withdraw(res: Response, headers: ReadonlyMap<string, string>): void {
  for (const [name, value] of headers) {
    if (res.getHeader(name) !== value) continue;
    if (name === 'Cache-Control') res.setHeader(name, 'no-store');
    else res.removeHeader(name);
  }
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
function amend(res: Response, status: number): void {
  const headers = said.get(res)?.headers;
  if (headers === undefined) return;
  if ((status < 200 || status >= 300) && status !== 304) return withdraw(res, headers);
  const control = headers.get('Cache-Control');
  if (control === undefined || res.getHeader('Cache-Control') !== control || !res.hasHeader('Set-Cookie')) return;
  res.setHeader('Cache-Control', control.replace('public', 'private'));
}
