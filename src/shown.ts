/** The most characters of somebody else's text that a message shows. */
const MOST = 200;

/**
 * A text as messages, logs and terminals may show it: control characters, and those that change the direction of text, are
 * spelled out, and it is cut to `most` characters. It is cut before it is searched, because it may have megabytes.
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
