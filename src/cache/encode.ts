// An entry as bytes, for the second level: what it is, its version, the length and the digest of the rest, then a head of JSON
// and the body. Whatever is not as it was written is no entry.
import { createHash } from 'node:crypto';
import type { LogPosition } from '../cache-types.js';
import type { Stored } from './entry.js';

/** What is stored for all machines. Times are those of the wall clock; values of Vary are digests. */
export interface SharedEntry extends Omit<Stored, 'encoded'> {
  readonly position: LogPosition;
  readonly tags: readonly string[];
  readonly marks: readonly string[];
  /** What it was stored under, so that it is not taken for the answer to something else. */
  readonly key: string;
}

/** Changes with what is written, so that machines of two versions do not read each other's entries. */
const SIGNATURE = Buffer.from('mashup1\n');
const DIGEST = 16;
const BODY_AT = SIGNATURE.length + DIGEST + 4;

/** @param toWall milliseconds from the clock's time to that since 1970 */
export function encodeEntry({ body, ...head }: SharedEntry, toWall: number): Buffer {
  const json = Buffer.from(JSON.stringify({ ...head, ...shifted(head, toWall) }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([SIGNATURE, digestOf(length, json, body), length, json, body]);
}

/**
 * The entry that bytes are; null where they are none that was stored under this key.
 * @param fromWall milliseconds from the time since 1970 to the clock's
 */
export function decodeEntry(value: Uint8Array, key: string, fromWall: number): SharedEntry | null {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < BODY_AT || !bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return null;
  const rest = bytes.subarray(SIGNATURE.length + DIGEST);
  if (!digestOf(rest).equals(bytes.subarray(SIGNATURE.length, SIGNATURE.length + DIGEST))) return null;
  const end = 4 + rest.readUInt32BE(0);
  try {
    const head: unknown = JSON.parse(rest.toString('utf8', 4, end));
    if (!isHead(head) || head.key !== key) return null;
    // A copy: what is read from a socket may be a view of more than it.
    return { ...head, ...shifted(head, fromWall), body: Buffer.from(rest.subarray(end)) };
  } catch {
    return null;
  }
}

function digestOf(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, DIGEST);
}

type Head = Omit<SharedEntry, 'body'>;

function shifted({ bornAt, freshUntil, swrUntil, errorUntil }: Head, by: number): Partial<Head> {
  return {
    bornAt: bornAt + by,
    freshUntil: freshUntil + by,
    swrUntil: swrUntil + by,
    errorUntil: errorUntil + by,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isTime = (value: unknown): boolean => Number.isFinite(value);

/** Who can write into the store can write a digest too, so the types are looked at. */
function isHead(value: unknown): value is Head {
  const head = value as { readonly [Key in keyof Head]?: unknown } | null;
  if (typeof head !== 'object' || head === null) return false;
  const { key, status, url, headers, vary, position, tags, marks, bornAt, freshUntil, swrUntil, errorUntil } = head;
  return (
    isText(key) &&
    isText(url) &&
    Number.isInteger(status) &&
    [bornAt, freshUntil, swrUntil, errorUntil].every(isTime) &&
    areTexts(tags) &&
    areTexts(marks) &&
    Array.isArray(vary) &&
    vary.every((pair) => areTexts(pair) && (pair as unknown[]).length === 2) &&
    isPosition(position) &&
    areHeaders(headers)
  );
}

function isPosition(value: unknown): boolean {
  const position = value as Partial<Record<keyof LogPosition, unknown>> | null;
  return typeof position === 'object' && position !== null && isText(position.epoch) && Number.isInteger(position.at);
}

function areHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => isText(one) || areTexts(one));
}
