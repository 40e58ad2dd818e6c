import { version } from '../version.js';
import type { AttemptRecord, RunRecord } from './record.js';

/** HTTP Archive 1.2. Numbers are there everywhere: importers do not take null. */
export function harOf(runs: readonly RunRecord[]): object {
  return {
    log: {
      version: '1.2',
      creator: { name: 'express-mashup', version },
      pages: runs.map(({ id, at, total, method, path, route }) => ({
        startedDateTime: new Date(at - total).toISOString(),
        id: `run-${id}`,
        title: `${method} ${path ?? route ?? 'page.run()'}`,
        pageTimings: { onContentLoad: rounded(total), onLoad: rounded(total) },
      })),
      entries: runs.flatMap((run) => run.attempts.map((attempt) => entryOf(run, attempt))),
    },
  };
}

function entryOf({ id, at, total, calls }: RunRecord, attempt: AttemptRecord): object {
  const { method, url, status, began, firstByte, ended, upstream, kind, code } = attempt;
  // Before the first attempt, a call waits for a slot: that is what browsers call blocked.
  const ready = calls.get(upstream)?.timings.ready ?? began;
  const blocked = kind === 'first' ? Math.max(0, began - ready) : 0;
  const answered = firstByte ?? ended;
  return {
    pageref: `run-${id}`,
    startedDateTime: new Date(at - total + began - blocked).toISOString(),
    time: rounded(blocked + ended - began),
    request: {
      method,
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: [],
      queryString: queryOf(url),
      headersSize: -1,
      bodySize: -1,
    },
    response: {
      status: status ?? 0,
      statusText: code ?? '',
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: [],
      content: { size: 0, mimeType: '' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: {
      blocked: rounded(blocked),
      dns: -1,
      connect: -1,
      ssl: -1,
      send: 0,
      wait: rounded(answered - began),
      receive: rounded(ended - answered),
    },
    comment: `${upstream}, ${kind}`,
  };
}

/** The values have been left out. */
function queryOf(url: string): { name: string; value: string }[] {
  const mark = url.indexOf('?');
  if (mark === -1) return [];
  return url
    .slice(mark + 1)
    .split('&')
    .map((pair) => ({ name: pair.split('=')[0] ?? '', value: '…' }));
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
