const MOST = 100;
const warned = new Set<string>();

/** Warns of what is most likely a mistake, once for each message. The code has an entry in docs/warnings.md. */
export function warnOnce(
  code: 'MASHUP_HTML' | 'MASHUP_LOCALS' | 'MASHUP_PAGES' | 'MASHUP_TIMEOUT',
  message: string,
): void {
  if (warned.has(message) || warned.size === MOST) return;
  warned.add(message);
  process.emitWarning(`express-mashup: ${message}`, { code });
}
