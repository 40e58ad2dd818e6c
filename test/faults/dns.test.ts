import { systemClock } from '../../src/clock.js';
import type { Mashup, UpstreamMap } from '../../src/index.js';
import { KeptConnections } from '../../src/transport/connections.js';
import { askPublic } from '../../src/transport/dns.js';
import { Names } from '../../src/transport/lookup.js';
import { askSystem } from '../../src/transport/system.js';
import { ManualClock } from '../support/clock.js';
import { until } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';
import { FakeInternet } from './fake-internet.js';
import { answer, RawUpstream } from './raw-upstream.js';
import { type PageReport, report } from './report.js';

const internet = new FakeInternet();
const publicAddress = '93.184.215.14';
const otherPublicAddress = '2606:2800:21f:cb07:6820:80da:af6b:8b2c';
let server: RawUpstream;
let other: RawUpstream;
let canary: RawUpstream;
let mashup: Mashup;
/** Of what is known of names. */
let clock: ManualClock;
// For how long a name's addresses are used without another lookup.
const FRESH = 5000;

beforeAll(async () => {
  await internet.install();
  [server, other, canary] = await Promise.all([RawUpstream.start(), RawUpstream.start(), RawUpstream.start()]);
  internet.hosts.set(publicAddress, server.port).set(otherPublicAddress, other.port);
});

beforeEach(() => {
  internet.names.clear();
  internet.names.set('public.example', [[publicAddress]]);
  internet.attempts.length = 0;
  internet.lookups.length = 0;
  for (const upstream of [server, other]) upstream.heads.length = 0;
  clock = new ManualClock();
  const names = { anywhere: new Names(askSystem({ clock }), clock), publicOnly: new Names(askPublic(), clock) };
  mashup = mashupWith({ clock: systemClock, connections: new KeptConnections({ names }) });
});

afterEach(() => mashup.close());

afterAll(async () => {
  internet.uninstall();
  await Promise.all([server, other, canary].map((upstream) => upstream.close()));
});

/** One page; what it and its upstreams attempted is noted, but not the attempt to reach the page itself. */
async function visit(upstreams: UpstreamMap, deadline = 30_000): Promise<PageReport & { attempts: string[] }> {
  const before = internet.attempts.length;
  const found = await report(mashup, upstreams, { deadline });
  // The first attempt is that of the test's own client.
  return { ...found, attempts: internet.attempts.slice(before + 1) };
}

function anywhere(url: string) {
  return { url: () => url, origins: 'public' as const };
}

describe('a lookup that fails', () => {
  test.each(['ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL'])('%s is CONNECT', async (code) => {
    internet.names.set('broken.example', [code]);
    const upstreams = { listed: 'http://broken.example/', open: anywhere('http://broken.example/') };
    const { outcomes, attempts } = await visit({ ...upstreams, sibling: server.origin });
    expect(outcomes).toMatchObject({
      listed: { code: 'ERR_UPSTREAM_CONNECT' },
      open: { code: 'ERR_UPSTREAM_CONNECT' },
      sibling: { status: 'success' },
    });
    expect(attempts).toEqual([`127.0.0.1:${server.port}`]);
  });

  test('one that hangs is DEADLINE, and its late answer is never connected to', async () => {
    internet.names.set('hanging.example', [null]);
    const url = `http://hanging.example:${canary.port}/`;
    const { outcomes } = await visit({ listed: url, open: anywhere(url) }, 300);
    expect(outcomes).toMatchObject({
      listed: { code: 'ERR_UPSTREAM_DEADLINE' },
      open: { code: 'ERR_UPSTREAM_DEADLINE' },
    });
    expect(internet.lookups).toEqual(['hanging.example', 'hanging.example']);
    internet.answerLate();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(internet.attempts).not.toContain(`127.0.0.1:${canary.port}`);
    expect(canary.accepted).toBe(0);
  });
});

