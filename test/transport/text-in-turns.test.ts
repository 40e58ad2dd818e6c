import { randomBytes } from 'node:crypto';
import { Pieces } from '../../src/answer/body.js';
import { type ContentType, decodeText } from '../../src/answer/text.js';
import { readText } from '../../src/answer/text-in-turns.js';

const KiB = 1024;
const plain = (charset: string | null): ContentType => ({ kind: 'text', charset });
const read = async (body: Buffer, type: ContentType) => await readText(body, type, null);

// Of one, two, three and four bytes, with halves of them and bytes that are never right.
const pieces = ['a', 'ø', '€', '😀', '\ufeff'].map((text) => Buffer.from(text));
const broken = [[0x80], [0xe2, 0x82], [0xf0, 0x9f], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]].map((list) =>
  Buffer.from(list),
);

function mixed(size: number): Buffer {
  const all = [...pieces, ...broken];
  const picks = randomBytes(size / 2);
  return Buffer.concat(Array.from(picks, (pick) => all[pick % all.length] as Buffer)).subarray(0, size);
}

describe('a large text that is decoded in turns', () => {
  test.each(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'shift_jis', 'gb18030', 'euc-kr', 'iso-2022-jp', 'big5'])(
    'is what it would be in one go: %s',
    async (charset) => {
      for (const body of [mixed(600 * KiB), randomBytes(600 * KiB + 1), Buffer.alloc(500 * KiB, 0x80)]) {
        expect((await read(body, plain(charset))) === decodeText(body, plain(charset))).toBe(true);
      }
    },
  );

  test('is cut between the characters of UTF-8 wherever they begin', async () => {
    for (let start = 0; start < 8; start++) {
      const text = 'a'.repeat(start) + '😀€ø'.repeat(60 * KiB);
      expect((await read(Buffer.from(text), plain(null))) === text).toBe(true);
    }
  });

  test('has no byte order mark', async () => {
    const text = 'ø'.repeat(300 * KiB);
    expect((await read(Buffer.from(`\ufeff${text}`), plain(null))) === text).toBe(true);
    expect((await read(Buffer.from(`\ufeff${text}`, 'utf16le'), plain(null))) === text).toBe(true);
  });

  test('may have come in pieces', async () => {
    const body = new Pieces(Buffer.from('a'));
    for (let at = 0; at < 100; at++) body.add(Buffer.alloc(10 * KiB, 'b'));
    expect((await readText(body, plain(null), null)) === `a${'b'.repeat(1000 * KiB)}`).toBe(true);
  });

  test('does not keep others waiting: timers and what came meanwhile have their turns', async () => {
    let turns = 0;
    let done = false;
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await read(Buffer.alloc(3 * 1024 * KiB, 'a'), plain('shift_jis'));
    done = true;
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  test('is given up when nobody waits for it any longer', async () => {
    const call = { over: false };
    const body = Buffer.alloc(50 * 1024 * KiB, 'a');
    const text = readText(body, plain('shift_jis'), call);
    call.over = true;
    expect(await text).toBe('');
  });
});

test('small texts are decoded at once, as many as a turn has time for', async () => {
  await new Promise((resolve) => setImmediate(resolve));
  const body = Buffer.alloc(100 * KiB, 'a');
  const results = Array.from({ length: 6 }, () => readText(body, plain(null), null));
  expect(results.map((result) => typeof result)).toEqual(['string', 'string', ...Array(4).fill('object')]);
  for (const text of await Promise.all(results)) expect(text).toHaveLength(100 * KiB);
});
