/** Cheap, and true of every path in which {@link pathProblem} could find something. */
export const suspect = /%|\/\.\.?(?:[/;]|$)/;
// With what servers cut a segment short by: a backslash, and path parameters (`..;x`).
const dotSegment = /(?:^|[/\\])\.\.?(?:[/\\;?#]|$)/;
// The controls above ASCII stay encoded below; C0 and C1 begin only overlong UTF-8, an old way to spell `.` and `/`.
const control = /\p{Cc}|%c2%[89]|%c[01]/iu;

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
    text = text.replace(/%([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
