import type { AxiosInstance } from 'axios';
import type { NextFunction, Request, Response } from 'express';
import { type Limits, Origins } from './call/origins.js';
import { systemClock } from './clock.js';
import { limitDefaults } from './config/defaults.js';
import { readPage } from './config/page.js';
import { withDefaults } from './config/resilience.js';
import { readSettings } from './config/settings.js';
import type { UpstreamError } from './errors.js';
import { attach, findCollision, serverTiming } from './locals.js';
import type { Mashup, Page } from './page-types.js';
import { Run, type RunOwner, type RunServices } from './run/run.js';
import { KeptConnections } from './transport/connections.js';
import { DispatcherConnections } from './transport/dispatcher.js';
import type { PageOptions, Settings, UpstreamMap } from './types.js';

/**
 * Makes an instance: pages that share connections among themselves and with no other instance.
 * @throws {ConfigError} with every problem of the settings
 */
export function createMashup(settings: Settings = {}): Mashup {
  const { dispatcher, axios = null, limits } = readSettings(settings);
  const connections = dispatcher === undefined ? new KeptConnections() : new DispatcherConnections(dispatcher);
  return mashupWith(
    { clock: systemClock, connections, origins: new Origins(withDefaults<Limits>(limitDefaults, limits ?? {})) },
    axios as AxiosInstance | null,
  );
}

/** The same on given services, which tests replace. @internal */
export function mashupWith(
  given: Omit<RunServices, 'origins'> & Partial<RunServices>,
  axios: AxiosInstance | null = null,
): Mashup {
  const services: RunServices = { origins: new Origins(limitDefaults), ...given };
  const mashup = (upstreams: UpstreamMap, options?: PageOptions) => page(services, axios, upstreams, options);
  return Object.assign(mashup, {
    stats: () => services.origins.stats(services.clock.now()),
    close: ({ timeout }: { timeout?: number } = {}) => services.connections.close(timeout),
  }) as Mashup;
}

function page(
  services: RunServices,
  axios: AxiosInstance | null,
  upstreams: UpstreamMap,
  options: PageOptions = {},
): Page {
  const plan = readPage(upstreams, options, axios);
  const { into } = plan.options;
  return function mashupMiddleware(req: Request, res: Response, next: NextFunction): void {
    const collision = findCollision(res.locals, plan.names, into);
    if (collision !== null) return next(collision);
    // The client has left already: there is nobody to answer.
    if (res.closed || req.socket?.destroyed) return;
    const visit = new Visit(res, next);
    const run = new Run(plan, services, req, res.locals, visit);
    visit.watch(run);
    run.start();
  };
}

/** One run as Express sees it. */
class Visit implements RunOwner {
  readonly #res: Response;
  readonly #next: NextFunction;
  #run: Run | null = null;
  // Where it is made matters: V8 puts a function that is assigned to a property (`this.#onClose = () => …`) in old space, and
  // there it would keep the run and all its data, long dead, until the next full collection.
  readonly #onClose = () => {
    this.#unwatch();
    this.#run?.cancel();
  };

  constructor(res: Response, next: NextFunction) {
    this.#res = res;
    this.#next = next;
  }

  watch(run: Run): void {
    this.#run = run;
    this.#res.on('close', this.#onClose);
  }

  #unwatch(): void {
    this.#res.removeListener('close', this.#onClose);
  }

  runEnded(run: Run, error: UpstreamError | null): void {
    this.#unwatch();
    this.#next(this.#attach(run) ?? error ?? undefined);
  }

  #attach({ plan, outcomes, clock, began }: Run): unknown {
    const res = this.#res;
    try {
      attach(res.locals, plan.names, outcomes, plan.options.into);
      if (plan.options.serverTiming && !res.headersSent) {
        res.append('Server-Timing', serverTiming(outcomes, clock.now() - began));
      }
      return null;
    } catch (problem) {
      return problem;
    }
  }
}
