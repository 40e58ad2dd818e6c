import type { Outcome } from 'express-mashup';

/** Why a box is empty, in the words of the page's readers. */
export function why({ status, error, timings }: Outcome): string {
  if (status === 'skipped') return 'Not needed here.';
  if (error === null) return 'Nothing is recorded for this city.';
  switch (error.code) {
    case 'ERR_UPSTREAM_TIMEOUT':
      return `Not available right now (timeout after ${Math.round((timings.ended ?? 0) - timings.ready)} ms).`;
    case 'ERR_UPSTREAM_DEADLINE':
      return 'Not available right now (too late for this page).';
    case 'ERR_UPSTREAM_STATUS':
      return error.upstreamStatus === 404
        ? 'Nothing is recorded for this city.'
        : `Not available right now (it answered ${error.upstreamStatus}).`;
    case 'ERR_UPSTREAM_CONNECT':
    case 'ERR_UPSTREAM_NETWORK':
      return 'Not available right now (no connection).';
    case 'ERR_UPSTREAM_DEPENDENCY':
      return 'Not available right now (it needs something that is missing).';
    default:
      return 'Not available right now.';
  }
}

/** Where the data of a box came from, if not from its service just now; '' where it did. */
export function whereFrom({ source, cache, items }: Outcome): string {
  const all = items === undefined ? [cache] : items.map((item) => item.cache);
  const ages = all.flatMap((one) => (one?.status === 'hit' || one?.status === 'stale' ? (one.age ?? []) : []));
  if (ages.length === 0 || ages.length < all.length) return '';
  const age = `${Math.round(Math.max(...ages) / 1000)} s old`;
  if (source === 'stale') return `an older copy, ${age}`;
  return `from the cache, ${age}`;
}
