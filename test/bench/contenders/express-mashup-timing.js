import { page } from './express-mashup.js';

export default (urls) => page(urls, { serverTiming: true });
