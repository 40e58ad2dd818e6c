// What the store needs of a Redis client, and how node-redis and ioredis give it.
import type { EventEmitter } from 'node:events';

/** A connection to Redis. */
export interface RedisConnection {
  readonly isReady: boolean;
  /** Sends a command; texts in its reply are Buffers. */
  send(command: readonly (string | Buffer)[]): Promise<unknown>;
  /** A connection of its own that listens to a channel. */
  listen(channel: string, listener: ChannelListener): Listener;
}

export interface ChannelListener {
  /** There was a message, or it listens (again). */
  heard(): void;
  /** Redis refuses to let it listen. */
  refused(cause: unknown): void;
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
    listen: (channel, listener) => {
      const own = client.duplicate();
      const stop = subscribeWhenReady(
        own,
        listener,
        // Where it is subscribed already, there is no promise.
        async (heard) => own.subscribe(channel, heard),
        () => own.isReady,
      );
      // It reconnects by itself.
      own.connect().catch(() => {});
      return {
        stop: () => {
          stop();
          end(own);
        },
      };
    },
  };
}

/**
 * Subscribes at each connection, whether or not the client does that itself: node-redis does not repeat a subscription that
 * failed because the connection was lost.
 */
function subscribeWhenReady(
  own: EventEmitter,
  listener: ChannelListener,
  subscribe: (heard: () => void) => Promise<unknown>,
  isConnected: () => boolean,
): () => void {
  let isStopped = false;
  const heard = () => {
    if (!isStopped) listener.heard();
  };
  // Without a listener an error event would end the process.
  own.on('error', () => {});
  // ioredis has this event; node-redis calls back.
  own.on('message', heard);
  own.on('ready', () => {
    subscribe(heard).then(heard, (cause) => {
      // Where the connection was lost, there will be another.
      if (!isStopped && isConnected()) listener.refused(cause);
    });
  });
  return () => {
    isStopped = true;
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
    listen: (channel, listener) => {
      const own = client.duplicate({ lazyConnect: false, enableReadyCheck: true });
      const stop = subscribeWhenReady(
        own,
        listener,
        () => own.subscribe(channel),
        () => own.status === 'ready',
      );
      return {
        stop: () => {
          stop();
          own.disconnect();
        },
      };
    },
  };
}
