// Every upstream is cached for an hour, and asked once.
import { page } from './express-mashup.js';

export default (urls, config) =>
  page(urls, { serverTiming: false, ...config.page }, { ...config, upstream: { cache: 3_600_000 } });
