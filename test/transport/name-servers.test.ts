import { getDefaultResultOrder, type LookupAddress, setDefaultResultOrder } from 'node:dns';
import { BlockedError } from '../../src/transport/address.js';
import { askPublic, askServers, type Resolver } from '../../src/transport/dns.js';
import type { Ask } from '../../src/transport/lookup.js';
import { NameServer } from '../faults/name-server.js';
import { ManualClock } from '../support/clock.js';

let server: NameServer;
let clock: ManualClock;
let ask: Ask;

beforeEach(async () => {
  server = await NameServer.start();
  clock = new ManualClock();
  ask = askServers(() => server.resolver(), clock);
});
afterEach(() => server.close());

type Answer = { code?: string | undefined; addresses?: readonly string[]; error?: Error };

function asked(name: string, by = ask): Promise<Answer> {
  return new Promise((resolve) => {
    by(name, (error, addresses) => resolve(error === null ? { addresses: addressesOf(addresses) } : failed(error)));
  });
}

const failed = (error: NodeJS.ErrnoException): Answer => ({ code: error.code, error });
const addressesOf = (all: readonly LookupAddress[]) => all.map(({ address }) => address);

describe('name servers', () => {
  test('are asked for the addresses of both families', async () => {
    server.names.set('a.test', ['192.0.2.1', '2001:db8::1', '192.0.2.2']);
    expect(await asked('a.test')).toEqual({ addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] });
    expect(server.asked.sort()).toEqual(['a.test 4', 'a.test 6']);
    expect(clock.pending).toBe(0);
  });

  test('give the addresses of each family with its number', async () => {
    server.names.set('a.test', ['192.0.2.1', '2001:db8::1']);
    const all = await new Promise((resolve) => ask('a.test', (_error, addresses) => resolve(addresses)));
    expect(all).toEqual([
      { address: '192.0.2.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ]);
  });

  test.each([
    ['verbatim', '192.0.2.1'],
    ['ipv4first', '192.0.2.1'],
    ['ipv6first', '2001:db8::1'],
  ] as const)("give them in Node's order: %s", async (order, first) => {
    const before = getDefaultResultOrder();
    setDefaultResultOrder(order);
    try {
      server.names.set('a.test', ['192.0.2.1', '2001:db8::1']);
      expect((await asked('a.test')).addresses?.[0]).toBe(first);
    } finally {
      setDefaultResultOrder(before as 'verbatim');
    }
  });

  test.each([
    [['192.0.2.1'], { addresses: ['192.0.2.1'] }],
    [['2001:db8::1'], { addresses: ['2001:db8::1'] }],
    [[], { code: 'ENODATA' }],
    ['NXDOMAIN', { code: 'ENOTFOUND' }],
    ['SERVFAIL', { code: 'ESERVFAIL' }],
    ['REFUSED', { code: 'EREFUSED' }],
  ] as const)('that say %p', async (say, answer) => {
    server.names.set('a.test', say);
    expect(await asked('a.test')).toMatchObject(answer);
  });

  test('are not asked about a name that cannot be one', async () => {
    expect(await asked(`${'a'.repeat(64)}.test`)).toMatchObject({ code: 'EBADNAME' });
    expect(server.asked).toEqual([]);
  });

  test.each([4, 6] as const)('that say nothing of IPv%i: what they say of the other counts', async (family) => {
    server.names.set('a.test', ['192.0.2.1', '2001:db8::1']);
    server.mute.set('a.test', family);
    const timer = clock.nextTimer();
    const answer = asked('a.test');
    expect(await timer).toBe(100);
    clock.advance(100);
    expect(await answer).toEqual({ addresses: [family === 4 ? '2001:db8::1' : '192.0.2.1'] });
  });

  test.each([
    ['ENODATA', 'ENODATA', 'ENODATA'],
    ['ENODATA', 'ESERVFAIL', 'ESERVFAIL'],
    ['ESERVFAIL', 'ENODATA', 'ESERVFAIL'],
    ['ESERVFAIL', 'ENOTFOUND', 'ENOTFOUND'],
    ['ENOTFOUND', 'ETIMEOUT', 'ENOTFOUND'],
  ])('that say %s of IPv4 and %s of IPv6 say %s of the name', async (of4, of6, code) => {
    const say = (failure: string) => (_name: string, callback: (error: Error) => void) =>
      void setImmediate(() => callback(Object.assign(new Error(), { code: failure })));
    const resolver = { resolve4: say(of4), resolve6: say(of6), cancel() {} } as unknown as Resolver;
    expect(
      await asked(
        'a.test',
        askServers(() => resolver, clock),
      ),
    ).toMatchObject({ code });
  });

  test('are not heard any more by one who has given up', async () => {
    server.names.set('a.test', ['192.0.2.1']).set('silent.test', null);
    const told: unknown[] = [];
    for (const name of ['a.test', 'silent.test']) ask(name, (error) => told.push(error))();
    // Asked on a resolver of its own, this one is answered after those would have been.
    server.names.set('b.test', ['192.0.2.2']);
    await asked('b.test');
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('that are silent about 40 names answer another at once', async () => {
    const leaving = Array.from({ length: 40 }, (_, at) => {
      server.names.set(`${at}.silent.test`, null);
      return ask(`${at}.silent.test`, () => {});
    });
    server.names.set('a.test', ['192.0.2.1']);
    expect(await asked('a.test')).toEqual({ addresses: ['192.0.2.1'] });
    for (const leave of leaving) leave();
  });
});

describe('public names', () => {
  test('give the addresses that were checked', async () => {
    server.names.set('a.test', ['8.8.8.8', '2606:4700::1111']);
    expect(await asked('a.test', askPublic(ask))).toEqual({ addresses: ['8.8.8.8', '2606:4700::1111'] });
  });

  test.each<[string, readonly string[]]>([
    ['a private address', ['10.0.0.1']],
    ['a private address after a public one', ['8.8.8.8', '127.0.0.1']],
    ['a private address of the other family', ['8.8.8.8', '::1']],
    ['an IPv6 address that embeds a private one', ['::ffff:a9fe:a9fe']],
  ])('are refused with %s', async (_what, addresses) => {
    server.names.set('a.test', addresses);
    const { error } = await asked('a.test', askPublic(ask));
    expect(error).toBeInstanceOf(BlockedError);
    expect(error?.message).toBe('a.test is not a public internet address');
  });

  test('without any address are refused', async () => {
    const none: Ask = (_name, told) => {
      told(null, []);
      return () => {};
    };
    expect((await asked('a.test', askPublic(none))).error).toBeInstanceOf(BlockedError);
  });

  test.each(['localhost', 'localhost.', 'LOCALHOST', 'a.localhost'])('are refused unasked: %s', async (name) => {
    expect((await asked(name, askPublic(ask))).error).toBeInstanceOf(BlockedError);
    expect(server.asked).toEqual([]);
  });

  test.each(['NXDOMAIN', 'SERVFAIL'] as const)('that are not known (%s) have that error', async (say) => {
    server.names.set('a.test', say);
    expect(await asked('a.test', askPublic(ask))).toMatchObject({
      code: expect.stringMatching(/^E(NOTFOUND|SERVFAIL)$/),
    });
  });
});