describe("origins: 'public'", () => {
  test('reaches a public address', async () => {
    const { data, attempts } = await visit({ a: anywhere('http://public.example/a?b=c') });
    expect(data).toEqual({ a: { path: '/a?b=c' } });
    expect(attempts).toEqual([`${publicAddress}:80`]);
  });

  test.each([
    ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '017700000001', '127.0.0.1.', '１２７.０.０.１'],
    ...['0.0.0.0', '0', '10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '169.254.169.254', '168.63.129.16'],
    ...['192.0.0.1', '192.0.2.1', '192.88.99.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1'],
    ...[
      '255.255.255.255',
      '[::1]',
      '[::]',
      '[::127.0.0.1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::ffff:0:7f00:1]',
    ],
    ...[
      '[fe80::1]',
      '[fc00::1]',
      '[fec0::1]',
      '[ff02::1]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::7f00:1]',
      '[2002:7f00:1::]',
    ],
    ...['[2001::1]', '[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]', '[::ffff:a9fe:a9fe]'],
  ])('never connects to %s', async (host) => {
    const { outcomes, attempts } = await visit({ a: anywhere(`http://${host}:${canary.port}/`) });
    expect(outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    expect(attempts).toEqual([]);
    expect(internet.lookups).toEqual([]);
    expect(canary.accepted).toBe(0);
  });

  test.each([
    [['127.0.0.1']],
    [['::1']],
    [['10.1.2.3']],
    [['::ffff:127.0.0.1']],
    [[publicAddress, '127.0.0.1']],
    [['fe80::1', publicAddress]],
    [['fe80::1%1']],
  ])('never connects to a name with the addresses %j', async (addresses) => {
    internet.names.set('inside.example', [addresses]);
    const { outcomes, attempts } = await visit({ a: anywhere(`http://inside.example:${canary.port}/`) });
    expect(outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    expect(attempts).toEqual([]);
    expect(canary.accepted).toBe(0);
  });

  test('connects to the address that was checked: a name is looked up once for a connection', async () => {
    internet.names.set('rebinding.example', [[publicAddress], ['127.0.0.1']]);
    server.behaviour = {
      onRequest: (socket) => socket.end(answer('public', 'connection: close\r\ncontent-type: text/plain')),
    };
    const url = `http://rebinding.example:${canary.port}/`;
    const first = await visit({ a: anywhere(url) });
    expect(first.data['a']).toBe('public');
    expect(first.attempts).toEqual([`${publicAddress}:${canary.port}`]);
    expect(internet.lookups).toEqual(['rebinding.example']);
    // The answer would be 127.0.0.1 now. The one that was checked is used, until it is asked for again.
    expect((await visit({ a: anywhere(url) })).attempts).toEqual([`${publicAddress}:${canary.port}`]);
    clock.advance(FRESH);
    const second = await visit({ a: anywhere(url) });
    expect(second.outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    expect(second.attempts).toEqual([]);
    expect(canary.accepted).toBe(0);
    server.behaviour = { onRequest: (socket, { path }) => socket.write(answer(path)) };
  });

  test('a name that turns private while a kept connection is reset under a request is looked up anew, and refused', async () => {
    internet.names.set('rebinding.example', [[publicAddress], ['127.0.0.1']]);
    const url = `http://rebinding.example:${canary.port}/`;
    expect((await visit({ a: anywhere(url) })).outcomes['a']).toMatchObject({ status: 'success' });
    const { behaviour } = server;
    server.behaviour = { onRequest: (socket) => socket.resetAndDestroy() };
    clock.advance(FRESH);
    const second = await visit({ a: anywhere(url) });
    server.behaviour = behaviour;
    expect(second.outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    expect(second.attempts).toEqual([]);
    expect(canary.accepted).toBe(0);
  });

  test('a connection that a page may have to a private address is never lent to one that may not', async () => {
    const url = `${canary.origin}/`;
    const listed = await visit({ a: url });
    expect(listed.outcomes['a']).toMatchObject({ status: 'success' });
    const open = await visit({ a: anywhere(url) });
    expect(open.outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    canary.accepted = 0;
  });

  test('a port nobody listens on is CONNECT', async () => {
    internet.names.set('gone.example', [['93.184.215.99', '2606:2800::99']]);
    const { outcomes, attempts } = await visit({ a: anywhere('http://gone.example/') });
    expect(outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_CONNECT' });
    expect(attempts).toEqual(expect.arrayContaining(['93.184.215.99:80', '2606:2800::99:80']));
  });
});

describe('a redirect', () => {
  const secrets = {
    Authorization: 'Bearer secret',
    Cookie: 'session=secret',
    'X-API-Key': 'secret',
    'Proxy-Authentication-Info': 'secret',
    'X-Anything': 'secret',
    'Accept-Language': 'nb',
  };

  function redirectsTo(location: string, status = 302): void {
    server.behaviour = {
      onRequest: (socket) => socket.write(answer('', `location: ${location}`, `${status} Elsewhere`)),
    };
  }

  test.each([
    'http://127.0.0.1',
    'http://localhost',
    'http://[::1]',
    'http://2130706433',
    'http://[::ffff:127.0.0.1]',
    '//127.1',
    '\\\\127.1',
  ])('to the canary as %s never touches it', async (base) => {
    internet.names.set('localhost', [['127.0.0.1']]);
    redirectsTo(`${base}:${canary.port}/`);
    const { outcomes, attempts } = await visit({
      listed: { url: server.origin, headers: secrets },
      open: { ...anywhere('http://public.example/'), headers: secrets },
    });
    expect(outcomes).toMatchObject({
      listed: { code: 'ERR_UPSTREAM_BLOCKED' },
      open: { code: 'ERR_UPSTREAM_BLOCKED' },
    });
    expect(attempts.sort()).toEqual([`127.0.0.1:${server.port}`, `${publicAddress}:80`]);
    expect(canary.accepted).toBe(0);
  });

  test.each([301, 302, 303, 307, 308])('%i to another public origin carries no credentials', async (status) => {
    internet.names.set('other.example', [[otherPublicAddress]]);
    redirectsTo('http://other.example/there', status);
    const { data } = await visit({
      a: {
        url: server.origin,
        headers: secrets,
        auth: { username: 'me', password: 'secret' },
      },
      b: { ...anywhere('http://public.example/'), headers: secrets },
    });
    expect(data).toEqual({ a: { path: '/there' }, b: { path: '/there' } });
    expect(server.heads.every((head) => /x-api-key: secret/i.test(head))).toBe(true);
    expect(other.heads).toHaveLength(2);
    for (const head of other.heads) {
      expect(head).not.toMatch(/secret|authorization|cookie|bWU6/i);
      expect(head).toMatch(/accept-language: nb/i);
    }
  });

  test('to another port of a listed origin carries no credentials either', async () => {
    redirectsTo(`${other.origin}/there`);
    const { data } = await visit({ a: { url: server.origin, origins: [other.origin], headers: secrets } });
    expect(data).toEqual({ a: { path: '/there' } });
    expect(other.heads[0]).not.toMatch(/secret|authorization|cookie|x-/i);
  });

  test('away and back does not get them back', async () => {
    server.behaviour = {
      onRequest: (socket, { path }) =>
        socket.write(path === '/' ? answer('', `location: ${other.origin}/there`, '302 Away') : answer('home')),
    };
    const { behaviour } = other;
    other.behaviour = {
      onRequest: (socket) => socket.write(answer('', `location: ${server.origin}/home`, '302 Back')),
    };
    const { data } = await visit({ a: { url: server.origin, origins: [other.origin], headers: secrets } });
    other.behaviour = behaviour;
    expect(data).toEqual({ a: 'home' });
    expect(server.heads.map((head) => /secret/.test(head))).toEqual([true, false]);
  });

  test.each([307, 308])('%i that would carry a body elsewhere is REDIRECT', async (status) => {
    redirectsTo(`${other.origin}/there`, status);
    const upstream = { url: server.origin, origins: [other.origin], method: 'POST', data: { secret: 1 } };
    const { outcomes } = await visit({ a: upstream });
    expect(outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_REDIRECT' });
    expect(other.heads).toEqual([]);
  });

  test('a name that turns private between two hops is refused', async () => {
    internet.names.set('rebinding.example', [[otherPublicAddress], ['127.0.0.1']]);
    const { behaviour } = other;
    // Closed after each answer, and long ago, so that the second hop has to look it up again.
    other.behaviour = {
      onRequest: (socket) => {
        clock.advance(FRESH);
        socket.end(answer('', `location: http://rebinding.example:${canary.port}/2\r\nconnection: close`, '302 Again'));
      },
    };
    redirectsTo(`http://rebinding.example:${canary.port}/1`);
    const { outcomes, attempts } = await visit({ a: server.origin });
    await until(() => other.sockets.size === 0, 10_000);
    other.behaviour = behaviour;
    expect(outcomes['a']).toMatchObject({ code: 'ERR_UPSTREAM_BLOCKED' });
    expect(attempts).toEqual([`127.0.0.1:${server.port}`, `${otherPublicAddress}:${canary.port}`]);
    expect(canary.accepted).toBe(0);
  });
});
