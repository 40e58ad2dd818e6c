// Every contender is a file here whose default export makes the page's handlers: (urls, config) → handler or handlers.
// The first is what the others are compared with.

/** Names of files, and what the tables call them. */
export const contenders = {
  dispatch: 'undici `dispatch`, by hand',
  'dispatch-again': 'the same again (the noise of this run)',
  'dispatch-controller': 'undici `dispatch`, controller API',
  request: '`Promise.all`, undici `request`',
  'request-deadline': 'the same with a deadline and a look at the status',
  fetch: '`Promise.all`, global `fetch`',
  axios: '`Promise.all`, axios',
  got: '`Promise.all`, got',
  podium: 'Podium layout',
  tailor: 'Tailor (fragments only)',
  'express-mashup': '**express-mashup**',
  'express-mashup-timing': '**express-mashup**, `serverTiming: true`',
  'express-mashup-inspected': '**express-mashup**, an inspector open',
  'express-mashup-json': '**express-mashup**, all data as JSON',
  'express-mashup-file': '**express-mashup**, the same from a file',
  'express-mashup-cached': '**express-mashup**, `cache: 3_600_000`',
  'express-mashup-cached-true': '**express-mashup**, `cache: true`',
  'request-cached': 'undici `request`, its cache interceptor',
  'axios-cached': 'axios-cache-interceptor',
  none: 'no upstreams',
};
