import { shown } from '../src/shown.js';

describe('a text as messages show it', () => {
  test('leaves what can be seen as it is', () => {
    for (const text of ['', 'a b\\c "d"', 'http://exämple.com/日本', '€ 😀 …']) expect(shown(text, 40)).toBe(text);
  });

  test.each<[string, string, string]>([
    ['line ends', 'a\r\nb', 'a\\x0d\\x0ab'],
    ['line ends of Unicode', 'a\u2028b\u2029c\u0085d', 'a\\u{2028}b\\u{2029}c\\x85d'],
    ['a terminal escape', '\x1b]0;title\x07\x9b31m\x7f', '\\x1b]0;title\\x07\\x9b31m\\x7f'],
    ['NUL and tab', '\0\t', '\\x00\\x09'],
    ['what turns the direction of text', 'a\u202egnp.exe\u2066b\u200f', 'a\\u{202e}gnp.exe\\u{2066}b\\u{200f}'],
    ['what has no width', 'a\u200bb\ufeff\u00ad', 'a\\u{200b}b\\u{feff}\\xad'],
    ['tags, private characters and those that are none', '\u{e0001}\ue000\uffff', '\\u{e0001}\\u{e000}\\u{ffff}'],
    ['half a character', 'a\ud800b\udc00', 'a\\u{d800}b\\u{dc00}'],
  ])('spells out %s', (_, text, spelled) => expect(shown(text)).toBe(spelled));

  test('cuts what is too long, and says so', () => {
    expect(shown('abcdef', 6)).toBe('abcdef');
    expect(shown('abcdefg', 6)).toBe('abcde…');
  });

  test('counts what is spelled out', () => {
    expect(shown('ab\n\n', 10)).toBe('ab\\x0a\\x0a');
    expect(shown('ab\n\n', 9)).toBe('ab\\x0a\\x…');
  });

  test('cuts between characters', () => {
    expect(shown('abc😀😀', 5)).toBe('abc…');
    expect(shown('abcd😀😀', 6)).toBe('abcd…');
    expect(shown('a\n😀b', 7)).toBe('a\\x0a…');
  });

  test('does not search what it cuts off', () => {
    expect(shown('\x1b'.repeat(20_000_000), 100)).toBe(`${'\\x1b'.repeat(24)}\\x1…`);
  });

  test('of a text that is printable is that text', () => {
    const once = shown(`a\n${'b'.repeat(100)}`, 50);
    expect(shown(once, 50)).toBe(once);
  });
});
