import { AsyncResource } from 'node:async_hooks';
import type { AxiosInstance } from 'axios';
import { Cache, type CacheConfig } from './cache/cache.js';
import { type Clock, systemClock } from './clock.js';
import { cacheDefaults, limitDefaults } from './config/defaults.js';
import { FailureLog } from './failure-log.js';
import { Origins } from './origin/origins.js';
import { Quotas } from './origin/quota.js';
import type { LimitOptions } from './settings-types.js';
import { Flights } from './stages/coalesce.js';
import type { Instance, Scope, Verdict } from './stages/stage.js';
import { instanceClosed } from './transport/closed.js';
import { KeptConnections } from './transport/connections.js';
import type { Connections } from './transport/wire.js';
import type { FailureListener } from './types.js';

interface Parts {
  readonly clock?: Clock;
  readonly connections?: Connections;
  readonly axios?: AxiosInstance | null;
  /** Undefined: what is usual. */
  readonly onFailure?: FailureListener | false | undefined;
  readonly limits?: Required<LimitOptions>;
  readonly cache?: CacheConfig;
}

/** What the pages of one mashup share. They read it at each use, so that a part can be replaced. */
export class MashupInstance implements Instance {
  clock: Clock;
  connections: Connections;
  readonly axios: AxiosInstance | null;
  readonly onFailure: FailureListener | false;
  origins: Origins;
  quotas = new Quotas();
  cache: Cache;
  readonly shared: SharedScope;
  generation = 0;
  /** How many pages were made on it. */
  pages = 0;
  verdict: Verdict | null = null;
  #closes = 0;
  readonly #limits: Required<LimitOptions>;
  readonly #cacheConfig: CacheConfig;

  constructor({ clock, connections, axios, onFailure, limits, cache }: Parts = {}) {
    this.clock = clock ?? systemClock;
    this.connections = connections ?? new KeptConnections();
    this.axios = axios ?? null;
    this.onFailure = onFailure ?? usualListener();
    this.#limits = limits ?? limitDefaults;
    this.#cacheConfig = cache ?? cacheDefaults;
    this.origins = new Origins(this.#limits, this);
    this.cache = new Cache(this.#cacheConfig, () => this.clock);
    this.shared = new SharedScope(this);
  }

  /** See `Mashup.close`. */
  close(timeout?: number): Promise<void> {
    this.#closes++;
    this.cache.close();
    return this.connections.close(timeout, () => this.#cut());
  }

  /**
   * Puts a clock, connections and a verdict in the place of its own, and forgets for the time being what it knows of origins and
   * answers: nothing of one side is seen on the other. Runs that are under way at either change send nothing more.
   * @returns puts everything back
   */
  lend(parts: Pick<MashupInstance, 'clock' | 'connections' | 'verdict'>): () => void {
    const { clock, connections, verdict, origins, quotas, cache } = this;
    const closes = this.#closes;
    this.#cut();
    const { store: _, ...config } = this.#cacheConfig;
    const fresh = { origins: new Origins(this.#limits, this), quotas: new Quotas() };
    Object.assign(this, parts, fresh, { cache: new Cache(config, () => this.clock) });
    return () => {
      this.#cut();
      Object.assign(this, { clock, connections, verdict, origins, quotas, cache });
      // It was closed in the meantime.
      if (this.#closes > closes) cache.close();
    };
  }

  #cut(): void {
    this.generation++;
    this.shared.flights.giveUp(instanceClosed);
    this.origins.refuseAll(instanceClosed);
  }
}

/** Developers should see what visitors see as a box without data. In production, logs are the app's own business. */
function usualListener(): FailureListener | false {
  const mode = process.env['NODE_ENV'];
  if (mode === 'production' || mode === 'test') return false;
  return new FailureLog(() => performance.now(), console.error).onFailure;
}

/** The scope of requests that runs share. They use no run's slots, only the limits of their origin, and no run's async context. */
class SharedScope implements Scope {
  readonly instance: Instance;
  readonly slots = null;
  readonly flights = new Flights(this);
  readonly async = new AsyncResource('EXPRESS_MASHUP_INSTANCE');

  constructor(instance: Instance) {
    this.instance = instance;
  }

  get generation(): number {
    return this.instance.generation;
  }
}
