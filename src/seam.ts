// Where /testing meets the core. Symbols of the global registry: the two may be of two copies of the package, such as one that was
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
