/** The most characters of somebody else's text that a message shows. */
const MOST = 200;

/**
 * A text as messages, logs and terminals may show it: controls, escapes and what turns the direction of text are spelled out,
 * and it has at most so many characters. What others send may have megabytes, so it is cut before it is searched.
 */
export function shown(text: string, most = MOST): string {
  const spelled = cut(text, most).replace(/[\p{C}\u2028\u2029]/gu, spellOut);
  if (text.length <= most && spelled.length <= most) return spelled;
  return `${cut(spelled, most - 1)}…`;
}

function spellOut(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The beginning of a text, which ends between two characters and not within one. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}
