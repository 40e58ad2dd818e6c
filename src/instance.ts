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
import type { Instance, Scope } from './stages/stage.js';
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
  readonly origins: Origins;
  readonly quotas = new Quotas();
  readonly cache: Cache;
  readonly shared: SharedScope;
  generation = 0;

  constructor({ clock, connections, axios, onFailure, limits, cache }: Parts = {}) {
    this.clock = clock ?? systemClock;
    this.connections = connections ?? new KeptConnections();
    this.axios = axios ?? null;
    this.onFailure = onFailure ?? usualListener();
    this.origins = new Origins(limits ?? limitDefaults, this);
    this.cache = new Cache(cache ?? cacheDefaults, () => this.clock);
    this.shared = new SharedScope(this);
  }

  /** See `Mashup.close`. */
  close(timeout?: number): Promise<void> {
    this.cache.close();
    return this.connections.close(timeout, () => this.#cut());
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
