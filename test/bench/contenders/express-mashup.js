// Every default protection is on: the deadline, bounded concurrency, the size cap, redirects checked.
import { mashup } from '../../../dist/index.js';
import { digest } from '../lib/payload.js';

/** The page, with the given page options. */
export function page(urls, options) {
  const names = urls.map((_, index) => `upstream${index}`);
  const upstreams = Object.fromEntries(names.map((name, index) => [name, urls[index]]));
  const handler = (_req, res) => {
    res.json(digest(names.map((name) => res.locals[name])));
  };
  return [mashup(upstreams, options), handler];
}

export default (urls) => page(urls, { serverTiming: false });
