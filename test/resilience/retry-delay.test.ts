import { DataAnswer } from '../../src/answer/data-answer.js';
import { WireAnswer } from '../../src/answer/wire-answer.js';
import { Failure } from '../../src/errors.js';
import { retryDelay } from '../../src/stages/retry.js';

const date = Date.UTC(2026, 2, 1, 12, 0, 0);
const refused = new Failure('ERR_UPSTREAM_CONNECT', 'no connection');

function answer(...retryAfter: string[]): WireAnswer {
  const headers = retryAfter.flatMap((value) => [Buffer.from('Retry-After'), Buffer.from(value)]);
  return new WireAnswer(503, headers, 'http://127.0.0.1/');
}

describe('with nothing asked for, full jitter over an exponential back-off', () => {
  test.each<[tried: number, backoff: number, random: number, expected: number]>([
    [0, 100, 0, 0],
    [0, 100, 0.5, 50],
    [0, 100, 0.999, 99.9],
    [1, 100, 0.5, 100],
    [2, 100, 0.5, 200],
    [3, 100, 0.25, 200],
    [3, 1, 0.5, 4],
    [8, 100, 0.5, 12_800],
    [9, 100, 0.5, 15_000],
    [5000, 100, 0.5, 15_000],
    [5000, 100, 0, 0],
    [0, 2 ** 31 - 1, 0.5, 15_000],
  ])('%i attempts before, back-off %i, random %d: %d ms', (tried, backoff, random, expected) => {
    expect(retryDelay(refused, tried, backoff, random, date)).toBeCloseTo(expected, 6);
    expect(retryDelay(answer(), tried, backoff, random, date)).toBeCloseTo(expected, 6);
  });
});

describe('Retry-After', () => {
  test.each([
    ['0', 0],
    ['1', 1000],
    [' 3 ', 3000],
    ['007', 7000],
    ['120', 120_000],
    ['1000000000', 1e12],
    ['9'.repeat(400), Number.POSITIVE_INFINITY],
    ['Sun, 01 Mar 2026 12:00:05 GMT', 5000],
    ['Sun, 01 Mar 2026 13:00:00 GMT', 3_600_000],
    ['Sun, 01 Mar 2026 12:00:00 GMT', 0],
    ['Sun, 01 Mar 2026 11:59:00 GMT', 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Sunday, 01-Mar-26 12:00:05 GMT', 5000],
    ['Sun Mar  1 12:00:05 2026', 5000],
  ])('%p is %d ms, whatever the back-off', (value, expected) => {
    for (const random of [0, 0.5, 0.999]) expect(retryDelay(answer(value), 3, 100, random, date)).toBe(expected);
  });

  test.each([
    '',
    'soon',
    'in 5 minutes',
    '-5',
    '1.5',
    '1e3',
    '0x10',
    '5s',
    '1, 2',
    '5; 6',
    'Infinity',
    'NaN',
    'null',
    'Someday, 99 Foo 2026 99:99:99 GMT',
    'Sun, 32 Mar 2026 25:00:00 GMT',
  ])('%p says nothing: the back-off it is', (value) => {
    expect(retryDelay(answer(value), 1, 100, 0.5, date)).toBe(100);
  });

  test('said twice counts once where it is the same, and else says nothing', () => {
    const then = 'Sun, 01 Mar 2026 12:00:05 GMT';
    for (const twice of [answer('5', '5'), answer('5, 5'), answer(then, then), answer(`${then}, ${then}`)]) {
      expect(retryDelay(twice, 0, 100, 0.5, date)).toBe(5000);
    }
    expect(retryDelay(answer('1', '2'), 0, 100, 0.5, date)).toBe(50);
  });

  test('of an axios instance counts as well', () => {
    const head = { status: 503, headers: { 'retry-after': '2' }, url: 'http://127.0.0.1/' };
    expect(retryDelay(new DataAnswer(head, null, false), 0, 100, 0.5, date)).toBe(2000);
    const list = { ...head, headers: { 'retry-after': ['2', '3'] } };
    expect(retryDelay(new DataAnswer(list, null, false), 0, 100, 0.5, date)).toBe(50);
  });
});
