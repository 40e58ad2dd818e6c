import { hexDigit } from '../hex.js';

/** Cheap, and true of every path in which {@link pathProblem} could find something. */
export const suspect = /%|\/\.\.?(?:[/;]|$)/;
// With what servers cut a segment short by: a backslash, and path parameters (`..;x`).
const dotSegment = /(?:^|[/\\])\.\.?(?:[/\\;?#]|$)/;
// The controls above ASCII stay encoded below; C0 and C1 begin only overlong UTF-8, an old way to spell `.` and `/`.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const control = /[\0-\x1f\x7f-\x9f]|%c(?:[01]|2%[89])/i;

/**
 * What is dangerous in an expanded path: as it is, as the server decodes it, and as a second server behind that one would
 * (so a value `%2e%2e`, which is encoded to `%252e%252e`, is refused too).
 */
export function pathProblem(path: string): string | null {
  let text = path;
  for (let decodings = 0; ; decodings++) {
    if (dotSegment.test(text)) return 'has a "." or ".." segment';
    if (control.test(text)) return 'has a control character';
    if (decodings === 2) return null;
    const decoded = decodeAscii(text);
    if (decoded === text) return null;
    text = decoded;
  }
}

const PERCENT = 0x25;

/** Decodes what is ASCII. By bytes: a client may send thousands, and a callback for each takes twelve times as long. */
function decodeAscii(text: string): string {
  const first = text.indexOf('%');
  if (first === -1) return text;
  const bytes = Buffer.from(text, 'latin1');
  let end = first;
  for (let at = first; at < bytes.length; at++) {
    let byte = bytes[at] as number;
    if (byte === PERCENT) {
      const high = hexDigit(bytes[at + 1]);
      const low = hexDigit(bytes[at + 2]);
      if (high < 8 && low < 16) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[end++] = byte;
  }
  return bytes.toString('latin1', 0, end);
}
