// The entry `express-mashup/html`: pages that are sent at once, and filled in as data comes.
export { type FragmentAssets, fragmentAssets } from './assets.js';
export { fillerHash } from './filler.js';
export { html, raw } from './html.js';
export { type LateOptions, late } from './late.js';
export { send } from './send.js';
export { type LateView, type SendViewOptions, sendView } from './send-view.js';
export type { SendOptions } from './stream.js';
export type { Html, HtmlValue, Late, Raw } from './values.js';
