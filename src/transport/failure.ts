import { Failure } from '../errors.js';
import { failureOf } from '../seam.js';
import { shown } from '../shown.js';
import { BlockedError } from './address.js';
import { ClosedError } from './connections.js';
import { parseErrorOf } from './parse-error.js';

// Codes of Node, undici, llhttp and OpenSSL. Their messages name addresses and protocol states, never what was sent. Other
// errors, such as those of a user's dispatcher, may contain anything, such as the whole path.
const trusted = /^(E[A-Z]+$|ERR_|UND_ERR_|HPE_|CERT_|DEPTH_|SELF_|UNABLE_|HOSTNAME_)/;

// Such a message may quote a certificate, whose text is the other side's.
const LONGEST = 300;

function describe(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof AggregateError && error.message === '') {
    return shown(error.errors.map((inner: Error) => describe(inner)).join('; '), LONGEST);
  }
  if (code === undefined || !trusted.test(code)) return shown(code ?? error.name, LONGEST);
  const message = shown(error.message, LONGEST);
  return message.includes(code) ? message : `${message} (${code})`;
}

/**
 * The failure for an error of undici or a socket. `sent`: whether the request was given to a connection; `headed`: whether the
 * head of an answer came.
 */
export function transportFailure(error: Error, sent: boolean, headed = false): Failure {
  const noted = failureOf(error);
  if (noted !== null) return noted;
  if (error instanceof ClosedError) return new Failure('ERR_UPSTREAM_CANCELED', error.message);
  if (error instanceof BlockedError) return new Failure('ERR_UPSTREAM_BLOCKED', error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_INVALID_ARG' && /^invalid on[A-Z]\w* method$/.test(error.message)) {
    return new Failure('ERR_UPSTREAM_HOOK', 'the dispatcher is not one of undici 7', error);
  }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new Failure('ERR_UPSTREAM_HOOK', `the request is not valid HTTP: ${shown(error.message, LONGEST)}`, error);
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new Failure('ERR_UPSTREAM_TOO_LARGE', 'its headers are too large', error);
  }
  const parseError = parseErrorOf(error, headed);
  if (parseError !== null) {
    return new Failure('ERR_UPSTREAM_NETWORK', `the answer is not HTTP/1.1: ${shown(parseError, LONGEST)}`, error);
  }
  return sent
    ? new Failure('ERR_UPSTREAM_NETWORK', `the answer broke off: ${describe(error)}`, error)
    : new Failure('ERR_UPSTREAM_CONNECT', `no connection: ${describe(error)}`, error);
}
