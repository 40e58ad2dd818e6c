import type { Request } from 'express';
import type { Outcome } from './outcome.js';
import { redactUrl } from './redact.js';
import { shown } from './shown.js';

const SILENCE_MS = 60_000;
const MOST = 1000;

const verbs: Readonly<Record<string, string>> = {
  fallback: 'fell back',
  partial: 'is incomplete',
  success: 'is stale',
};

/** Writes a line for each failure, at most one a minute for an upstream and a code. */
export class FailureLog {
  readonly #now: () => number;
  readonly #write: (line: string) => void;
  /** When a line was last written, by upstream and code. */
  readonly #written = new Map<string, number>();

  constructor(now: () => number, write: (line: string) => void) {
    this.#now = now;
    this.#write = write;
  }

  readonly onFailure = ({ name, status, error }: Outcome, { req }: { req: Request | null }): void => {
    if (error === null) return;
    const key = `${name} ${error.code}`;
    const now = this.#now();
    if (now - (this.#written.get(key) ?? -Infinity) < SILENCE_MS) return;
    if (this.#written.size === MOST) this.#written.clear();
    this.#written.set(key, now);
    const [path = ''] = (req?.originalUrl ?? '').split('?');
    const where = req === null ? 'page.run()' : `${req.method} ${shown(redactUrl(path))}`;
    const what = error.message.replace(`upstream '${name}': `, '');
    this.#write(`express-mashup: ${where}: '${name}' ${verbs[status] ?? 'failed'}: ${error.code}, ${what}`);
  };
}
