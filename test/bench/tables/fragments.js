// Pages made of HTML fragments, which Tailor composes too.
import { comparison } from './throughput.js';

const NAMES = ['dispatch', 'request', 'podium', 'tailor', 'express-mashup'];

export default function fragments(options, log) {
  const { upstreams, origins, size } = options;
  const shorter = { ...options, rounds: Math.ceil(options.rounds / 2) };
  const title = `Fragments: ${upstreams} upstreams of ${size} bytes of HTML`;
  return comparison(title, { origins, size, type: 'text' }, NAMES, shorter, log);
}
