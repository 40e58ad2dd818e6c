import { systemClock } from '../../src/clock.js';
import type { Mashup } from '../../src/index.js';
import { KeptConnections } from '../../src/transport/connections.js';
import { askPublic } from '../../src/transport/dns.js';
import { Names } from '../../src/transport/lookup.js';
import { askSystem } from '../../src/transport/system.js';
import { ManualClock } from '../support/clock.js';
import { mashupWith } from '../support/instance.js';
import { FakeInternet } from './fake-internet.js';
import { RawUpstream } from './raw-upstream.js';
import { type PageReport, report } from './report.js';

const internet = new FakeInternet();
const [v4, v6] = ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'];
let server: RawUpstream;
let mashup: Mashup;
let clock: ManualClock;

beforeAll(async () => {
  await internet.install();
  server = await RawUpstream.start();
});

beforeEach(() => {
  clock = new ManualClock();
  internet.hosts.set(v4, server.port);
  internet.names.set('fine.example', [[v4]]);
  const names = { anywhere: new Names(askSystem({ clock }), clock), publicOnly: new Names(askPublic(), clock) };
  mashup = mashupWith({ clock: systemClock, connections: new KeptConnections({ names, clock }) });
});

afterEach(async () => {
  internet.answerLate();
  for (const map of [internet.names, internet.hosts]) map.clear();
  internet.slow.clear();
  for (const list of [internet.attempts, internet.lookups]) list.length = 0;
  await mashup.close();
});

afterAll(async () => {
  internet.uninstall();
  await server.close();
});

async function visit(
  url: string,
  { deadline = 30_000, isPublic = false } = {},
): Promise<PageReport['outcomes'][string]> {
  const upstream = isPublic ? { url: () => url, origins: 'public' as const } : url;
  return (await report(mashup, { upstream }, { deadline })).outcomes['upstream'] as PageReport['outcomes'][string];
}

/** Pages whose names nobody answers for; they have ended. */
async function hang(count: number, isPublic: boolean): Promise<void> {
  const names = Array.from({ length: count }, (_, at) => `${at}.silent.example`);
  for (const name of names) internet.names.set(name, [null]);
  const outcomes = await Promise.all(names.map((name) => visit(`http://${name}/`, { deadline: 100, isPublic })));
  expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['ERR_UPSTREAM_DEADLINE']));
}

describe.each([
  ['that pages name', false],
  ['of anywhere on the internet', true],
])('40 silent names %s', (_which, isPublic) => {
  test.each([
    ['that a page names', false],
    ['of anywhere on the internet', true],
  ])('do not keep a name %s from being looked up', async (_what, other) => {
    await hang(40, isPublic);
    expect(await visit('http://fine.example/', { isPublic: other })).toMatchObject({ status: 'success' });
  });
});

test('pages with the same silent name share one lookup, also after the first of them have ended', async () => {
  internet.names.set('silent.example', [null]);
  const visits = () => Promise.all(Array.from({ length: 5 }, () => visit('http://silent.example/', { deadline: 50 })));
  await visits();
  await visits();
  expect(internet.lookups).toEqual(['silent.example']);
});

test('a name whose server has fallen silent has its last address', async () => {
  internet.names.set('moody.example', [[v4], null]);
  expect(await visit('http://moody.example:81/')).toMatchObject({ status: 'success' });
  // To the same name again, but on another connection.
  clock.advance(5000);
  const again = visit('http://moody.example:82/');
  // The lookup and the connection have their limits, and so have the waits for the system and for a new answer.
  while (clock.pending < 4) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(300);
  expect(await again).toMatchObject({ status: 'success' });
  expect(internet.attempts.filter((attempt) => attempt.startsWith(v4))).toEqual([`${v4}:81`, `${v4}:82`]);
});

describe('a name with an address that takes long to connect to', () => {
  const url = 'http://two.example/';

  /** Until somebody has tried to connect there. */
  async function attempted(address: string): Promise<void> {
    while (!internet.attempts.some((attempt) => attempt.startsWith(address))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test.each([
    ['before it', [v6, v4]],
    ['after it', [v4, v6]],
  ])('is reached though another, listed %s, refuses', async (_where, addresses) => {
    internet.names.set('two.example', [addresses]);
    internet.slow.add(v4);
    const visiting = visit(url);
    await attempted(addresses[0] as string);
    clock.advance(250);
    await Promise.all([attempted(v4), attempted(v6)]);
    clock.advance(750);
    internet.arrive(v4);
    expect(await visiting).toMatchObject({ status: 'success', attempts: 1 });
  });

  test('is CONNECT when that takes over 10 s', async () => {
    internet.names.set('two.example', [[v4]]);
    internet.slow.add(v4);
    const visiting = visit(url);
    await attempted(v4);
    clock.advance(9999);
    clock.advance(1);
    expect(await visiting).toMatchObject({ status: 'error', code: 'ERR_UPSTREAM_CONNECT', attempts: 1 });
    expect(clock.pending).toBe(0);
  });

  test('is not connected to any more when the page has ended', async () => {
    internet.names.set('two.example', [[v4, v6]]);
    for (const address of [v4, v6]) internet.slow.add(address);
    const before = server.accepted;
    expect(await visit(url, { deadline: 50 })).toMatchObject({ code: 'ERR_UPSTREAM_DEADLINE' });
    expect(clock.pending).toBe(0);
    clock.advance(10_000);
    expect(internet.attempts.filter((attempt) => attempt.startsWith(v6))).toEqual([]);
    expect(server.accepted).toBe(before);
  });
});
