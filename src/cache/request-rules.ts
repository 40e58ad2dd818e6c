// What a request says of how it may be answered (RFC 9111, section 5.2.1).
import { type Directives, readDirectives } from './directives.js';
import type { Times } from './entry.js';
import type { RequestHead } from './rules.js';

const past = ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** Whether it asks for a part, or under a condition of its own: its answer is not one for others. */
export function bypasses(request: RequestHead): boolean {
  return past.some((name) => request.header(name) !== null);
}

/** Whether what is fresh, or may be used stale, is good enough for it. */
export function isUsable(request: RequestHead, { bornAt, freshUntil }: Times, now: number): boolean {
  const control = directivesOf(request);
  if (control.has('no-cache')) return false;
  const within = (name: string, ms: number) => ms <= (control.seconds(name) ?? Infinity) * 1000;
  const least = control.seconds('min-fresh');
  return within('max-age', now - bornAt) && (least === null || freshUntil - now >= least * 1000);
}

export function onlyIfCached(request: RequestHead): boolean {
  return directivesOf(request).has('only-if-cached');
}

function directivesOf(request: RequestHead): Directives {
  const control = request.header('cache-control');
  if (control !== null) return readDirectives(control);
  return readDirectives(/\bno-cache\b/i.test(request.header('pragma') ?? '') ? 'no-cache' : null);
}
