// Every upstream is cached as its headers say.
import { page } from './express-mashup.js';

export default (urls, config) =>
  page(urls, { serverTiming: false, ...config.page }, { ...config, upstream: { cache: true } });
