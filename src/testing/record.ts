import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { mashup as defaultMashup } from '../default.js';
import type { MashupInstance } from '../instance.js';
import type { Mashup } from '../page-types.js';
import { install, type MockedUpstreams, readInstance } from './mock-upstreams.js';
import { Mocks } from './mocks.js';
import { RecordingConnections } from './recorder.js';
import { type Allowed, Replay } from './tape.js';

export interface RecordOptions {
  /** @default that of `mashup` */
  readonly instance?: Mashup;
  /**
   * The properties of JSON bodies, at any depth, whose values are recorded; the others become '…', 0 or false. `true`: all of
   * them, and bodies that are not JSON.
   * @default []
   */
  readonly fields?: readonly string[] | true;
  /** The names of the query whose values are recorded. Requests that differ in other values count as equal. @default [] */
  readonly query?: readonly string[];
  /** Headers of answers that are recorded besides Content-Type and those on caching and redirects. @default [] */
  readonly headers?: readonly string[];
}

const usualHeaders = [
  ...['content-type', 'cache-control', 'etag', 'last-modified', 'vary', 'cache-groups'],
  ...['location', 'retry-after'],
];

/**
 * Answers the requests of an instance from a file, strictly as `mockUpstreams` does. With MASHUP_RECORD=1 in the environment, real
 * upstreams are asked, and the first `done()` writes the file. A recording holds what is allowed and nothing else: never a header
 * or a body that was sent. Paths and names of properties are recorded as they are.
 *
 * @param file JSON, relative to the working directory
 * @throws {Error} if MASHUP_RECORD=1 and CI are both set, or if there is no such file
 * @throws {ConfigError} if the file is not a recording
 * @example using upstreams = record('test/city.json', { fields: ['temp', 'title'] });
 */
export function record(file: string, options: RecordOptions = {}): MockedUpstreams {
  const { fields = [], query = [], headers = [] } = options;
  const allowed: Allowed = {
    headers: new Set([...usualHeaders, ...headers.map((name) => name.toLowerCase())]),
    query: new Set(query),
    fields: fields === true ? null : new Set(fields),
  };
  const instance = readInstance(options.instance ?? defaultMashup);
  return isRecording() ? recordTo(file, instance, allowed) : replayFrom(file, instance, allowed);
}

function isRecording(): boolean {
  const { MASHUP_RECORD: asked, CI: ci = '' } = process.env;
  if (asked !== '1') return false;
  if (ci === '' || ci === 'false') return true;
  throw new Error('MASHUP_RECORD=1 has no place where CI is set: record on your own machine, and look at the file');
}

function recordTo(file: string, instance: MashupInstance, allowed: Allowed): MockedUpstreams {
  const recorder = new RecordingConnections(instance.connections, allowed);
  const mocks = new Mocks({}, recorder, () => instance.clock, { find: () => 'pass' });
  return install(instance, mocks, () => {
    if (recorder.problems.size > 0) throw new Error(`${file} is not written: ${[...recorder.problems].join('; ')}`);
    write(file, { recordedBy: 'express-mashup/testing', answers: recorder.answers });
  });
}

/** Whole or not at all. */
function write(file: string, recording: object): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify(recording, null, 2)}\n`);
  renameSync(`${file}.part`, file);
}

function replayFrom(file: string, instance: MashupInstance, { query }: Allowed): MockedUpstreams {
  const replay = new Replay(read(file), file, query);
  return install(instance, new Mocks({}, instance.connections, () => instance.clock, replay));
}

function read(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`there is no recording ${file}: make it with MASHUP_RECORD=1`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
