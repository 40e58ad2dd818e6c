import { once } from 'node:events';
import type { Server } from 'node:http';
import { resolve } from 'node:path';
import { isConfigError } from '../errors.js';
import { inspector } from '../inspector/index.js';
import { MashupInstance } from '../instance.js';
import { mashupOn } from '../mashup.js';
import { express } from '../pages/express.js';
import { pages } from '../pages/index.js';
import type { Output } from './progress.js';

/** How long requests may go on after it was told to end. */
const GRACE_MS = 10_000;

interface Options {
  readonly file: string;
  readonly port: number;
  readonly views: string | null;
}

/** Serves a file of pages until it is interrupted: with the inspector in development, and a health check. */
export async function serve(
  { file, port, views }: Options,
  { stdout, stderr, signal }: { stdout: Output; stderr: Output; signal?: AbortSignal },
): Promise<number> {
  const mashup = mashupOn(new MashupInstance());
  const opened: { close(): unknown }[] = [{ close: () => mashup.close({ timeout: 1 }) }];
  try {
    const served = await pages(file, { instance: mashup });
    // In production it shows nothing.
    const shown = inspector({ instance: mashup, whatIf: true });
    opened.push(served, shown);
    const app = express().disable('x-powered-by');
    app.set('views', resolve(views ?? 'views'));
    let isEnding = false;
    app.get(
      '/healthz',
      (_req, res) => void res.status(isEnding ? 503 : 200).json({ status: isEnding ? 'ending' : 'ok' }),
    );
    app.use('/_mashup', shown);
    app.use(served);
    const server = app.listen(port);
    await once(server, 'listening');
    const { port: actual } = server.address() as { port: number };
    stdout.write(`Serving ${file} at http://localhost:${actual}/ (the last runs: /_mashup/, health: /healthz)\n`);
    await told(signal);
    isEnding = true;
    served.close();
    await ended(server);
    return 0;
  } catch (error) {
    if (isConfigError(error)) for (const { path, message } of error.problems) stderr.write(`${path}: ${message}\n`);
    else stderr.write(`express-mashup: ${(error as Error).message}\n`);
    return 1;
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

function told(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const tell = () => {
      process.off('SIGTERM', tell);
      resolve();
    };
    signal?.addEventListener('abort', tell, { once: true });
    process.once('SIGTERM', tell);
  });
}

/** Takes no new requests, and lets those go on that are under way. */
async function ended(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(timer);
}
