import { hookFailure } from '../hook.js';

const MOST = 100;
const warned = new Set<string>();

/** Warns that a part could not be rendered, for visitors only see its failure. Once for each message. */
export function warnOfPart(cause: unknown): void {
  const { message } = hookFailure('rendering a part of a page threw', cause);
  if (warned.has(message) || warned.size === MOST) return;
  warned.add(message);
  process.emitWarning(message, { code: 'MASHUP_HTML' });
}
