import type { LookupAddress } from 'node:dns';
import { jest } from '@jest/globals';

type Answer = Error | LookupAddress[];
type Callback = (error: Error | null, addresses?: LookupAddress[]) => void;

let answer: Answer = [];
const asked: unknown[] = [];

// The one place where names are looked up: no test may depend on a name server.
jest.unstable_mockModule('node:dns', () => ({
  lookup(name: string, options: object, callback: Callback) {
    asked.push([name, options]);
    if (answer instanceof Error) callback(answer);
    else callback(null, answer);
  },
}));
const { BlockedError, publicLookup } = await import('../../src/transport/address.js');

function look(found: Answer, options: { all?: boolean; family?: number }): Promise<unknown[]> {
  answer = found;
  return new Promise((resolve) => publicLookup('api.example.com', options, (...result) => resolve(result)));
}

const v4 = (address: string): LookupAddress => ({ address, family: 4 });
const v6 = (address: string): LookupAddress => ({ address, family: 6 });
const blocked = [expect.any(BlockedError), []];

describe('publicLookup', () => {
  test('gives the addresses that it has checked', async () => {
    const found = [v4('8.8.8.8'), v6('2606:4700::1111')];
    expect(await look(found, { all: true })).toEqual([null, found]);
    expect(await look(found, {})).toEqual([null, '8.8.8.8', 4]);
  });

  test('asks for all addresses, even where one is wanted', async () => {
    await look([v4('8.8.8.8')], { family: 4 });
    expect(asked.at(-1)).toEqual(['api.example.com', { family: 4, all: true }]);
  });

  test.each<[string, LookupAddress[]]>([
    ['a private address', [v4('10.0.0.1')]],
    ['a private address after a public one', [v4('8.8.8.8'), v4('127.0.0.1')]],
    ['a private address of the other family', [v4('8.8.8.8'), v6('::1')]],
    ['an IPv6 address that embeds a private one', [v6('::ffff:169.254.169.254')]],
    ['no address', []],
  ])('refuses a name with %s', async (_, found) => {
    expect(await look(found, { all: true })).toEqual(blocked);
    expect(await look(found, {})).toEqual(blocked);
  });

  test('says which name it refused, and not its addresses', async () => {
    const [error] = (await look([v4('10.9.8.7')], {})) as [Error];
    expect(error.message).toBe('api.example.com is not a public internet address');
  });

  test('hands on that a name is not known', async () => {
    const error = new Error('getaddrinfo ENOTFOUND');
    expect(await look(error, { all: true })).toEqual([error, []]);
  });
});
