import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { ClosedError, KeptConnections, type KeptOptions } from '../../src/transport/connections.js';
import { Names } from '../../src/transport/lookup.js';
import type { Connection } from '../../src/transport/wire.js';
import { answer, RawUpstream } from '../faults/raw-upstream.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';

let upstream: RawUpstream;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await RawUpstream.start({
    onRequest: (socket) => socket.write(answer('fine', 'keep-alive: timeout=600')),
  });
  closeLater(() => upstream.close());
});
afterEach(closeAll);

/** Every name leads to the upstream, whether it has to be public or not. */
function kept(options: KeptOptions = {}): KeptConnections {
  const here = () =>
    new Names((_name, told) => {
      told(null, [{ address: '127.0.0.1', family: 4 }]);
      return () => {};
    }, clock);
  const connections = new KeptConnections({ names: { anywhere: here(), publicOnly: here() }, clock, ...options });
  closeLater(() => connections.close());
  return connections;
}

const origin = (name: string | number) => `http://${name}.test:${upstream.port}`;

/** Sends a request; the connection is kept when its answer has come. */
function send(connection: Connection, to: string): Promise<number> {
  const request = { origin: to, path: '/', method: 'GET', headers: [], body: null };
  return new Promise((resolve, reject) => {
    let status = 0;
    connection.send(request, {
      onConnect() {},
      onResponseStarted() {},
      onHeaders(code) {
        status = code;
        return true;
      },
      onData: () => true,
      onComplete() {
        connection.release();
        resolve(status);
      },
      onError(error) {
        connection.destroy(error);
        reject(error);
      },
    });
  });
}

const ask = (connections: KeptConnections, name: string | number, isPublic = false) =>
  send(connections.take(origin(name), isPublic, false), origin(name));

/** Until so many connections are open, as the upstream sees it. */
async function openAre(count: number): Promise<void> {
  while (upstream.sockets.size !== count) await settled();
}

describe('idle connections', () => {
  test('are 256 at most, over all origins', async () => {
    const connections = kept();
    for (let at = 0; at < 300; at++) await ask(connections, at);
    await openAre(256);
    expect(upstream.accepted).toBe(300);
    // The last ones are still there, and the first ones are not.
    for (let at = 44; at < 300; at++) await ask(connections, at);
    expect(upstream.accepted).toBe(300);
    await ask(connections, 43);
    expect(upstream.accepted).toBe(301);
  });

  test('are closed in the order in which they were used last', async () => {
    const connections = kept({ mostIdle: 3 });
    for (const name of ['a', 'b', 'c', 'a', 'd']) await ask(connections, name);
    await openAre(3);
    for (const name of ['a', 'c', 'd']) await ask(connections, name);
    expect(upstream.accepted).toBe(4);
    await ask(connections, 'b');
    expect(upstream.accepted).toBe(5);
  });

  test('are counted together, whether or not their address has to be public', async () => {
    const connections = kept({ mostIdle: 2 });
    for (const isPublic of [false, true, false]) await ask(connections, String(isPublic), isPublic);
    expect(upstream.accepted).toBe(2);
    await ask(connections, 'other', true);
    await openAre(2);
  });

  test('do not count while they carry a request', async () => {
    const connections = kept({ mostIdle: 1 });
    const inUse = ['a', 'a', 'b'].map((name) => connections.take(origin(name), false, false));
    await Promise.all(inUse.map((connection, at) => send(connection, origin(at < 2 ? 'a' : 'b'))));
    await openAre(1);
    expect(upstream.accepted).toBe(3);
  });

  test('make room when they are closed by the other side', async () => {
    const connections = kept({ mostIdle: 2 });
    for (const name of ['a', 'b']) await ask(connections, name);
    for (const socket of [...upstream.sockets]) socket.destroy();
    await openAre(0);
    for (const name of ['c', 'd']) await ask(connections, name);
    for (const name of ['c', 'd']) await ask(connections, name);
    expect(upstream.accepted).toBe(4);
    expect(upstream.sockets.size).toBe(2);
  });

  test('keep nothing of the async context in which they were opened', async () => {
    const storage = new AsyncLocalStorage<string>();
    const sockets: Socket[] = [];
    const noteSocket = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
    subscribe('undici:client:connected', noteSocket);
    try {
      const connections = kept();
      await storage.run("a request's", () => ask(connections, 'a'));
      const seen = new Promise((resolve) => sockets[0]?.once('close', () => resolve(storage.getStore())));
      // What the other side does comes in the context of the socket itself.
      storage.run('of another', () => {
        for (const socket of upstream.sockets) socket.destroy();
      });
      expect(await seen).toBeUndefined();
    } finally {
      unsubscribe('undici:client:connected', noteSocket);
    }
  });
});

