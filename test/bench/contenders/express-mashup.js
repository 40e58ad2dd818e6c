// Every default protection is on: the deadline, bounded concurrency, the size cap, redirects checked.
import { createMashup } from '../../../dist/index.js';
import { digest } from '../lib/payload.js';

/** The page, with options for it and for each of its upstreams, of an instance with the given settings. */
export function page(urls, options, { settings, upstream } = {}) {
  const mashup = createMashup(settings);
  const names = urls.map((_, index) => `upstream${index}`);
  const upstreams = Object.fromEntries(names.map((name, index) => [name, { url: urls[index], ...upstream }]));
  const handler = (_req, res) => {
    res.json(digest(names.map((name) => res.locals[name])));
  };
  return [mashup(upstreams, options), handler];
}

export default (urls, config) => page(urls, { serverTiming: false, ...config.page }, config);
