// A page that a file describes, beside the same in code.
import { comparison } from './throughput.js';

const NAMES = ['express-mashup-json', 'express-mashup-file'];

export default function file(options, log) {
  const { upstreams, origins, size } = options;
  const title = `A page from a file: ${upstreams} upstreams of ${size} bytes of JSON`;
  return comparison(title, { origins, size }, NAMES, options, log);
}