describe('close()', () => {
  /** An upstream that answers when the test says so. */
  function hold(): (() => void)[] {
    const replies: (() => void)[] = [];
    upstream.behaviour = { onRequest: (socket) => void replies.push(() => socket.write(answer('late'))) };
    return replies;
  }

  async function replied(replies: (() => void)[], count: number): Promise<void> {
    while (replies.length < count) await settled();
  }

  /** Whether it has resolved by now. */
  function watch(closing: Promise<void>): { done: boolean } {
    const state = { done: false };
    void closing.then(() => {
      state.done = true;
    });
    return state;
  }

  test('waits for what is asked for in the meantime, at other origins too', async () => {
    const replies = hold();
    const connections = kept();
    const first = ask(connections, 'a');
    await replied(replies, 1);
    const closing = watch(connections.close());
    const second = ask(connections, 'b');
    await replied(replies, 2);
    replies[0]?.();
    await first;
    await openAre(1);
    for (let turn = 0; turn < 5; turn++) await settled();
    expect(closing.done).toBe(false);
    replies[1]?.();
    expect(await second).toBe(200);
    await openAre(0);
    while (!closing.done) await settled();
  });

  test('refuses every connection from the end of its time until it has resolved', async () => {
    const replies = hold();
    const connections = kept();
    const first = ask(connections, 'a');
    await replied(replies, 1);
    const closing = connections.close(1000);
    clock.advance(999);
    const second = ask(connections, 'b');
    await replied(replies, 2);
    // What is given up lets those in line go on, one after the other.
    const refused: unknown[] = [];
    const next = (left: number): void => {
      try {
        connections.take(origin('a'), false, false);
      } catch (error) {
        refused.push(error);
        if (left > 0) setImmediate(next, left - 1);
      }
    };
    first.catch(() => next(9));
    const ends = Promise.allSettled([first, second]);
    clock.advance(1);
    const ended = { status: 'rejected', reason: expect.any(ClosedError) };
    expect(await ends).toEqual([ended, ended]);
    await closing;
    expect(refused).toEqual(Array.from({ length: 10 }, () => expect.any(ClosedError)));
    expect(upstream.heads).toHaveLength(2);
    expect(upstream.sockets.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('that has resolved leaves the rest usable', async () => {
    const replies = hold();
    const connections = kept();
    const first = ask(connections, 'a');
    await replied(replies, 1);
    const closing = connections.close(1000);
    clock.advance(1000);
    await expect(first).rejects.toBeInstanceOf(ClosedError);
    await closing;
    const second = ask(connections, 'a');
    await replied(replies, 2);
    replies[1]?.();
    expect(await second).toBe(200);
    await openAre(0);
  });

  test('does not go on for ever where others keep coming', async () => {
    const replies = hold();
    const connections = kept();
    const first = ask(connections, 'a');
    await replied(replies, 1);
    const closing = watch(connections.close(1000));
    clock.advance(1000);
    await expect(first).rejects.toBeInstanceOf(ClosedError);
    while (!closing.done) {
      expect(() => connections.take(origin('a'), false, false)).toThrow(ClosedError);
      await settled();
    }
  });

  test('ends what is still looking up its name', async () => {
    const silent = new Names(() => () => {}, clock);
    const connections = kept({ names: { anywhere: silent, publicOnly: silent } });
    const first = ask(connections, 'a');
    const closing = connections.close(1000);
    clock.advance(1000);
    await expect(first).rejects.toBeInstanceOf(ClosedError);
    await closing;
    expect(upstream.accepted).toBe(0);
  });
});
