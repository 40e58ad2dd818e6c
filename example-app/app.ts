import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { createMashup, mashup as defaultMashup, isUpstreamError, type Mashup } from 'express-mashup';
import { fillerHash, sendView } from 'express-mashup/html';
import { inspector } from 'express-mashup/inspector';
import { pages } from 'express-mashup/pages';
import { discovering } from './discovery.js';
import { exampleFolder } from './folder.js';
import { cityLimits, cityPage, homePage } from './page.js';
import type { ServiceUrls } from './services/index.js';
import * as format from './view/format.js';
import * as outcomes from './view/outcomes.js';
import * as shapes from './view/shapes.js';
import { switches } from './view/switches.js';
import { whereTimeWent } from './view/waterfall.js';

const flags = join(dirname(createRequire(import.meta.url).resolve('world-countries')), 'data');

const contentSecurityPolicy = [
  "default-src 'none'",
  // The script that fills in what is late, for browsers that do not do it themselves.
  `script-src ${fillerHash}`,
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface Dashboard {
  app: Express;
  close(): Promise<void>;
}

/** The dashboard, as an Express app like any other. */
export async function createDashboard(services: ServiceUrls, mashup: Mashup = defaultMashup): Promise<Dashboard> {
  const app = express();
  app.disable('x-powered-by');
  app.set('views', join(exampleFolder, 'views'));
  app.set('view engine', 'ejs');
  app.locals['view'] = { ...format, ...outcomes, ...shapes };

  app.use((_req, res, next) => {
    res.set({ 'Content-Security-Policy': contentSecurityPolicy, 'X-Content-Type-Options': 'nosniff' });
    next();
  });
  app.use(express.static(join(exampleFolder, 'public')));
  app.use('/flags', express.static(flags, { maxAge: '1d' }));

  // Shows the last pages, on this machine only.
  app.use('/_mashup', inspector({ instance: mashup, whatIf: true }));

  app.get('/', homePage(services, mashup), (req, res) => {
    res.render('home', { wanted: req.query['q'] ?? '' });
  });

  app.get('/cities/:slug', cityPage(services, mashup), (req, res) => {
    const { mashup, news, air } = res.locals;
    const time = Promise.all([news, air]).then(() => whereTimeWent(mashup, cityLimits));
    sendView(res, 'city', {
      late: {
        summary: { view: 'partials/summary', value: time },
        news: 'boxes/news',
        air: 'boxes/air',
        time: { view: 'partials/time', value: time },
      },
      wait: 'boxes/waiting',
      locals: { now: new Date(), switches: switches(req.query) },
    });
  });

  // The pages of countries are in a file: change it while this runs, and they change.
  const dispatcher = discovering(services);
  const byName = createMashup({ dispatcher });
  const filePages = await pages(join(exampleFolder, 'pages.json'), { instance: byName });
  app.use(filePages);

  app.use((_req, res) => {
    res.status(404).render('error', { status: 404, code: null, time: null });
  });
  app.use(errorPage);
  const close = async () => {
    filePages.close();
    await byName.close();
    await dispatcher.close();
  };
  return { app, close };
}

/** A required upstream that failed comes here, and its error says what the page should answer. */
const errorPage: ErrorRequestHandler = (error: Error & { status?: number }, req, res, next) => {
  if (res.headersSent) return next(error);
  const status = error.status ?? 500;
  if (!isUpstreamError(error) && status >= 500) console.error(error);
  const { mashup } = res.locals;
  // What there was until then.
  const time = isUpstreamError(error) && status >= 500 && mashup?.city ? whereTimeWent(mashup, cityLimits) : null;
  const code = isUpstreamError(error) ? error.code : null;
  res.status(status).render('error', { status, code, time, switches: switches(req.query) });
};
