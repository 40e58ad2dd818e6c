// A cache in front of one server, made of pages: whatever it is asked for, by any method, it asks that server for, and passes
// status, headers and body on. It is there to be tried with suites for HTTP caches.
// Usage: node test/bench/relay.js ORIGIN PORT
import { buffer } from 'node:stream/consumers';
import express from 'express';
import { createMashup } from '../../dist/index.js';

const [origin, port = '0'] = process.argv.slice(2);
const mashup = createMashup();
const notPassedOn =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|expect|accept-encoding)$/;

const passedOn = ({ req }) =>
  Object.fromEntries(Object.entries(req.headers).filter(([name]) => !notPassedOn.test(name)));

/** Null and undefined leave a default header out. */
const none = { accept: null, 'user-agent': null };

function pageOf(method) {
  const isCached = method === 'GET' || method === 'HEAD';
  return mashup(
    {
      answer: {
        url: ({ req }) => origin + req.originalUrl,
        origins: [origin],
        method,
        headers: (context) => ({ ...none, ...passedOn(context) }),
        ...(!isCached && { data: ({ req }) => (req.body.length > 0 ? req.body : null) }),
        maxRedirects: 0,
        validateStatus: null,
        responseType: 'arraybuffer',
        required: true,
        ...(isCached && { cache: { keyHeaders: [], staleIfError: 60_000 } }),
      },
    },
    { deadline: 20_000, serverTiming: false },
  );
}

const pages = new Map();

const app = express();
app.use(async (req, _res, next) => {
  req.body = await buffer(req);
  next();
});
app.use((req, res, next) => {
  if (!pages.has(req.method)) pages.set(req.method, pageOf(req.method));
  pages.get(req.method)(req, res, next);
});
app.use((_req, res) => {
  const { response, cache, data } = res.locals.mashup.answer;
  const { 'transfer-encoding': _, connection: __, 'content-length': ___, ...headers } = response.headers;
  if (cache?.age != null && cache.status !== 'miss') headers.age = String(Math.floor(cache.age / 1000));
  res.sendDate = false;
  res.removeHeader('x-powered-by');
  res.writeHead(response.status, { ...headers, ...(data !== null && { 'content-length': data.length }) });
  res.end(data ?? undefined);
});
app.use((error, _req, res, _next) => {
  res.writeHead(error.upstreamStatus ?? error.status ?? 500, { 'x-relay-error': String(error.code) }).end();
});
const server = app.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
