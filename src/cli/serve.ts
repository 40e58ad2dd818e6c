import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { Server, ServerResponse } from 'node:http';
import { extname, resolve } from 'node:path';
import { inspector } from '../inspector/index.js';
import { MashupInstance } from '../instance.js';
import { mashupOn } from '../mashup.js';
import { express } from '../pages/express.js';
import { pages } from '../pages/index.js';
import { complain } from './check.js';
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
    const folder = resolve(views ?? 'views');
    app.set('views', folder);
    const engine = await engineOf(folder);
    if (engine !== null) app.set('view engine', engine);
    let isEnding = false;
    app.get(
      '/healthz',
      (_req, res) => void res.status(isEnding ? 503 : 200).json({ status: isEnding ? 'ending' : 'ok' }),
    );
    app.use('/_mashup', shown);
    app.use(served);
    const server = app.listen(port);
    const open = openResponses(server);
    await once(server, 'listening');
    const { port: actual } = server.address() as { port: number };
    stdout.write(`Serving ${file} at http://localhost:${actual}/ (the last runs: /_mashup/, health: /healthz)\n`);
    await told(signal);
    isEnding = true;
    await ended(server, open);
    return 0;
  } catch (error) {
    complain(file, error, stderr);
    return 1;
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

/** The ending of the views' names, by which Express finds their engine; null where they have several. */
async function engineOf(folder: string): Promise<string | null> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const [ending = '', ...others] = new Set(names.map(extname).filter((one) => one !== ''));
  return ending === '' || others.length > 0 ? null : ending.slice(1);
}

/** Also where it was told before. */
async function told(signal: AbortSignal | undefined): Promise<void> {
  const listening = new AbortController();
  const options = { signal: listening.signal };
  const interrupted = signal === undefined ? [] : [signal.aborted ? null : once(signal, 'abort', options)];
  await Promise.race([once(process, 'SIGTERM', options), ...interrupted]);
  listening.abort();
}

/** Those that are being made or sent. */
function openResponses(server: Server): ReadonlySet<ServerResponse> {
  const open = new Set<ServerResponse>();
  server.on('request', (_req, res) => {
    open.add(res);
    res.once('close', () => open.delete(res));
  });
  return open;
}

/** Takes no new requests, and lets those go on that are under way. */
async function ended(server: Server, open: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  for (const res of open) {
    // Or the connection would stay for another request.
    if (!res.headersSent) res.setHeader('Connection', 'close');
    // What watches the last runs would never end.
    else if (res.getHeader('Content-Type') === 'text/event-stream') res.end();
  }
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(timer);
}
