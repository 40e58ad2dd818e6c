// Pages whose runs are recorded and shown live, beside the same without that.
import { comparison } from './throughput.js';

const NAMES = ['express-mashup', 'express-mashup-inspected'];

export default function inspected(options, log) {
  const { upstreams, origins, size } = options;
  const title = `An inspector, open: ${upstreams} upstreams of ${size} bytes of JSON`;
  return comparison(title, { origins, size }, NAMES, options, log);
}
