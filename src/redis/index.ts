// The entry `express-mashup/redis`: a second level of the cache, shared by machines.
import type { CacheStore } from '../cache-types.js';
import { aPlainObject, aString, type Check, checkOptions, given, milliseconds } from '../config/checks.js';
import { Problems } from '../errors.js';
import {
  type ChannelListener,
  type IORedisClient,
  isIORedis,
  isNodeRedis,
  type Listener,
  type NodeRedisClient,
  overIORedis,
  overNodeRedis,
  type RedisConnection,
} from './connection.js';
import { RedisStore } from './store.js';

export type { IORedisClient, NodeRedisClient };

export interface RedisStoreOptions {
  /** Where Redis is: `redis://user:password@host:6379/0`, or `rediss://`. Needs the package `@redis/client`. */
  url?: string;
  /** A client of node-redis or ioredis, in place of `url`. It stays its owner's to connect and to close. */
  client?: NodeRedisClient | IORedisClient;
  /** What all keys begin with. Applications with different data need different ones. @default 'mashup:' */
  prefix?: string;
  /** Milliseconds that the cache waits for each answer. @default 50 */
  timeout?: number;
}

/** A store that can be closed. */
export interface ClosableStore extends CacheStore {
  /** Ends its own connections; not a `client` that was given. */
  close(): Promise<void>;
}

const checks: { readonly [Option in keyof Required<RedisStoreOptions>]: Check } = {
  url: (value) =>
    typeof value === 'string' && /^rediss?:\/\/[^/]*(\/\d*)?$/.test(value) && URL.canParse(value)
      ? null
      : 'a URL that begins with redis:// or rediss://, and has at most the number of a database as its path',
  client: (value) => (isNodeRedis(value) || isIORedis(value) ? null : 'a client of node-redis or ioredis'),
  prefix: aString,
  timeout: milliseconds,
};

/**
 * A store for `createMashup({ cache: { store } })`. It connects at once, and again whenever the connection is lost.
 * @throws {ConfigError} with every problem of the options
 * @example const mashup = createMashup({ cache: { store: redisStore({ url: process.env.REDIS_URL }) } });
 */
export function redisStore(options: RedisStoreOptions): ClosableStore {
  const problems = new Problems();
  if (aPlainObject(options) !== null) problems.add('', `expected an object, but was given ${given(options)}`);
  else {
    checkOptions(options as Record<string, unknown>, checks, '', problems);
    const { url, client } = options;
    if ((url === undefined) === (client === undefined)) problems.add('', 'expected one of url and client');
  }
  problems.throwIfAny();
  const { url, client, prefix = 'mashup:', timeout = 50 } = options;
  if (client !== undefined) {
    const connection = isNodeRedis(client) ? overNodeRedis(client) : overIORedis(client as IORedisClient);
    return new RedisStore(connection, prefix, timeout, async () => {});
  }
  const own = new OwnConnection(url as string);
  return new RedisStore(own, prefix, timeout, () => own.close());
}

/** A connection by a client of our own, which is loaded only for this. */
class OwnConnection implements RedisConnection {
  readonly #client: Promise<NodeRedisClient>;
  #connected: RedisConnection | null = null;
  #failure: Error | null = null;
  #isClosed = false;

  constructor(url: string) {
    this.#client = connect(url);
    this.#client.then(
      (client) => {
        this.#connected = overNodeRedis(client);
      },
      (error: Error) => {
        this.#failure = error;
      },
    );
  }

  get isReady(): boolean {
    // So that what is sent tells why it cannot be.
    return this.#failure !== null || (this.#connected?.isReady ?? false);
  }

  send(command: readonly (string | Buffer)[]): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return (this.#connected as RedisConnection).send(command);
  }

  listen(channel: string, { heard, refused }: ChannelListener): Listener {
    let listener: Listener | null = null;
    let isStopped = false;
    const started = this.#client.then(
      (client) => {
        if (isStopped || this.#isClosed) return null;
        listener = overNodeRedis(client).listen(channel, { heard, refused });
        // Where this is ready later than its listener, the log can be read only now.
        client.on('ready', heard);
        return client;
      },
      () => null,
    );
    return {
      stop: () => {
        isStopped = true;
        listener?.stop();
        void started.then((client) => client?.off('ready', heard));
      },
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const client = await this.#client.catch(() => null);
    client?.destroy?.();
  }
}

const LONGEST_PAUSE_MS = 2000;
// A connection may die without a word: behind a firewall, or with the machine at its other end. The system would notice after
// a quarter of an hour. So Redis is pinged, and a connection on which nothing moves is given up. What is written counts as a
// move, but the cache soon leaves longer pauses between its tries.
const PING_MS = 1000;
const SILENCE_MS = 3000;

async function connect(url: string): Promise<NodeRedisClient> {
  const { createClient } = await nodeRedis();
  const client = createClient({
    url,
    // A command that cannot be sent now is of no use later.
    disableOfflineQueue: true,
    pingInterval: PING_MS,
    socket: {
      connectTimeout: 2000,
      socketTimeout: SILENCE_MS,
      // Machines must not come back all at the same time.
      reconnectStrategy: (tries) => Math.random() * Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(tries, 10)),
    },
  });
  // Without a listener an error event would end the process. The cache reports that the store fails.
  client.on('error', () => {});
  client.connect().catch(() => {});
  return client as unknown as NodeRedisClient;
}

/** The optional package. In `try`, a bundler does without it where it is not installed. */
async function nodeRedis(): Promise<typeof import('@redis/client')> {
  try {
    return await import('@redis/client');
  } catch {
    throw new Error('redisStore({ url }) needs a package: npm install @redis/client');
  }
}
