/** The most characters of somebody else's text that a message shows. */
const mostShown = 200;

// Control and format characters (Trojan-source ones too), halves of surrogate pairs, line and paragraph separators.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text that may stand in a message: on one line, nothing in it that a terminal obeys, and not more than `most` of it. */
export function shown(text: string, most = mostShown): string {
  const plain = text
    .slice(0, most + 1)
    .replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  // A pair that the first cut halved is past the second one, or escaped.
  return plain.length <= most ? plain : `${plain.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…`;
}
