import { shown } from './shown.js';

/** Every code an {@link UpstreamError} can have. Each has an entry in docs/errors.md. */
export const errorCodes = [
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_DEADLINE',
  'ERR_UPSTREAM_CANCELED',
  'ERR_UPSTREAM_CONNECT',
  'ERR_UPSTREAM_NETWORK',
  'ERR_UPSTREAM_STATUS',
  'ERR_UPSTREAM_BODY',
  'ERR_UPSTREAM_SCHEMA',
  'ERR_UPSTREAM_TOO_LARGE',
  'ERR_UPSTREAM_REDIRECT',
  'ERR_UPSTREAM_BLOCKED',
  'ERR_UPSTREAM_CIRCUIT_OPEN',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_QUOTA',
  'ERR_UPSTREAM_URL',
  'ERR_UPSTREAM_DEPENDENCY',
  'ERR_UPSTREAM_ITEMS',
  'ERR_UPSTREAM_HOOK',
  'ERR_UPSTREAM_GRAPHQL',
] as const;

export type UpstreamErrorCode = (typeof errorCodes)[number];

/**
 * A failure on its way to becoming the error of an outcome: a value, so that nothing is thrown inside and no stack is
 * recorded before somebody can read it. Its message says what went wrong, without saying for whom.
 *
 * @internal
 */
export class Failure {
  readonly code: UpstreamErrorCode;
  readonly message: string;
  readonly cause: unknown;
  /** The status of the answer that was the failure. */
  readonly upstreamStatus: number | null;
  /** Whether the client caused it (a wrong parameter, a short deadline), so that it says nothing of the upstream. */
  readonly byClient: boolean;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    cause?: unknown,
    upstreamStatus: number | null = null,
    byClient = false,
  ) {
    this.code = code;
    this.message = message;
    this.cause = cause;
    this.upstreamStatus = upstreamStatus;
    this.byClient = byClient;
  }
}

/** What is known of a failure besides its message. */
export interface UpstreamErrorDetails {
  upstream?: string;
  url?: string | null;
  upstreamStatus?: number | null;
  attempts?: number;
  cause?: unknown;
  byClient?: boolean;
}

// Symbols of the global registry, so that the guards recognise errors of another copy of the package.
const upstreamMark = Symbol.for('express-mashup.UpstreamError');
const configMark = Symbol.for('express-mashup.ConfigError');

/**
 * The failure of one call. Its message and its JSON hold no header that was sent, no credentials and no query value.
 * `status` and `statusCode` say what the page should answer; Express's own error handler reads them.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code: UpstreamErrorCode;
  /** The name of the upstream in the map. */
  readonly upstream: string;
  /** The URL that was asked, without query values; null if there was none yet. */
  readonly url: string | null;
  /** The status the upstream answered with; null if it did not answer. */
  readonly upstreamStatus: number | null;
  /** What the page should answer: 400, 404, 410, 500, 502, 503 or 504. */
  readonly status: number;
  readonly statusCode: number;
  /** How many attempts were made. */
  readonly attempts: number;

  constructor(code: UpstreamErrorCode, message: string, details: UpstreamErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.upstream = details.upstream ?? '';
    this.url = details.url ?? null;
    this.upstreamStatus = details.upstreamStatus ?? null;
    this.status = pageStatus(code, this.upstreamStatus, details.byClient ?? false);
    this.statusCode = this.status;
    this.attempts = details.attempts ?? 0;
  }

  toJSON(): Record<string, unknown> {
    const { name, code, message, upstream, url, upstreamStatus, status, attempts } = this;
    return { name, code, message, upstream, url, upstreamStatus, status, attempts };
  }
}

// Outside of the class: the bundler renames a class that refers to itself, and the new name would be printed.
Object.defineProperty(UpstreamError.prototype, upstreamMark, { value: true });

/** One mistake in a config: where it is, and what is wrong with it and how to mend it. */
export interface ConfigProblem {
  path: string;
  message: string;
}

/** A wrong config, thrown when the page is made. It lists every problem, not only the first. */
export class ConfigError extends TypeError {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_MASHUP_CONFIG';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => `\n  - ${path === '' ? message : `${shown(path)}: ${message}`}`);
    super(
      `${problems.length === 1 ? 'a problem' : `${problems.length} problems`} in the mashup config:${lines.join('')}`,
    );
    this.problems = problems;
  }
}

Object.defineProperty(ConfigError.prototype, configMark, { value: true });

/** Collects what is wrong with a config, so that all of it is said at once. @internal */
export class Problems {
  readonly #problems: ConfigProblem[] = [];

  add(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  get list(): readonly ConfigProblem[] {
    return this.#problems;
  }

  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }
}

/** Whether a value is an {@link UpstreamError}, of whichever copy of the package. */
export function isUpstreamError(value: unknown): value is UpstreamError {
  return value instanceof Error && (value as { [upstreamMark]?: true })[upstreamMark] === true;
}

/** Whether a value is a {@link ConfigError}, of whichever copy of the package. */
export function isConfigError(value: unknown): value is ConfigError {
  return value instanceof Error && (value as { [configMark]?: true })[configMark] === true;
}

const notAsked: ReadonlySet<UpstreamErrorCode> = new Set([
  'ERR_UPSTREAM_CIRCUIT_OPEN',
  'ERR_UPSTREAM_OVERLOAD',
  'ERR_UPSTREAM_QUOTA',
]);

function pageStatus(code: UpstreamErrorCode, upstreamStatus: number | null, byClient: boolean): number {
  if (code === 'ERR_UPSTREAM_TIMEOUT' || code === 'ERR_UPSTREAM_DEADLINE') return 504;
  if (notAsked.has(code)) return 503;
  if (code === 'ERR_UPSTREAM_STATUS' && (upstreamStatus === 404 || upstreamStatus === 410)) return upstreamStatus;
  if (byClient && (code === 'ERR_UPSTREAM_URL' || code === 'ERR_UPSTREAM_ITEMS')) return 400;
  // The page's own code failed.
  return code === 'ERR_UPSTREAM_HOOK' ? 500 : 502;
}
