import { randomUUID } from 'node:crypto';
import type { CacheStore, LogPosition, LogSlice } from '../cache-types.js';
import type { Listener, RedisConnection } from './connection.js';
import { logScript, markScript, takeScript, unlockScript } from './scripts.js';

const MOST_MARKS = 10_000;
/** A quota has no more of these in Redis, whatever its rate. */
const MOST_SLOTS = 10_000;
/** A handful of instances read the log through one store, each from a position of its own. */
const MOST_STEPS = 100;
// What waits for an answer. A client keeps what it has sent until there is one, though nobody waits for that any more.
const MOST_COMMANDS = 1000;
const MOST_BYTES = 16 * 1024 * 1024;

type Rate = { readonly requests: number; readonly per: number };
type Command = (string | Buffer)[];

/** A store in Redis. */
export class RedisStore implements CacheStore {
  readonly timeout: number;
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #onClose: () => Promise<void>;
  readonly #listeners = new Set<Listener>();
  /** The names of the steps that were the last ones at positions of the log. */
  readonly #steps = new Map<string, string>();
  /** Why there are no messages. */
  #refusal: Error | null = null;
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
    await this.#run(markScript, this.#logKeys, [
      randomUUID(),
      randomUUID(),
      this.#channel,
      String(MOST_MARKS),
      ...marks,
    ]);
  }

  async log(since: LogPosition | null): Promise<LogSlice> {
    // Who is not told of marks must not believe that there are none.
    if (this.#refusal !== null) throw this.#refusal;
    const seen = since === null ? ['', '0', ''] : [since.epoch, String(since.at), this.#steps.get(idOf(since)) ?? ''];
    const reply = await this.#run(logScript, this.#logKeys, [randomUUID(), ...seen]);
    const [epoch, at, floor, list, step] = reply as [Buffer, number, Buffer, Buffer[], Buffer];
    const marks: [string, number][] = [];
    for (let index = 0; index + 1 < list.length; index += 2) marks.push([String(list[index]), Number(list[index + 1])]);
    const slice = { epoch: String(epoch), at: Number(at), floor: Number(floor), marks };
    this.#remember(slice, String(step));
    return slice;
  }

  watch(changed: () => void): () => void {
    const listener = this.#connection.listen(this.#channel, {
      heard: () => {
        this.#refusal = null;
        changed();
      },
      refused: (cause) => {
        this.#refusal = new Error('Redis refuses to subscribe to a channel', { cause });
        changed();
      },
    });
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      listener.stop();
    };
  }

  async take(key: string, id: string, { requests, per }: Rate): Promise<number> {
    const each = Math.ceil(requests / MOST_SLOTS);
    const slots = Math.floor(requests / each);
    const slotsKey = this.#quotaKey(key, each);
    const args = [id, String(slots), String(per), String(each)];
    return Number(await this.#run(takeScript, [slotsKey, `${slotsKey}:known`], args));
  }

  async giveBack(key: string, id: string): Promise<void> {
    // Where a slot stands for several requests, there is none of that id, and the request counts on.
    await this.#send(['ZREM', this.#quotaKey(key, 1), id]);
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

  /** Slots that stand for different numbers of requests cannot be counted together. */
  #quotaKey(key: string, each: number): string {
    return `${this.#prefix}{q:${key}}:${each}`;
  }

  #remember(position: LogPosition, step: string): void {
    this.#steps.delete(idOf(position));
    this.#steps.set(idOf(position), step);
    if (this.#steps.size <= MOST_STEPS) return;
    for (const oldest of this.#steps.keys()) {
      this.#steps.delete(oldest);
      return;
    }
  }

  get #channel(): string {
    return `${this.#prefix}changed`;
  }

  get #logKeys(): string[] {
    return ['log', 'number', 'floor', 'epoch', 'steps'].map((name) => `${this.#prefix}{log}:${name}`);
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

function idOf({ epoch, at }: LogPosition): string {
  return `${epoch} ${at}`;
}
