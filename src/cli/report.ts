import { styleText } from 'node:util';
import type { Outcome, OutcomeSource, Timings } from '../outcome.js';
import { shown } from '../shown.js';

/** One URL of the report, and one entry of the JSON document. */
export interface Row {
  url: string;
  /** The HTTP status; null where none came. */
  status: number | null;
  /** Bytes of the decoded body; null where there is no whole body. */
  bytes: number | null;
  /** Milliseconds from its request (or, where none was sent, from the start) to its end. */
  ms: number;
  error: { code: string; message: string } | null;
  source: OutcomeSource | null;
  attempts: number;
  /** Milliseconds since the run began. */
  timings: Timings;
}

/** How the report is to look. */
export interface View {
  columns: number;
  colour: boolean;
  /** Shorten URLs so that no line is wider than the terminal. */
  shorten: boolean;
}

/** What a run over all URLs took. */
export interface RunTotal {
  ms: number;
  failed: number;
}

const narrowestBar = 8;
const widestBar = 60;

export function toRow(url: string, bytes: number | null, outcome: Outcome): Row {
  const { error, response, source, attempts, timings } = outcome;
  const ok = outcome.status === 'success';
  const start = timings.started ?? timings.ready;
  return {
    url: withoutCredentials(url),
    status: response?.status ?? null,
    bytes: ok ? (bytes ?? 0) : null,
    ms: tenths((timings.ended ?? start) - start),
    error: ok ? null : { code: error?.code ?? 'ERR_UPSTREAM_CANCELED', message: error?.message ?? outcome.status },
    source,
    attempts,
    timings: {
      ready: tenths(timings.ready),
      started: timings.started === null ? null : tenths(timings.started),
      firstByte: timings.firstByte === null ? null : tenths(timings.firstByte),
      ended: timings.ended === null ? null : tenths(timings.ended),
    },
  };
}

/** A line a row, in their order: status, bytes, milliseconds, waterfall bar, URL. */
export function rowLines(rows: readonly Row[], view: View): string[] {
  const cells = rows.map((row) => ({
    row,
    status: statusCell(row),
    bytes: row.bytes === null ? '-' : `${row.bytes} B`,
    ms: milliseconds(row.ms),
    url: shown(row.url, Infinity),
  }));
  const width = (of: 'status' | 'bytes' | 'ms' | 'url') => Math.max(0, ...cells.map((cell) => cell[of].length));
  const [statusWidth, bytesWidth, msWidth] = [width('status'), width('bytes'), width('ms')];
  const free = view.columns - statusWidth - bytesWidth - msWidth - 3 * 2;
  const barWidth = fitBar(free - 2, width('url'));
  const urlWidth = view.shorten ? Math.max(free - (barWidth === 0 ? 0 : barWidth + 2), narrowestBar) : Infinity;
  const span = Math.max(...rows.map(({ timings }) => timings.ended ?? 0));

  return cells.map(({ row, status, bytes, ms, url }) => {
    const colour = row.error === null ? 'green' : 'red';
    const parts = [
      paint(colour, status.padEnd(statusWidth), view),
      bytes.padStart(bytesWidth),
      ms.padStart(msWidth),
      ...(barWidth === 0 ? [] : [drawBar(row.timings, span, barWidth, colour, view)]),
      shortened(url, urlWidth),
    ];
    return parts.join('  ');
  });
}

export function totalLine(rows: readonly Row[], ms: number): string {
  const failed = countFailed(rows);
  const bytes = rows.reduce((sum, row) => sum + (row.bytes ?? 0), 0);
  const urls = rows.length === 1 ? '1 URL' : `${rows.length} URLs`;
  return `${urls} in ${milliseconds(ms)}: ${rows.length - failed} ok, ${failed} failed, ${bytes} B`;
}

export function compareLine(parallel: RunTotal, serial: RunTotal): string {
  const total = ({ ms, failed }: RunTotal) => `${milliseconds(ms)}${failed === 0 ? '' : ` (${failed} failed)`}`;
  const ratio = (serial.ms / parallel.ms).toFixed(1);
  return `in parallel ${total(parallel)}, one after the other ${total(serial)}: ${ratio} times as fast`;
}

/** The message of each failure whose status cell does not say it all; it names the URL, without query values. */
export function errorLines(rows: readonly Row[]): string[] {
  return rows.flatMap(({ error }) =>
    error === null || error.code === 'ERR_UPSTREAM_STATUS' || error.code === 'ERR_UPSTREAM_DEADLINE'
      ? []
      : shown(error.message, Infinity),
  );
}

/** The JSON document. What a terminal could act on stands in it as an escape, so that it parses to the same text. */
export function jsonDocument(rows: readonly Row[]): string {
  const spellOut = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(rows, null, 2).replace(/(?!\n)[\p{C}\u2028\u2029]/gu, (text) => text.replace(/./gs, spellOut));
}

export function countFailed(rows: readonly Row[]): number {
  return rows.filter(({ error }) => error !== null).length;
}

function statusCell({ status, error }: Row): string {
  if (error === null || error.code === 'ERR_UPSTREAM_STATUS') return String(status ?? '-');
  return error.code.replace('ERR_UPSTREAM_', '');
}

/** All that the URLs leave free, and where they leave too little, two fifths. */
function fitBar(free: number, urlWidth: number): number {
  const width = Math.min(widestBar, Math.max(free - urlWidth, Math.floor(free * 0.4)));
  return width < narrowestBar ? 0 : width;
}

/** Dots from when it could start, blocks from when its request was sent. */
function drawBar(timings: Timings, span: number, width: number, colour: 'green' | 'red', view: View): string {
  const cell = (ms: number) => (span > 0 ? Math.min(width, Math.round((ms / span) * width)) : 0);
  const { ready, started, ended } = timings;
  const end = Math.max(1, cell(ended ?? span));
  // What was sent takes a cell, however short it was.
  const sent = started === null ? end : Math.min(cell(started), end - 1);
  const from = Math.min(cell(ready), started === null ? end - 1 : sent);
  const waited = '·'.repeat(sent - from);
  const bar = '█'.repeat(end - sent);
  return `${' '.repeat(from)}${paint('dim', waited, view)}${paint(colour, bar, view)}${' '.repeat(width - end)}`;
}

function paint(style: 'green' | 'red' | 'dim', text: string, { colour }: View): string {
  return colour && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** Without its middle: a URL's origin and its end tell most. */
function shortened(url: string, width: number): string {
  const characters = Array.from(url);
  if (characters.length <= width) return url;
  const head = Math.ceil((width - 1) / 2);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (width - 1 - head)).join('')}`;
}

/** The library refuses such URLs; nor should their password stand in a log. */
function withoutCredentials(url: string): string {
  return url.replace(/^([^/?#\\:]*:[/\\\s]*)[^/?#\\]*@/, '$1***@');
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
