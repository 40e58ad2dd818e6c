import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { GuardedStore } from '../../src/cache/guarded-store.js';
import { systemClock } from '../../src/clock.js';
import { type ClosableStore, redisStore } from '../../src/redis/index.js';
import { describeWith } from '../setup/tools.js';
import { closeAll, closeLater } from '../support/closing.js';
import { until } from '../support/deferred.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { startImpostor, startRelay } from '../support/relay.js';

let warnings: string[];

beforeEach(() => {
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((warning: unknown) => {
    warnings.push(String(warning));
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

function open(url: string, options: { timeout?: number } = {}): ClosableStore {
  const store = redisStore({ url, ...options });
  closeLater(() => store.close());
  return store;
}

/** Asks until there is an answer that is right. */
async function eventually<T>(ask: () => Promise<T>, isRight: (value: T) => boolean = () => true): Promise<T> {
  for (;;) {
    const value = await ask().then(
      (value) => ({ value }),
      () => null,
    );
    if (value !== null && isRight(value.value)) return value.value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const guard = (store: ClosableStore) => new GuardedStore(store, () => systemClock);
const RATE = { requests: 1, per: 1000 };

/** Every method, each of which has to end. */
const every = (store: GuardedStore): Promise<unknown>[] => [
  store.get('k'),
  store.set('k', Buffer.from('v'), 1000),
  store.lock('k', 't', 1000),
  store.unlock('k', 't'),
  store.mark(['m']),
  store.log(null),
  store.take('k', 'i', RATE),
  store.giveBack('k', 'i'),
];

describeWith('redis-server', 'with a Redis that is sick', (program) => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis(program);
  });

  async function ready({
    url = server.url,
    ...options
  }: {
    url?: string;
    timeout?: number;
  } = {}): Promise<ClosableStore> {
    const store = open(url, options);
    await eventually(() => store.get('x'));
    return store;
  }

  test('every method ends while it is paused, and they are used again after it', async () => {
    const guarded = guard(await ready());
    server.pause();
    for (const { status } of await Promise.allSettled(every(guarded))) expect(status).toBe('rejected');
    expect(guarded.stats()).toMatchObject({ state: 'open', timeouts: 8 });
    expect(warnings).toHaveLength(1);
    server.resume();
    await eventually(() => guarded.get('k'));
    expect(guarded.stats().state).toBe('closed');
    expect(warnings).toHaveLength(2);
  });

  test('a full one is reported once, is read from meanwhile, and is reported again when it stores', async () => {
    const guarded = guard(await ready({ timeout: 30_000 }));
    await guarded.set('kept', Buffer.from('v'), 60_000);
    await server.send('CONFIG', 'SET', 'maxmemory', '1');
    for (let at = 0; at < 20; at++) {
      expect(await guarded.get('kept')).not.toBeNull();
      await expect(guarded.set('new', Buffer.alloc(10), 1000)).rejects.toThrow('the store failed');
    }
    expect(guarded.stats().state).toBe('closed');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/stores nothing \(.*OOM/);
    await server.send('CONFIG', 'SET', 'maxmemory', '0');
    await guarded.set('new', Buffer.alloc(10), 1000);
    expect(warnings[1]).toBe('the store of the cache stores again');
  });

  test('one that is emptied has another epoch', async () => {
    const store = await ready();
    await store.mark(['m']);
    const seen = await store.log(null);
    await server.send('FLUSHALL');
    const after = await store.log(seen);
    expect(after).toMatchObject({ at: 0, marks: [] });
    expect(after.epoch).not.toBe(seen.epoch);
  });

  test.each(['log', 'number', 'epoch', 'steps'])(
    'a log of which Redis has lost "%s" has another epoch, even if somebody marks before it is read',
    async (name) => {
      const store = await ready();
      const other = await ready();
      await store.mark(['a', 'b']);
      const seen = await store.log(null);
      await store.mark(['lost']);
      await server.send('DEL', `mashup:{log}:${name}`);
      await other.mark(['x', 'y', 'z', 'w']);
      const after = await store.log(seen);
      expect(after.epoch).not.toBe(seen.epoch);
      expect((await store.log(after)).epoch).toBe(after.epoch);
    },
  );

  /** Redis dies, and starts with what it had when it was saved. */
  async function goBack(): Promise<void> {
    await server.kill();
    await server.start();
  }

  test('one that starts from an older snapshot has another epoch', async () => {
    const store = await ready();
    await store.mark(['a']);
    await server.send('SAVE');
    await store.mark(['b']);
    const seen = await store.log(null);
    await goBack();
    const after = await eventually(() => store.log(seen));
    expect(after.epoch).not.toBe(seen.epoch);
  });

  test('and so it has where others have marked as much since then as was lost', async () => {
    const store = await ready();
    await store.mark(['a']);
    await server.send('SAVE');
    await store.mark(['b']);
    const seen = await store.log(null);
    await goBack();
    const other = await ready();
    await other.mark(['x']);
    await other.mark(['y']);
    const after = await eventually(() => store.log(seen));
    expect(after.epoch).not.toBe(seen.epoch);
  });

  test('one that starts from a snapshot in which nothing is missing keeps its epoch', async () => {
    const store = await ready();
    await store.mark(['a', 'b']);
    await store.mark(['a']);
    const seen = await store.log(null);
    await server.send('SAVE');
    await goBack();
    expect(await eventually(() => store.log(seen))).toEqual({ ...seen, marks: [] });
  });

  test('a subscription that is cut before it is confirmed is made again', async () => {
    let cuts = 0;
    const port = await startRelay(server.port, (sent) => (/subscribe/i.test(sent) && cuts++ === 0 ? 'cut' : 'pass'));
    const store = await ready({ url: `redis://127.0.0.1:${port}` });
    let told = 0;
    closeLater(store.watch(() => told++));
    expect(await until(() => cuts > 1, 10_000)).not.toBeNull();
    const before = told;
    await eventually(
      async () => {
        await store.mark(['m']);
        return told;
      },
      (now) => now > before + 1,
    );
  });

  test('a connection on which nothing moves any more is given up, and the watchers are told', async () => {
    let isSilent = false;
    let newest = 0;
    const port = await startRelay(server.port, (_sent, connection) => {
      if (!isSilent) newest = Math.max(newest, connection);
      return isSilent && connection <= newest ? 'silence' : 'pass';
    });
    const store = await ready({ url: `redis://127.0.0.1:${port}` });
    let told = 0;
    closeLater(store.watch(() => told++));
    expect(await until(() => told > 0, 5000)).not.toBeNull();
    isSilent = true;
    const before = told;
    expect(await until(() => told > before + 1, 15_000)).not.toBeNull();
    await eventually(() => store.get('x'));
  });

  test('who has stopped watching is not told of a new connection', async () => {
    const store = await ready();
    let told = 0;
    const stop = store.watch(() => told++);
    await until(() => told > 0, 5000);
    stop();
    const other = await ready();
    let again = 0;
    closeLater(other.watch(() => again++));
    await until(() => again > 0, 5000);
    const [before, seen] = [told, again];
    await server.send('CLIENT', 'KILL', 'TYPE', 'normal');
    expect(await until(() => again > seen, 10_000)).not.toBeNull();
    await eventually(() => store.get('x'));
    expect(told).toBe(before);
  });

  test.each(['node-redis', 'ioredis'])(
    'a user who may not subscribe is a failure of the log: marks of others would not be seen (%s)',
    async (name) => {
      await server.send('ACL', 'SETUSER', 'u', 'on', '>pw', '~*', '+@all', 'resetchannels');
      const client = () => {
        const made = new Redis({ port: server.port, host: '127.0.0.1', username: 'u', password: 'pw' });
        made.on('error', () => {});
        closeLater(() => made.disconnect());
        return made;
      };
      const store =
        name === 'ioredis' ? redisStore({ client: client() }) : open(`redis://u:pw@127.0.0.1:${server.port}`);
      closeLater(() => store.close());
      await eventually(() => store.get('x'));
      let told = 0;
      closeLater(store.watch(() => told++));
      const failure = () => store.log(null).then(() => '', String);
      expect(await eventually(failure, (text) => text !== '')).toContain('Redis refuses to subscribe to a channel');
    },
  );

  test('a rate has no more than 10,000 members in Redis, and allows none too many', async () => {
    const store = await ready();
    const rate = { requests: 25_000, per: 600_000 };
    let allowed = 0;
    for (let at = 0; at < 26; at++) {
      const takes = Array.from({ length: 1000 }, (_, one) => store.take?.('q', `${at} ${one}`, rate));
      for (const wait of await Promise.all(takes)) if (wait === 0) allowed++;
    }
    // A slot stands for three.
    expect(allowed).toBe(Math.floor(25_000 / 3) * 3);
    expect(await server.send('ZCARD', 'mashup:{q:q}:3')).toBe(`:${Math.floor(25_000 / 3)}\r\n`);
    await store.giveBack?.('q', '0 0');
    expect(await store.take?.('q', 'more', rate)).toBeGreaterThan(0);
  });

  test('a small rate over a long time does not make Redis keep what a large one over a short time has sent', async () => {
    const store = await ready();
    expect(await store.take?.('q', 'long', { requests: 5, per: 3_600_000 })).toBe(0);
    const large = { requests: 50, per: 1 };
    let sent = 0;
    while (sent < 500) if ((await store.take?.('q', `${sent}`, large)) === 0) sent++;
    expect(await server.send('ZCARD', 'mashup:{q:q}:1')).toBe(':50\r\n');
    expect(await store.take?.('q', 'one more', { requests: 5, per: 3_600_000 })).toBeGreaterThan(0);
  });

  test('its scripts are taken by a cluster', async () => {
    await server.kill();
    await server.start('--cluster-enabled', 'yes');
    await server.send('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    const store = open(server.url);
    await eventually(() => store.set('x', Buffer.from('v'), 1000));
    expect(await store.lock('k', 't', 1000)).toBe(true);
    await store.unlock('k', 't');
    await store.mark(['m']);
    expect((await store.log(null)).marks).toEqual([['m', 1]]);
    expect(await store.take?.('q', 'a', RATE)).toBe(0);
  });
});

describe('something that is no Redis', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => {}],
    ['closes', (socket) => socket.end()],
    ['answers HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')],
    ['answers bytes of no protocol', (socket) => socket.write(Buffer.alloc(100_000, 0xff))],
    ['answers what was not asked', (socket) => socket.write('$3\r\nfoo\r\n'.repeat(1000))],
    ['announces more than there is', (socket) => socket.write('$536870912\r\nx')],
  ])('and %s fails every method, and leaves nothing open', async (_what, greet) => {
    const guarded = guard(open(`redis://127.0.0.1:${await startImpostor(greet)}`));
    const stop = guarded.watch(() => {});
    for (let round = 0; round < 3; round++) {
      for (const { status } of await Promise.allSettled(every(guarded))) expect(status).toBe('rejected');
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop();
  });

  test('a host that has no address is a failure, whose report does not show the password', async () => {
    const guarded = guard(open('redis://user:secret@no-such-host.invalid'));
    for (const { status } of await Promise.allSettled(every(guarded))) expect(status).toBe('rejected');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain('secret');
  });
});
