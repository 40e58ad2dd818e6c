import { text } from 'node:stream/consumers';
import { type ConfigProblem, isConfigError } from '../errors.js';
import { MashupInstance } from '../instance.js';
import { type MultiGet, multiGetOn } from '../multi-get.js';
import { shown } from '../shown.js';
import type { StandardSchema } from '../standard-schema.js';
import { type GetRequest, parseCommand } from './arguments.js';
import { check } from './check.js';
import { helpText, packageVersion } from './help.js';
import { init } from './init.js';
import { noProgress, type Output, type Progress, progressBar } from './progress.js';
import { compareLine, countFailed, errorLines, jsonDocument, type Row, rowLines, toRow, totalLine } from './report.js';
import { serve } from './serve.js';
import { withScheme } from './urls.js';
import { warmUp } from './warm-up.js';

/** What the command reads and writes: `process` is one. */
export interface Surroundings {
  stdin: AsyncIterable<Buffer | string>;
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted when it is interrupted: what there is is printed. */
  signal?: AbortSignal;
}

interface Run {
  rows: readonly Row[];
  ms: number;
}

/** More URLs than this get a progress bar at once, and others when they take so many milliseconds. */
const many = 20;
const long = 1000;
/** Where the width is unknown, as in a pipe. */
const usualColumns = 100;

/** Does what the arguments ask, and gives the exit code. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  const command = parseCommand(args);
  switch (command.kind) {
    case 'help':
      stdout.write(helpText);
      return 0;
    case 'version':
      stdout.write(`${packageVersion()}\n`);
      return 0;
    case 'check':
      return await check(command.file, surroundings);
    case 'init':
      return await init(command.file, surroundings);
    case 'serve':
      return await serve(command, surroundings);
    case 'mistake':
      return refuse(command.message, stderr);
    case 'get':
      try {
        return await get(command.request, surroundings);
      } catch (error) {
        if (isConfigError(error)) return refuse(error.problems.map(describeProblem).join('; '), stderr);
        throw error;
      }
  }
}

async function get(request: GetRequest, { stdin, stdout, stderr, env, signal }: Surroundings): Promise<number> {
  const given = request.urls.includes('-') ? await withLines(request.urls, stdin) : request.urls;
  if (given instanceof Error) return refuse(`cannot read stdin: ${given.message}`, stderr);
  const urls = given.map(withScheme);
  if (urls.length === 0) return refuse('there is no URL on stdin', stderr);

  const progress = (title: string) =>
    stderr.isTTY && env['TERM'] !== 'dumb'
      ? progressBar(stderr, title, urls.length, urls.length > many ? 0 : long)
      : noProgress;
  await warmUp();
  const parallel = await onItsOwn(signal, (multiGet) => inParallel(urls, request, progress('in parallel'), multiGet));
  const isCompared = request.compare && !signal?.aborted;
  const serial = isCompared
    ? await onItsOwn(signal, (multiGet) => oneByOne(urls, request, progress('one after the other'), multiGet, signal))
    : null;

  const comparison = serial === null ? [] : [compareLine(total(parallel), total(serial))];
  if (request.json) {
    print(stdout, [jsonDocument(parallel.rows)]);
    print(stderr, comparison);
  } else {
    const view = { columns: stdout.columns || usualColumns, colour: wantsColour(stdout, env), shorten: !!stdout.isTTY };
    print(stdout, [...rowLines(parallel.rows, view), totalLine(parallel.rows, parallel.ms), ...comparison]);
    print(stderr, errorLines(parallel.rows));
  }
  if (signal?.aborted) return 130;
  return countFailed(parallel.rows) === 0 ? 0 : 1;
}

/** With connections of its own, so that neither way has those of the other. */
async function onItsOwn(signal: AbortSignal | undefined, work: (multiGet: MultiGet) => Promise<Run>): Promise<Run> {
  const instance = new MashupInstance();
  const stop = () => void instance.close(1);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await work(multiGetOn(instance));
  } finally {
    signal?.removeEventListener('abort', stop);
    void instance.close(1);
  }
}

async function inParallel(
  urls: readonly string[],
  request: GetRequest,
  progress: Progress,
  multiGet: MultiGet,
): Promise<Run> {
  return measured(progress, () => fetchRows(urls, request, progress, multiGet));
}

/** Each has the whole timeout to itself, as it would have without `multiGet`. */
async function oneByOne(
  urls: readonly string[],
  request: GetRequest,
  progress: Progress,
  multiGet: MultiGet,
  signal: AbortSignal | undefined,
): Promise<Run> {
  return measured(progress, async () => {
    const rows: Row[] = [];
    for (const url of urls) {
      if (signal?.aborted) break;
      rows.push(...(await fetchRows([url], request, progress, multiGet)));
    }
    return rows;
  });
}

async function measured(progress: Progress, fetchAll: () => Promise<Row[]>): Promise<Run> {
  const start = performance.now();
  try {
    const rows = await fetchAll();
    return { rows, ms: performance.now() - start };
  } finally {
    progress.clear();
  }
}

async function fetchRows(
  urls: readonly string[],
  request: GetRequest,
  progress: Progress,
  multiGet: MultiGet,
): Promise<Row[]> {
  const { timeout, concurrency, headers } = request;
  const results = await multiGet(urls, {
    ...(timeout === undefined ? {} : { timeout }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(headers === undefined ? {} : { headers }),
    responseType: 'arraybuffer',
    // A URL that succeeds meets the schema, one that fails takes the fallback: each ends in one of the two, and once.
    schema: byteCount(progress),
    fallback: () => {
      progress.step();
      return null;
    },
  });
  return results.map(([url, bytes, outcome]) => toRow(url, bytes as number | null, outcome));
}

/** Keeps of a body only its length: many at once would not be small. */
function byteCount(progress: Progress): StandardSchema<unknown, number> {
  return {
    '~standard': {
      version: 1,
      vendor: 'express-mashup',
      validate: (body) => {
        progress.step();
        return { value: Buffer.isBuffer(body) ? body.length : 0 };
      },
    },
  };
}

async function withLines(urls: readonly string[], stdin: Surroundings['stdin']): Promise<string[] | Error> {
  try {
    const lines = (await text(stdin as NodeJS.ReadableStream)).split('\n').map((line) => line.trim());
    const listed = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return urls.flatMap((url) => (url === '-' ? listed : url));
  } catch (error) {
    return error as Error;
  }
}

function describeProblem({ path, message }: ConfigProblem): string {
  return `${path.replace('options.', '')} ${message}`;
}

function total({ rows, ms }: Run) {
  return { ms, failed: countFailed(rows) };
}

function wantsColour(stdout: Output, env: Surroundings['env']): boolean {
  return !!stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

function print(output: Output, lines: readonly string[]): void {
  if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
}

function refuse(message: string, stderr: Output): number {
  print(stderr, [`express-mashup: ${shown(message, Infinity)}`, 'See express-mashup --help.']);
  return 2;
}
