import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { type ClosableStore, redisStore } from '../../src/redis/index.js';
import { describeWith } from '../setup/tools.js';
import { ManualClock } from '../support/clock.js';
import { closeAll, closeLater } from '../support/closing.js';
import { until } from '../support/deferred.js';
import { MemoryStore } from '../support/memory-store.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeStore } from './store-contract.js';

afterEach(closeAll);

describe('in memory', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore(new ManualClock());
  });
  describeStore('memory', async () => store);
});

describeWith('redis-server', 'in Redis', (program) => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis(program);
  });

  async function ready(store: ClosableStore): Promise<ClosableStore> {
    closeLater(() => store.close());
    let isReady = false;
    while (!isReady) {
      isReady = await store.get('x').then(
        () => true,
        () => false,
      );
      if (!isReady) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return store;
  }

  describeStore('Redis by its URL', () => ready(redisStore({ url: server.url })));

  describeStore('Redis by a client of node-redis', async () => {
    const client = createClient({ url: server.url });
    client.on('error', () => {});
    await client.connect();
    closeLater(() => client.destroy());
    return await ready(redisStore({ client: client as never }));
  });

  describeStore('Redis by a client of ioredis', async () => {
    const client = new Redis(server.port, '127.0.0.1');
    client.on('error', () => {});
    closeLater(() => client.disconnect());
    return await ready(redisStore({ client }));
  });

  test('keys are hashed by the cache, and have the prefix', async () => {
    const store = await ready(redisStore({ url: server.url, prefix: 'shop:' }));
    await store.set('key', Buffer.from('value'), 60_000);
    await store.lock('key', 'token', 60_000);
    await store.mark(['m']);
    await store.take?.('q', 'id', { requests: 1, per: 60_000 });
    const keys = await server.send('KEYS', '*');
    const names = keys.split('\r\n').filter((line) => line !== '' && !/^[*$]/.test(line));
    expect(names.length).toBeGreaterThan(4);
    expect(names.filter((name) => !name.startsWith('shop:'))).toEqual([]);
  });

  test('a mark is in the log once, and the oldest go where there are more than 10,000', async () => {
    const store = await ready(redisStore({ url: server.url, timeout: 5000 }));
    const names = Array.from({ length: 10_005 }, (_, at) => `m${at}`);
    await store.mark(names);
    await store.mark(['m10']);
    const { marks, floor, at } = await store.log(null);
    expect({ count: marks.length, floor, at }).toEqual({ count: 10_000, floor: 5, at: 10_006 });
  });

  test('a server that starts anew has another epoch, and the watchers are told', async () => {
    const store = await ready(redisStore({ url: server.url }));
    let told = 0;
    closeLater(store.watch(() => told++));
    await until(() => told > 0, 5000);
    await store.mark(['m']);
    const { epoch, at } = await store.log(null);
    await server.kill();
    await expect(store.get('x')).rejects.toThrow();
    const before = told;
    await server.start();
    expect(await until(() => told > before, 10_000)).not.toBeNull();
    await ready(store);
    const after = await store.log({ epoch, at });
    expect(after.epoch).not.toBe(epoch);
    expect(after.marks).toEqual([]);
  });

  test('a key of another type, and a full server, are failures and nothing else', async () => {
    const store = await ready(redisStore({ url: server.url }));
    await server.send('SADD', 'mashup:e:set', 'x');
    await expect(store.get('set')).rejects.toThrow('WRONGTYPE');
    await server.send('CONFIG', 'SET', 'maxmemory', '1');
    await expect(store.set('key', Buffer.alloc(10), 1000)).rejects.toThrow('OOM');
    await expect(store.mark(['m'])).rejects.toThrow('OOM');
  });

  test('a wrong password is a failure whose message does not show it', async () => {
    await server.send('CONFIG', 'SET', 'requirepass', 'right');
    const store = redisStore({ url: `redis://:wrong-secret@127.0.0.1:${server.port}` });
    closeLater(() => store.close());
    const failure: Error = await store.get('x').catch((error) => error);
    expect(failure.message).not.toContain('wrong-secret');
  });

  test('commands that wait for a paused server are bounded', async () => {
    const store = await ready(redisStore({ url: server.url }));
    server.pause();
    const waiting = Array.from({ length: 1001 }, () => store.get('x'));
    await expect(waiting[1000]).rejects.toThrow('too many commands wait for Redis');
    server.resume();
    expect(await Promise.all(waiting.slice(0, 1000))).toHaveLength(1000);
  });
});

test.each([
  [{}, 'expected one of url and client'],
  [{ url: 'http://localhost' }, 'url: expected a URL that begins with redis:// or rediss://'],
  [{ url: 'redis://localhost/cache' }, 'has at most the number of a database as its path'],
  [{ client: {} }, 'client: expected a client of node-redis or ioredis, but was given an object'],
  [{ url: 'redis://x', prefix: 7, timeout: 0 }, '2 problems'],
  [{ uri: 'redis://x' }, "uri: is not an option: here it is called 'url'"],
])('wrong options are refused: %j', (options, message) => {
  expect(() => redisStore(options as never)).toThrow(message);
});

test('a URL is not shown with its password', () => {
  expect(() => redisStore({ url: 'http://user:secret@localhost' })).toThrow("but was given 'http://localhost'");
});

test('a client that cannot connect keeps no process alive once it is closed, and rejects at once', async () => {
  const store = redisStore({ url: 'redis://127.0.0.1:1' });
  await expect(store.get('x')).rejects.toThrow('there is no connection to Redis');
  await store.close();
  await store.close();
});
