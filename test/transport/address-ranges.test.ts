import ipaddr from 'ipaddr.js';
import { isPublicAddress } from '../../src/transport/address.js';
import { isSoak } from '../support/soak.js';

// Another's tables of the same registries. What they count as unicast although it leads to somebody else, or nowhere:
const besides = ['168.63.129.16/32', '2001::/23', '2002::/16'].map((range) => ipaddr.parseCIDR(range));
const nat64 = ipaddr.parseCIDR('64:ff9b::/96') as [ipaddr.IPv6, number];

function expected(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address instanceof ipaddr.IPv6) {
    if (address.isIPv4MappedAddress()) return expected(address.toIPv4Address());
    if (address.match(...nat64)) return expected(new ipaddr.IPv4(address.toByteArray().slice(12)));
    if (((address.parts[0] ?? 0) & 0xe000) !== 0x2000) return false;
  }
  if (address.range() !== 'unicast') return false;
  return !besides.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

/** The first and the last address of each range that is special to somebody, and their neighbours. */
function* edges(length: 4 | 16): Generator<number[]> {
  const tables = (length === 4 ? ipaddr.IPv4 : ipaddr.IPv6).prototype as unknown as {
    SpecialRanges: Record<string, unknown>;
  };
  const ranges = Object.values(tables.SpecialRanges).flatMap((value) =>
    Array.isArray((value as unknown[])[0]) ? (value as [ipaddr.IPv4, number][]) : [value as [ipaddr.IPv4, number]],
  );
  for (const [start, bits] of [...ranges, ...besides.filter(([range]) => range.toByteArray().length === length)]) {
    const first = toNumber(start.toByteArray());
    const size = 1n << BigInt(8 * length - (bits as number));
    for (const value of [first - 1n, first, first + 1n, first + size - 1n, first + size]) yield toBytes(value, length);
  }
}

const toNumber = (bytes: number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function toBytes(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, at) => Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn));
}

/** Numbers below 256, the same every time (a linear congruential generator). */
function bytesFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
}

/** Those of these addresses that are judged otherwise. One look at all of them, for one at each took seconds. */
function misjudged(all: Iterable<number[]>): string[] {
  const addresses = Array.from(all, (bytes) => ipaddr.fromByteArray(bytes));
  return addresses.filter((one) => isPublicAddress(one.toString()) !== expected(one)).map(String);
}

const embeddings = [
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
];

test('at the edges of all special ranges an address is public where the tables of ipaddr.js say so', () => {
  const four = [...edges(4)];
  const embedded = embeddings.flatMap((prefix) => four.map((bytes) => [...prefix, ...bytes]));
  expect(misjudged([...four, ...embedded, ...edges(16)])).toEqual([]);
});

function* atRandom(seed: number, count: number): Generator<number[]> {
  const next = bytesFrom(seed);
  for (let run = 0; run < count; run++) {
    const four = [next(), next(), next(), next()];
    yield four;
    yield [...(embeddings[run % 2] as number[]), ...four];
    // Within 2000::/3, where most that is special is.
    yield [0x20 | (next() & 1), next() & 7, ...Array.from({ length: 14 }, next)];
    yield Array.from({ length: 16 }, next);
  }
}

test.each([1, 2, 3])('of addresses at random, too, seed %i, those are public that ipaddr.js takes for it', (seed) => {
  expect(misjudged(atRandom(seed, isSoak ? 50_000 : 5000))).toEqual([]);
});
