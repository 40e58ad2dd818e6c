import type { UpstreamConfig } from '../checked.js';

/** Whether the requests of two upstreams can turn out equal: the one's URL may begin as the other's does. */
export function mayCoincide(a: UpstreamConfig, b: UpstreamConfig): boolean {
  if (a.method !== b.method) return false;
  const [one, other] = [literalStart(a), literalStart(b)];
  if (one.whole && other.whole) return one.text === other.text;
  return (!one.whole && other.text.startsWith(one.text)) || (!other.whole && one.text.startsWith(other.text));
}

/** How a URL begins for sure, and whether that is all of it. */
function literalStart({ url, params }: UpstreamConfig): { text: string; whole: boolean } {
  if (typeof url !== 'string') return { text: '', whole: false };
  const start = url.slice(0, url.includes('{') ? url.indexOf('{') : undefined);
  // One URL can be written in several ways: a host in capitals, no slash after it.
  const text = URL.canParse(start) ? new URL(start).href : start;
  return { text, whole: start === url && params === null };
}
