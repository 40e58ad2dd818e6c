// Pages whose upstreams' answers are all cached, beside one that asks nobody.
import { comparison } from './throughput.js';

const NAMES = ['none', 'express-mashup-cached', 'express-mashup-cached-true', 'request-cached', 'axios-cached'];

export default function cached(options, log) {
  const { upstreams, origins, size } = options;
  const title = `Served from the cache: ${upstreams} upstreams of ${size} bytes of JSON`;
  return comparison(title, { origins, size, maxAge: 3600 }, NAMES, options, log);
}
