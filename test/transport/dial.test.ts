import { isIP, Socket } from 'node:net';
import { Dial } from '../../src/transport/dial.js';
import { ManualClock } from '../support/clock.js';

let clock: ManualClock;
/** The sockets that were opened, by address and port. */
let opened: Map<string, Socket>;
let results: unknown[];

beforeEach(() => {
  clock = new ManualClock();
  opened = new Map();
  results = [];
});

function dial(...addresses: string[]): Dial {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  const one = new Dial(
    all,
    80,
    (error, socket) => results.push(error ?? socket),
    clock,
    (address, port) => {
      const socket = new Socket();
      opened.set(`${address} ${port}`, socket);
      return socket;
    },
  );
  one.start();
  return one;
}

const socketTo = (address: string) => opened.get(`${address} 80`) as Socket;
const refused = (address: string) => Object.assign(new Error(`refused by ${address}`), { code: 'ECONNREFUSED' });
const refuses = (address: string) => socketTo(address).emit('error', refused(address));
const accepts = (address: string) => socketTo(address).emit('connect');
const attempts = () => [...opened.keys()].map((key) => key.split(' ')[0]);

test('an address is tried alone for 250 ms, and goes on being tried beside the next', () => {
  dial('192.0.2.1', '2001:db8::1', '192.0.2.2');
  clock.advance(249);
  expect(attempts()).toEqual(['192.0.2.1']);
  clock.advance(1);
  expect(attempts()).toEqual(['192.0.2.1', '2001:db8::1']);
  clock.advance(250);
  expect(attempts()).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2']);
  accepts('192.0.2.1');
  expect(results).toEqual([socketTo('192.0.2.1')]);
  expect(socketTo('192.0.2.1').destroyed).toBe(false);
  expect(['2001:db8::1', '192.0.2.2'].map((address) => socketTo(address).destroyed)).toEqual([true, true]);
  expect(clock.pending).toBe(0);
});

test.each([
  ['after it', ['192.0.2.1', '2001:db8::1']],
  ['before it', ['2001:db8::1', '192.0.2.1']],
])('an address that takes a second is connected to though another, %s, refuses', (_where, addresses) => {
  dial(...addresses);
  clock.advance(250);
  refuses('2001:db8::1');
  clock.advance(750);
  accepts('192.0.2.1');
  expect(results).toEqual([socketTo('192.0.2.1')]);
});

test('an address that refuses makes way at once', () => {
  dial('2001:db8::1', '192.0.2.1');
  refuses('2001:db8::1');
  expect(attempts()).toEqual(['2001:db8::1', '192.0.2.1']);
  expect(clock.pending).toBe(0);
});

test('when all have refused, that is the error of each', () => {
  dial('2001:db8::1', '192.0.2.1');
  refuses('2001:db8::1');
  expect(results).toEqual([]);
  refuses('192.0.2.1');
  expect(results).toEqual([expect.any(AggregateError)]);
  expect((results[0] as AggregateError).errors).toEqual([refused('2001:db8::1'), refused('192.0.2.1')]);
});

test('when the only one has refused, that is its error', () => {
  dial('192.0.2.1');
  expect(clock.pending).toBe(0);
  refuses('192.0.2.1');
  expect(results).toEqual([refused('192.0.2.1')]);
});

test('a name without an address is an error', () => {
  dial();
  expect(results).toEqual([expect.objectContaining({ message: 'it has no address' })]);
});

test('the families take turns, and the first is that of the first address', () => {
  dial('2001:db8::1', '2001:db8::2', '2001:db8::3', '192.0.2.1', '192.0.2.2');
  clock.advance(1000);
  expect(attempts()).toEqual(['2001:db8::1', '192.0.2.1', '2001:db8::2', '192.0.2.2', '2001:db8::3']);
});

test('cancelled, it ends every attempt, makes no other and tells nobody', () => {
  const one = dial('192.0.2.1', '192.0.2.2', '192.0.2.3');
  clock.advance(250);
  one.cancel();
  clock.advance(1000);
  expect(attempts()).toEqual(['192.0.2.1', '192.0.2.2']);
  for (const address of ['192.0.2.1', '192.0.2.2']) expect(socketTo(address).destroyed).toBe(true);
  refuses('192.0.2.1');
  accepts('192.0.2.2');
  expect(results).toEqual([]);
  expect(clock.pending).toBe(0);
});
