import { createHash } from 'node:crypto';
import { isPlainObject } from '../plain.js';

/** Characters, bytes and members together. More would hold the event loop for a page that seldom stays the same. */
const MOST = 1024 * 1024;
const DEEPEST = 100;

/** A digest of data, which differs where the data does; null where that cannot be told, or where it is too much to read. */
export function digestOf(data: unknown): string | null {
  const isBytes = data instanceof Uint8Array;
  if (isBytes ? data.length > MOST : !isReadable(data)) return null;
  try {
    const hash = createHash('sha256').update(isBytes ? 'bytes' : 'json');
    return hash.update(isBytes ? data : (JSON.stringify(data) ?? 'undefined')).digest('base64url');
  } catch {
    return null;
  }
}

/** Whether JSON says all of it: a Map, a class's private fields, or NaN would look the same whatever they hold. */
function isReadable(data: unknown): boolean {
  let left = MOST;
  return reads(data, DEEPEST);

  function hasRoom(length: number): boolean {
    left -= length;
    return left >= 0;
  }

  function reads(value: unknown, depth: number): boolean {
    if (!hasRoom(1) || depth === 0) return false;
    if (value === null || value === undefined || typeof value === 'boolean') return true;
    if (typeof value === 'number') return Number.isFinite(value);
    if (typeof value === 'string') return hasRoom(value.length);
    if (Array.isArray(value)) return value.every((one) => reads(one, depth - 1));
    if (!isPlainObject(value)) return value instanceof Date;
    return Object.keys(value).every((key) => hasRoom(key.length) && reads(value[key], depth - 1));
  }
}
