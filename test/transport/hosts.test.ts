import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostsFile, isLocalhost } from '../../src/transport/hosts.js';
import { ManualClock } from '../support/clock.js';

let directory: string;
let file: string;
let clock: ManualClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mashup-hosts-'));
  file = join(directory, 'hosts');
  clock = new ManualClock();
});
afterEach(() => rm(directory, { recursive: true }));

const local = (isLocal: ReturnType<typeof hostsFile>, name: string) =>
  new Promise<boolean>((resolve) => isLocal(name, resolve));

test('every name of the hosts file is local, and no address or comment is', async () => {
  const lines = [
    ' 127.0.0.1\tone Two  three',
    '',
    '# 10.0.0.1 four',
    '::1 five#six seven',
    '10.0.0.2 eight.test # nine',
  ];
  await writeFile(file, lines.join('\r\n'));
  const isLocal = hostsFile(file, clock);
  for (const name of ['one', 'two', 'three', 'five', 'eight.test'])
    expect([name, await local(isLocal, name)]).toEqual([name, true]);
  for (const name of ['127.0.0.1', 'four', 'six', 'seven', 'nine', 'test']) {
    expect([name, await local(isLocal, name)]).toEqual([name, false]);
  }
});

test('localhost is local without any hosts file', async () => {
  const isLocal = hostsFile(join(directory, 'none'), clock);
  expect(await local(isLocal, 'localhost')).toBe(true);
  expect(await local(isLocal, 'a.localhost')).toBe(true);
  expect(await local(isLocal, 'other')).toBe(false);
});

test('the hosts file is read again after 5 s', async () => {
  const isLocal = hostsFile(file, clock);
  expect(await local(isLocal, 'one')).toBe(false);
  await writeFile(file, '127.0.0.1 one');
  clock.advance(5000);
  expect(await local(isLocal, 'one')).toBe(false);
  clock.advance(1);
  expect(await local(isLocal, 'one')).toBe(true);
});

test('a hosts file that is a list of names to block is not read', async () => {
  await writeFile(file, `127.0.0.1 one\n${'0.0.0.0 blocked.test\n'.repeat(20_000)}`);
  expect(await local(hostsFile(file, clock), 'one')).toBe(false);
});

test.each(['localhost', 'localhost.', 'LocalHost', 'a.b.localhost'])('%s is this machine', (name) => {
  expect(isLocalhost(name)).toBe(true);
});

test.each(['', 'notlocalhost', 'localhost.test', 'localhos'])('%p is not', (name) => {
  expect(isLocalhost(name)).toBe(false);
});
