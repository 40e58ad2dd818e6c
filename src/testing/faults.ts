// The words for what an upstream answers and how it fails. Whoever breaks an upstream on purpose uses these.
import { types } from 'node:util';
import type { Problems, UpstreamErrorCode } from '../errors.js';
import { isPlainObject } from '../plain.js';

/** Where in an answer it goes wrong: instead of the head, or in the middle of the body. */
export type FaultPlace = true | 'body';

/** The errors that an attempt can end with. The others come about in the page: by its deadline, its breaker, its schema. */
export const attemptErrors = [
  'ERR_UPSTREAM_CONNECT',
  'ERR_UPSTREAM_NETWORK',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_BODY',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_BLOCKED',
] as const satisfies readonly UpstreamErrorCode[];

/** An answer in words. At most one of `stall`, `reset`, `truncate` and `error`; the others can be combined. */
export interface Reply {
  /** 200 to 599. @default 200 */
  readonly status?: number;
  /** Content-Type and Content-Length are added. */
  readonly headers?: Readonly<Record<string, string | number | readonly string[]>>;
  /** Bytes are sent as they are, and so is text under a Content-Type that is not JSON. Anything else is sent as JSON. @default no body */
  readonly body?: unknown;
  /** Milliseconds before the head. @default 0 */
  readonly delay?: number;
  /** Milliseconds over which the body is spread, in ten pieces. @default 0 */
  readonly drip?: number;
  /** Nothing more comes, and the connection stays open. */
  readonly stall?: FaultPlace;
  /** The connection is reset. */
  readonly reset?: FaultPlace;
  /** The connection is closed after half of the body. */
  readonly truncate?: true;
  /** The attempt ends with this code at once. */
  readonly error?: (typeof attemptErrors)[number];
}

/** A reply that was checked, with its body in bytes. */
export interface Script {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly delay: number;
  readonly drip: number;
  readonly end: 'whole' | 'stall' | 'reset' | 'truncate' | (typeof attemptErrors)[number];
  readonly place: 'head' | 'body';
}

const json = [['content-type', 'application/json'] as const];

/** What can go wrong with an upstream, by the name that reports give it: what changes in its answer. */
export const everyWay: Readonly<Record<string, Partial<Script>>> = {
  refused: { end: 'ERR_UPSTREAM_CONNECT', place: 'head' },
  silent: { end: 'stall', place: 'head' },
  'slow (600 ms)': { delay: 600 },
  'dripping (600 ms)': { drip: 600 },
  'stalled in the body': { end: 'stall', place: 'body' },
  'reset at once': { end: 'reset', place: 'head' },
  'reset in the body': { end: 'reset', place: 'body' },
  truncated: { end: 'truncate', place: 'body' },
  'status 404': { status: 404 },
  'status 500': { status: 500, headers: json, body: Buffer.from('{"message":"broken"}') },
  'status 503': { status: 503, headers: [['retry-after', '1']], body: Buffer.alloc(0) },
  'not JSON': { headers: json, body: Buffer.from('<html>') },
  'a list instead': { headers: json, body: Buffer.from('[]') },
  'an empty object instead': { headers: json, body: Buffer.from('{}') },
  'null instead': { headers: json, body: Buffer.from('null') },
};

const words: ReadonlySet<string> = new Set(
  Object.keys({
    status: 0,
    headers: 0,
    body: 0,
    delay: 0,
    drip: 0,
    stall: 0,
    reset: 0,
    truncate: 0,
    error: 0,
  } satisfies Record<keyof Reply, 0>),
);
const ends = ['stall', 'reset', 'truncate', 'error'] as const;

/** A 200 without a body. */
export const emptyScript: Script = {
  status: 200,
  headers: [],
  body: Buffer.alloc(0),
  delay: 0,
  drip: 0,
  end: 'whole',
  place: 'head',
};

/** The script of an answer that is given as data, or in words where one of them is there. */
export function readReply(value: unknown, path: string, problems: Problems): Script {
  if (!isPlainObject(value) || !Object.keys(value).some((key) => words.has(key)))
    return answer({ body: value }, path, problems);
  const strange = Object.keys(value).filter((key) => !words.has(key));
  if (strange.length > 0) {
    const why = `${strange.map((key) => `'${key}'`).join(', ')}: not a word of a reply`;
    problems.add(path, `${why}; if this object is the data, write { body: … } around it`);
    return emptyScript;
  }
  const wrong = wrongWord(value as Reply);
  if (wrong !== null) {
    problems.add(path, wrong);
    return emptyScript;
  }
  return answer(value as Reply, path, problems);
}

function wrongWord({ status = 200, headers = {}, delay = 0, drip = 0, ...reply }: Reply): string | null {
  const data = '; if this object is the data, write { body: … } around it';
  if (!Number.isInteger(status) || status < 200 || status > 599) return `status: a whole number from 200 to 599${data}`;
  if (!isPlainObject(headers)) return `headers: an object of names and values${data}`;
  for (const [word, ms] of [['delay', delay] as const, ['drip', drip] as const]) {
    if (typeof ms !== 'number' || !(ms >= 0 && ms < 2 ** 31)) return `${word}: milliseconds${data}`;
  }
  for (const word of ['stall', 'reset'] as const) {
    const place = reply[word];
    if (place !== undefined && place !== true && place !== 'body') return `${word}: true or 'body'${data}`;
  }
  if (reply.truncate !== undefined && reply.truncate !== true) return `truncate: true${data}`;
  if (reply.error !== undefined && !attemptErrors.includes(reply.error)) {
    const other = 'the other codes come about in the page: use stall, status or a body';
    return `error: one of ${attemptErrors.join(', ')} (${other})${data}`;
  }
  const given = ends.filter((word) => reply[word] !== undefined);
  return given.length > 1 ? `${given.join(' and ')} exclude each other` : null;
}

function answer(reply: Reply, path: string, problems: Problems): Script {
  const { status = 200, delay = 0, drip = 0, stall, reset, truncate, error } = reply;
  const headers = Object.entries(reply.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => [name.toLowerCase(), String(one)] as const),
  );
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? null;
  const content = contentOf(reply, type);
  if (typeof content === 'string') {
    problems.add(path, content);
    return emptyScript;
  }
  const place = [stall, reset, truncate && 'body'].includes('body') ? 'body' : 'head';
  const end = error ?? (stall ? 'stall' : reset ? 'reset' : truncate ? 'truncate' : 'whole');
  const added = type === null && content.type !== null ? [['content-type', content.type] as const] : [];
  return { status, headers: [...headers, ...added], body: content.body, delay, drip, end, place };
}

/** The bytes of a body, or what is wrong with it. */
function contentOf(reply: Reply, type: string | null): { body: Buffer; type: string | null } | string {
  const { body } = reply;
  if (!('body' in reply)) return { body: Buffer.alloc(0), type: null };
  if (types.isUint8Array(body)) return { body: Buffer.from(body), type: 'application/octet-stream' };
  if (typeof body === 'string' && type !== null && !/\bjson\b/i.test(type)) return { body: Buffer.from(body), type };
  try {
    const text = JSON.stringify(body);
    if (text !== undefined) return { body: Buffer.from(text), type: 'application/json' };
    return `${typeof body} is not data: JSON has no word for it`;
  } catch (problem) {
    return `it cannot be written as JSON: ${(problem as Error).message}`;
  }
}
