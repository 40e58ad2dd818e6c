import { randomUUID } from 'node:crypto';
import type { QuotaConfig } from '../checked.js';
import type { GuardedStore } from './guarded-store.js';
import { markOf } from './marks.js';

/** A request that was counted, or the milliseconds until one may be. */
export interface Taken {
  readonly wait: number;
  giveBack(): void;
}

/** Counts requests for all machines. */
export class SharedQuota {
  readonly #store: GuardedStore;

  constructor(store: GuardedStore) {
    this.#store = store;
  }

  /** Rejects where the store fails. */
  async take({ requests, per, name }: QuotaConfig, origin: string): Promise<Taken> {
    // As in memory: those with a name are counted together, the others by origin and numbers.
    const key = name === null ? markOf('quota', `${requests} ${per} ${origin}`) : markOf('quota', name);
    const id = randomUUID();
    const wait = await this.#store.take(key, id, { requests, per });
    return { wait, giveBack: () => void this.#store.giveBack(key, id).catch(() => {}) };
  }
}
