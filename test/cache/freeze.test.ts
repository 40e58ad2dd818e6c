import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { freeze } from '../../src/cache/freeze.js';

/** Whether all that can be reached is frozen. */
function isDeeplyFrozen(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return true;
  seen.add(value);
  return Object.isFrozen(value) && Object.values(value).every((one) => isDeeplyFrozen(one, seen));
}

test('JSON is frozen deeply, and stays what it was', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const data: unknown = JSON.parse(json);
      for (const isJson of [true, false]) {
        const copy = structuredClone(data);
        expect(freeze(copy, isJson)).toEqual(expect.any(Number));
        expect(isDeeplyFrozen(copy)).toBe(true);
        expect(copy).toEqual(data);
      }
    }),
  );
});

test('nesting has no limit, and neither have cycles, nor what is there twice', () => {
  let deep: unknown[] = [];
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  expect(freeze(deep, true)).toBeGreaterThan(100_000);
  let other: unknown[] = [];
  for (let depth = 0; depth < 100_000; depth++) other = [other];
  expect(freeze(other, false)).toBeGreaterThan(100_000);
  const one: Record<string, unknown> = { n: 1 };
  one['self'] = [one, one];
  expect(freeze(one, false)).not.toBeNull();
  expect(isDeeplyFrozen(one)).toBe(true);
});

test('what was frozen on the outside is frozen on the inside too', () => {
  const data = Object.freeze({ list: [{ n: 1 }] });
  expect(freeze(data, false)).not.toBeNull();
  expect(isDeeplyFrozen(data)).toBe(true);
});

test('objects of another realm are objects', () => {
  const data: unknown = runInContext('({ list: [1, { n: 2 }] })', createContext());
  expect(freeze(data, false)).not.toBeNull();
  expect(isDeeplyFrozen(data)).toBe(true);
});

class Money {
  amount = 1;
}
const getter = {
  get now() {
    return Math.random();
  },
};
const broken = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error('no');
    },
  },
);

test.each<[what: string, value: unknown]>([
  ['bytes', Buffer.from('x')],
  ['typed arrays', new Float64Array(1)],
  ['dates', new Date()],
  ['maps', new Map()],
  ['sets', new Set()],
  ['instances of classes', new Money()],
  ['functions', () => 1],
  ['getters', getter],
  ['members with symbols', { [Symbol('x')]: { n: 1 } }],
  ['hidden members', Object.defineProperty({}, 'x', { value: {}, enumerable: false })],
  ['errors', new Error('x')],
  ['proxies that throw', broken],
])('%s cannot be protected, wherever they are', (_what, value) => {
  expect(freeze(value, false)).toBeNull();
  const whole = { list: [{ value }] };
  expect(freeze(whole, false)).toBeNull();
});

test('the estimate is of the order of what it takes', () => {
  const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `Row ${id}`, price: id / 7, tags: ['a', 'b'] }));
  const bytes = freeze(JSON.parse(JSON.stringify(rows)), true) as number;
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(500_000);
});
