// What the store needs of a Redis client, and how node-redis and ioredis give it.
import type { EventEmitter } from 'node:events';

/** A connection to Redis. */
export interface RedisConnection {
  readonly isReady: boolean;
  /** Sends a command; texts in its reply are Buffers. */
  send(command: readonly (string | Buffer)[]): Promise<unknown>;
  /** A connection of its own that listens to a channel. Calls back at each message, and whenever it has been (re)connected. */
  listen(channel: string, heard: () => void): Listener;
}

export interface Listener {
  stop(): void;
}

/** A client of node-redis (4 to 6), by its shape. */
export interface NodeRedisClient extends EventEmitter {
  readonly isReady: boolean;
  sendCommand(args: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  duplicate(overrides?: object): NodeRedisClient;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  /** Closes it at once. In version 4 it is called `disconnect`. */
  destroy?(): void;
  disconnect?(): unknown;
}

/** A client of ioredis (5 and 6), by its shape. */
export interface IORedisClient extends EventEmitter {
  readonly status: string;
  callBuffer(command: string, ...args: (string | Buffer)[]): Promise<unknown>;
  duplicate(override?: object): IORedisClient;
  subscribe(channel: string): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
}

export function isNodeRedis(client: unknown): client is NodeRedisClient {
  return (
    hasMethods(client, ['sendCommand', 'duplicate', 'connect', 'subscribe', 'on']) && 'isReady' in (client as object)
  );
}

export function isIORedis(client: unknown): client is IORedisClient {
  return hasMethods(client, ['callBuffer', 'duplicate', 'subscribe', 'disconnect', 'on']);
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

// node-redis 5 and 6 by the type of RESP that is a text, and version 4 by a flag.
const asBuffers = { typeMapping: { 36: Buffer }, returnBuffers: true };

export function overNodeRedis(client: NodeRedisClient): RedisConnection {
  return {
    get isReady() {
      return client.isReady;
    },
    send: (command) => client.sendCommand(command, asBuffers),
    listen: (channel, heard) => {
      const own = client.duplicate({ disableOfflineQueue: false });
      // Without a listener an error event would end the process. The client reconnects by itself.
      own.on('error', () => {});
      let isStopped = false;
      const tell = () => {
        if (!isStopped) heard();
      };
      own.on('ready', tell);
      // It is subscribed again after every reconnection.
      Promise.all([own.connect(), own.subscribe(channel, tell)]).catch(() => {});
      return {
        stop: () => {
          isStopped = true;
          end(own);
        },
      };
    },
  };
}

function end(client: NodeRedisClient): void {
  try {
    const ended: unknown = client.destroy === undefined ? client.disconnect?.() : client.destroy();
    Promise.resolve(ended).catch(() => {});
  } catch {
    // It is closed already.
  }
}

export function overIORedis(client: IORedisClient): RedisConnection {
  return {
    get isReady() {
      return client.status === 'ready';
    },
    send: ([command = '', ...args]) => client.callBuffer(String(command), ...args),
    listen: (channel, heard) => {
      const own = client.duplicate({ lazyConnect: false, enableReadyCheck: true });
      let isStopped = false;
      const tell = () => {
        if (!isStopped) heard();
      };
      own.on('error', () => {});
      own.on('message', tell);
      own.on('ready', () => {
        own.subscribe(channel).then(tell, () => {});
      });
      return {
        stop: () => {
          isStopped = true;
          own.disconnect();
        },
      };
    },
  };
}
