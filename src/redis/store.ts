import { randomUUID } from 'node:crypto';
import type { CacheStore, LogPosition, LogSlice } from '../cache-types.js';
import type { Listener, RedisConnection } from './connection.js';
import { logScript, markScript, takeScript, unlockScript } from './scripts.js';

const MOST_MARKS = 10_000;
// What waits for an answer. A client keeps what it has sent until there is one, though nobody waits for that any more.
const MOST_COMMANDS = 1000;
const MOST_BYTES = 16 * 1024 * 1024;

type Command = (string | Buffer)[];

/** A store in Redis. */
export class RedisStore implements CacheStore {
  readonly timeout: number;
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #onClose: () => Promise<void>;
  readonly #listeners = new Set<Listener>();
  #commands = 0;
  #bytes = 0;

  constructor(connection: RedisConnection, prefix: string, timeout: number, onClose: () => Promise<void>) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.timeout = timeout;
    this.#onClose = onClose;
  }

  async get(key: string): Promise<Buffer | null> {
    const value = await this.#send(['GET', this.#key('e', key)]);
    return Buffer.isBuffer(value) ? value : null;
  }

  async set(key: string, value: Uint8Array, ms: number): Promise<void> {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    await this.#send(['SET', this.#key('e', key), bytes, 'PX', String(Math.ceil(ms))]);
  }

  async lock(key: string, token: string, ms: number): Promise<boolean> {
    const reply = await this.#send(['SET', this.#key('l', key), token, 'NX', 'PX', String(Math.ceil(ms))]);
    return reply !== null;
  }

  async unlock(key: string, token: string): Promise<void> {
    await this.#run(unlockScript, [this.#key('l', key)], [token]);
  }

  async mark(marks: readonly string[]): Promise<void> {
    await this.#run(markScript, this.#logKeys, [this.#channel, String(MOST_MARKS), randomUUID(), ...marks]);
  }

  async log(since: LogPosition | null): Promise<LogSlice> {
    const seen = since === null ? ['', '0'] : [since.epoch, String(since.at)];
    const reply = await this.#run(logScript, this.#logKeys, [randomUUID(), ...seen]);
    const [epoch, at, floor, list] = reply as [Buffer, number, Buffer, Buffer[]];
    const marks: [string, number][] = [];
    for (let index = 0; index + 1 < list.length; index += 2) marks.push([String(list[index]), Number(list[index + 1])]);
    return { epoch: String(epoch), at: Number(at), floor: Number(floor), marks };
  }

  watch(changed: () => void): () => void {
    const listener = this.#connection.listen(this.#channel, changed);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      listener.stop();
    };
  }

  async take(key: string, id: string, rate: { readonly requests: number; readonly per: number }): Promise<number> {
    const args = [id, String(rate.requests), String(rate.per)];
    return Number(await this.#run(takeScript, [this.#quotaKey(key), `${this.#quotaKey(key)}:longest`], args));
  }

  async giveBack(key: string, id: string): Promise<void> {
    await this.#send(['ZREM', this.#quotaKey(key), id]);
  }

  /** Ends its connections: those that it made itself. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.stop();
    this.#listeners.clear();
    await this.#onClose();
  }

  #key(kind: string, key: string): string {
    return `${this.#prefix}${kind}:${key}`;
  }

  #quotaKey(key: string): string {
    return `${this.#prefix}{q:${key}}`;
  }

  get #channel(): string {
    return `${this.#prefix}changed`;
  }

  get #logKeys(): string[] {
    return ['log', 'number', 'floor', 'epoch'].map((name) => `${this.#prefix}{log}:${name}`);
  }

  #run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#send(['EVAL', script, String(keys.length), ...keys, ...args]);
  }

  async #send(command: Command): Promise<unknown> {
    const bytes = command.reduce((sum, { length }) => sum + length, 0);
    if (!this.#connection.isReady) throw new Error('there is no connection to Redis');
    if (this.#commands >= MOST_COMMANDS || this.#bytes + bytes > MOST_BYTES) {
      throw new Error('too many commands wait for Redis');
    }
    this.#commands++;
    this.#bytes += bytes;
    try {
      return await this.#connection.send(command);
    } finally {
      this.#commands--;
      this.#bytes -= bytes;
    }
  }
}
