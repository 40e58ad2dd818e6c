// Where other entries meet the core. Symbols of the global registry: the two may be of two copies of the package, such as one that was
// imported and one that was required.
import { Failure, type UpstreamErrorCode } from './errors.js';
import { version } from './version.js';

// With the version, because another version has other internals.
const instanceMark = Symbol.for(`express-mashup.instance@${version}`);
const failureMark = Symbol.for('express-mashup.failure');

/** Notes which instance a mashup makes pages on. */
export function noteInstance(mashup: object, instance: object): void {
  Object.defineProperty(mashup, instanceMark, { value: instance });
}

/** The instance that a mashup makes pages on; null for anything else, a mashup of another version included. */
export function instanceOf(mashup: unknown): unknown {
  return typeof mashup === 'function' ? ((mashup as { [instanceMark]?: unknown })[instanceMark] ?? null) : null;
}

/** Notes that an attempt that ends with this error has failed in a way that the transport would not read from it. */
export function noteFailure<E extends Error>(error: E, code: UpstreamErrorCode): E {
  return Object.defineProperty(error, failureMark, { value: code });
}

/** The failure that was noted of an error; null where none was. */
export function failureOf(error: Error): Failure | null {
  const code = (error as { [failureMark]?: UpstreamErrorCode })[failureMark];
  return code === undefined ? null : new Failure(code, error.message, error);
}

const incompleteMark = Symbol.for('express-mashup.incomplete');

/** What a schema of ours found in an answer: its data, or null, and why that is not all. */
interface Incomplete {
  readonly data: unknown;
  readonly failure: Failure;
}

/** What a schema of ours gives as its value where the answer is not whole. With null as its data the call has failed. */
export function incomplete(data: unknown, code: UpstreamErrorCode, message: string, cause?: unknown): object {
  return { [incompleteMark]: { data, code, message, cause } };
}

/** What was found, where that is not all; null for whole data. */
export function incompleteOf(value: unknown): Incomplete | null {
  if (typeof value !== 'object' || value === null) return null;
  const found = (
    value as { [incompleteMark]?: { data: unknown; code: UpstreamErrorCode; message: string; cause: unknown } }
  )[incompleteMark];
  return found === undefined
    ? null
    : { data: found.data, failure: new Failure(found.code, found.message, found.cause) };
}

/** The vendor of schemas of ours. */
export const ourVendor = 'express-mashup';
