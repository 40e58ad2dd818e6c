import { createServer, type IncomingMessage, type RequestOptions, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { everyWay, type Script } from './faults.js';
import { HastyClock } from './hasty-clock.js';
import { type Mocked, type MockedUpstreams, mockedBy } from './mock-upstreams.js';

export interface EveryFaultOptions {
  /** @default those of the only instance that is mocked */
  readonly upstreams?: MockedUpstreams;
  /** Of the client's request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds of real time after which a page counts as one that does not answer. @default 1000 */
  readonly patience?: number;
}

/** What a page did while one upstream was broken in one way. */
export interface FaultVisit {
  readonly upstream: string;
  /** In which way, such as 'silent' or 'status 503'. */
  readonly fault: string;
  /** Of the page; null if it did not answer, or not to the end. */
  readonly status: number | null;
}

export interface FaultReport {
  readonly visits: readonly FaultVisit[];
  /** Those to which no answer came, or no whole one. */
  readonly unanswered: readonly FaultVisit[];
  /** Those that were answered with a status of 500 or more, as is right where a required upstream fails. */
  readonly errors: readonly FaultVisit[];
  /** A line for each visit that went wrong. */
  toString(): string;
}

/** An Express application, or anything else that answers a request of node:http. */
export type App = (req: IncomingMessage, res: ServerResponse) => unknown;

/**
 * Asks for a page while one upstream after the other is broken, in each way: refused, silent, slow, dripping, reset, truncated, with
 * an error status, with data of another shape. The upstreams must be mocked, and those are broken that a first visit asks.
 *
 * Waiting takes no time. Each visit has an empty cache and closed breakers.
 *
 * @throws {Error} (as a rejection) if no upstreams are mocked, if it is under way with the same mocks, or if the page does not work while nothing is broken
 * @example expect((await everyFault(app, '/city/oslo')).unanswered).toEqual([]);
 */
export async function everyFault(app: App, path: string, options: EveryFaultOptions = {}): Promise<FaultReport> {
  const { headers = {}, patience = 1000 } = options;
  const mocked = mockedBy(options.upstreams);
  if (busy.has(mocked.mocks)) throw new Error('everyFault() is under way with these mocks: await it first');
  busy.add(mocked.mocks);
  const server = createServer((req, res) => void answer(app, req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const visit = (broken: Broken | null) =>
    breaking(mocked, broken, () => ask({ port, path, headers, host: '127.0.0.1', agent: false }, patience));
  try {
    return reportOf(await visitAll(mocked, visit, path));
  } finally {
    busy.delete(mocked.mocks);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

// One upstream is broken at a time.
const busy = new WeakSet<object>();

interface Broken {
  readonly upstream: string;
  readonly change: Partial<Script>;
}

async function visitAll(
  { mocks }: Mocked,
  visit: (broken: Broken | null) => Promise<number | null>,
  path: string,
): Promise<FaultVisit[]> {
  const asked = new Set<string>();
  mocks.onCall = ({ upstream }) => void asked.add(upstream);
  const status = await visit(null);
  mocks.onCall = null;
  if (status === null || status >= 400) {
    throw new Error(`${path} does not work while nothing is broken: ${status ?? 'no answer came'}`);
  }
  const visits: FaultVisit[] = [];
  for (const upstream of asked) {
    for (const [fault, change] of Object.entries(everyWay)) {
      visits.push({ upstream, fault, status: await visit({ upstream, change }) });
    }
  }
  return visits;
}

/** Does something while an upstream is broken, with a clock and a state of its own. */
async function breaking<T>({ mocks, instance }: Mocked, broken: Broken | null, act: () => Promise<T>): Promise<T> {
  const clock = new HastyClock();
  const giveBack = instance.lend({ clock, connections: mocks, verdict: mocks.verdict });
  const putBack = mocks.beginAnew();
  mocks.override = broken;
  try {
    return await act();
  } finally {
    mocks.override = null;
    giveBack();
    mocks.breakOff('the visit is over');
    clock.stop();
    putBack();
  }
}

/** An application that throws does not answer. */
async function answer(app: App, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    await app(req, res);
  } catch {
    res.destroy();
  }
}

/** The status of an answer that came whole; null if none did. */
function ask(options: RequestOptions, patience: number): Promise<number | null> {
  return new Promise((resolve) => {
    const client = request(options);
    const end = (status: number | null) => {
      clearTimeout(timer);
      resolve(status);
      client.destroy();
    };
    const timer = setTimeout(() => end(null), patience);
    client.on('response', (res) => {
      res.on('end', () => end(res.complete ? (res.statusCode ?? null) : null));
      res.on('error', () => end(null));
      res.resume();
    });
    client.on('error', () => end(null));
    client.end();
  });
}

function reportOf(visits: readonly FaultVisit[]): FaultReport {
  const unanswered = visits.filter(({ status }) => status === null);
  const errors = visits.filter(({ status }) => status !== null && status >= 500);
  const line = ({ upstream, fault, status }: FaultVisit) => `${upstream} ${fault}: ${status ?? 'no answer'}`;
  return { visits, unanswered, errors, toString: () => [...unanswered, ...errors].map(line).join('\n') };
}
