import fc from 'fast-check';
import { decodeEntry, encodeEntry, type SharedEntry } from '../../src/cache/encode.js';

const entry: SharedEntry = {
  key: 'key',
  status: 200,
  url: 'http://a.example.com/',
  headers: { 'content-type': 'application/json', x: ['a', 'b'] },
  body: Buffer.from('{"n":1}'),
  vary: [['accept-language', 'digest']],
  tags: ['one', 'zwei ü'],
  marks: ['m'],
  position: { epoch: 'e', at: 7 },
  bornAt: 1000,
  freshUntil: 2000,
  swrUntil: 3000,
  errorUntil: 4000,
};

test('what is written is what is read, its times moved to the clock of who reads', () => {
  const read = decodeEntry(encodeEntry(entry, 1_000_000), 'key', -1_000_000);
  expect(read).toEqual(entry);
  const later = decodeEntry(encodeEntry(entry, 1_000_000), 'key', -999_000);
  expect(later).toMatchObject({ bornAt: 2000, freshUntil: 3000, swrUntil: 4000, errorUntil: 5000 });
});

test('bodies may be anything, and as long as they like', () => {
  for (const body of [Buffer.alloc(0), Buffer.alloc(1024 * 1024, 0xff), Buffer.from([0, 10, 13])]) {
    expect(decodeEntry(encodeEntry({ ...entry, body }, 0), 'key', 0)?.body).toEqual(body);
  }
});

test('it is no entry under another key', () => {
  expect(decodeEntry(encodeEntry(entry, 0), 'other', 0)).toBeNull();
});

test('whatever is changed in it, it is no entry any more', () => {
  const bytes = encodeEntry(entry, 0);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ by;
      expect(decodeEntry(changed, 'key', 0)).toBeNull();
    }),
  );
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeEntry(bytes.subarray(0, length), 'key', 0)).toBeNull();
  }
  expect(decodeEntry(Buffer.concat([bytes, Buffer.from('x')]), 'key', 0)).toBeNull();
});

test('bytes of others are no entry, and throw nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (given, isSigned) => {
      const bytes = isSigned ? Buffer.concat([encodeEntry(entry, 0).subarray(0, 8), given]) : given;
      expect(decodeEntry(bytes, 'key', 0)).toBeNull();
    }),
  );
});

test.each<[what: string, change: object]>([
  ['a status that is none', { status: 'ok' }],
  ['no times', { freshUntil: 'soon' }],
  ['headers that are none', { headers: { a: 1 } }],
  ['headers that are a list', { headers: [] }],
  ['tags that are none', { tags: [1] }],
  ['marks that are none', { marks: 'm' }],
  ['a position that is none', { position: { epoch: 1, at: 1 } }],
  ['a Vary that is none', { vary: [['a']] }],
  ['no URL', { url: 1 }],
])('with %s it is no entry, though it is well signed', (_what, change) => {
  expect(decodeEntry(encodeEntry({ ...entry, ...change } as SharedEntry, 0), 'key', 0)).toBeNull();
});
