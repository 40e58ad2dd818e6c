// The command: starts the services and the page, says what to try, and closes everything when it is told to stop.
import type { Server } from 'node:http';
import { createMashup, mashup as defaultMashup } from 'express-mashup';
import { redisStore } from 'express-mashup/redis';
import { createDashboard } from './app.js';
import { listen, startServices, urlOf } from './services/index.js';

try {
  const port = portFrom('PORT', 3000);
  const firstPort = portFrom('SERVICES_PORT', 0);
  const services = await startServices({ firstPort });
  // With Redis, several of these share what they have fetched.
  const redis = process.env['REDIS_URL'];
  const store = redis === undefined ? null : redisStore({ url: redis });
  const mashup = store === null ? defaultMashup : createMashup({ cache: { store } });
  const dashboard = await createDashboard(services.urls, mashup);
  const page = await listen(dashboard.app, port).catch(async (error: unknown) => {
    await dashboard.close();
    await services.close();
    throw error;
  });
  greet(urlOf(page), services.urls);

  const stop = async (): Promise<void> => {
    console.log('\nClosing …');
    await closed(page);
    await dashboard.close();
    await mashup.close();
    await store?.close();
    await services.close();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
} catch (error) {
  console.error(plainly(error));
  process.exitCode = 1;
}

function portFrom(name: string, usual: number): number {
  const value = process.env[name] ?? String(usual);
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
    throw new Error(`${name} takes a port from 0 to 65535, not "${value}"`);
  return Number(value);
}

function greet(page: string, services: Record<string, string>): void {
  const names = Object.keys(services);
  const width = Math.max(...names.map((name) => name.length));
  console.log(`
The city dashboard is at

  ${page}/cities/oslo
  ${page}/cities/oslo?slow=weather:3000     a slow service: its box shows what is usual, the page is in time
  ${page}/cities/oslo?fail=news             a failing one
  ${page}/cities/oslo?slow=cities:3000      a slow one that the page cannot do without
  ${page}/countries/NO                      a page from a file, example-app/pages.json: change it, and reload

It is made from these services:

${names.map((name) => `  ${name.padEnd(width)}  ${services[name]}`).join('\n')}

Ask several of them at once on the command line:

  npx express-mashup get ${services['cities']}/cities/oslo ${services['weather']}/weather/oslo '${services['news']}/news/oslo?slow=news:3000'

Ctrl-C stops it all.`);
}

/** Takes no new requests and lets those in flight finish; what is still open then is a browser's spare connection. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), 2000);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function plainly(error: unknown): string {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number };
  return code === 'EADDRINUSE'
    ? `Port ${port} is taken. Choose another with PORT (the page) or SERVICES_PORT (the first service): PORT=3001 npm start`
    : message;
}
