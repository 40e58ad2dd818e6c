import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AxiosInstance } from 'axios';
import type { Outcome, Upstream, UpstreamMap } from '../../src/index.js';
import { ask, type Client, newMashup, openPage, type Visit } from '../request/ask.js';
import { originOf } from '../support/backend.js';
import type { ManualClock } from '../support/clock.js';
import { closeLater } from '../support/closing.js';
import { mashupWith } from '../support/instance.js';

/** Asks one upstream by way of a page of this axios instance. */
export function askBy(
  instance: AxiosInstance,
  entry: Upstream,
  client?: Client,
): Promise<{ data: unknown; outcome: Outcome }> {
  return ask(entry, client, { mashup: newMashup({ axios: instance }) });
}

/** Asks a page of this axios instance, whose time is the clock's. */
export async function visitBy(instance: AxiosInstance, upstreams: UpstreamMap, clock: ManualClock): Promise<Visit> {
  const mashup = mashupWith({ clock, axios: instance });
  closeLater(() => mashup.close());
  return await (await openPage(upstreams, { mashup }))();
}

export function json(response: ServerResponse, data: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(data));
}

/** An origin where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = originOf(server);
  server.close();
  await once(server, 'close');
  return origin;
}
