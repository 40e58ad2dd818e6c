import type { Socket } from 'node:net';
import type { AxiosInstance } from 'axios';
import type { NextFunction, Request, Response } from 'express';
import type { CacheTarget } from './cache-types.js';
import type { PageConfig } from './checked.js';
import { readTarget } from './config/cache.js';
import { cacheDefaults, limitDefaults } from './config/defaults.js';
import { readPage, readRunInput } from './config/page.js';
import { onlyGiven, withDefaults } from './config/resilience.js';
import { readSettings } from './config/settings.js';
import type { UpstreamError } from './errors.js';
import { MashupInstance } from './instance.js';
import { attach, dataOf, findCollision, type OutcomesOfPage, outcomesOf, serverTiming } from './locals.js';
import { noteGraph } from './notes.js';
import { sayHowCached, takeBack } from './page-cache/apply.js';
import { factsOf, type PageFacts } from './page-cache/facts.js';
import { runPage } from './page-run.js';
import type { Mashup, Page } from './page-types.js';
import { forgetSocket, watchSocket } from './pipelined.js';
import { routeOf } from './route.js';
import { Run, type RunOwner } from './run/run.js';
import { noteInstance } from './seam.js';
import type { LimitOptions, Settings } from './settings-types.js';
import { DispatcherConnections } from './transport/dispatcher.js';
import type { PageOptions, RunInput, UpstreamMap } from './types.js';
import { warnOnce } from './warn.js';

/**
 * Makes an instance: pages that share connections among themselves and with no other instance.
 * @throws {ConfigError} with every problem of the settings
 */
export function createMashup(settings: Settings = {}): Mashup {
  const { dispatcher, axios, onFailure, limits, cache } = readSettings(settings);
  return mashupOn(
    new MashupInstance({
      ...(dispatcher !== undefined && { connections: new DispatcherConnections(dispatcher) }),
      axios: (axios ?? null) as AxiosInstance | null,
      onFailure,
      limits: withDefaults<Required<LimitOptions>>(limitDefaults, limits ?? {}),
      cache: { ...cacheDefaults, ...onlyGiven(cache ?? {}) },
    }),
  );
}

/** No app has so many routes: pages are made in a handler. */
const MANY_PAGES = 2000;

/** The same on a given instance. @internal */
export function mashupOn(instance: MashupInstance): Mashup {
  const mashup = (upstreams: UpstreamMap, options?: PageOptions) => page(instance, upstreams, options);
  noteInstance(mashup, instance);
  return Object.assign(mashup, {
    stats: () => ({
      origins: instance.origins.stats(),
      cache: instance.cache.stats(),
      store: instance.cache.storeStats(),
    }),
    invalidate: async (target: CacheTarget) => instance.cache.mark('stale', readTarget(target)),
    purge: async (target: CacheTarget) => instance.cache.mark('gone', readTarget(target)),
    close: ({ timeout }: { timeout?: number } = {}) => instance.close(timeout),
  }) as Mashup;
}

function page(instance: MashupInstance, upstreams: UpstreamMap, options: PageOptions = {}): Page {
  if (++instance.pages === MANY_PAGES) {
    const what = `${MANY_PAGES} pages have been made on one instance`;
    warnOnce('MASHUP_PAGES', `${what}: make a page where its route is mounted, not in a handler, for each request`);
  }
  const plan = readPage(upstreams, options, instance.axios);
  const { into } = plan.options;
  const made: MadePage = {
    facts: plan.options.pageCache === null ? null : factsOf(plan.calls, instance.axios !== null),
    Outcomes: outcomesOf(plan.graph),
  };

  function mashupMiddleware(req: Request, res: Response, next: NextFunction): void {
    if (typeof next !== 'function') {
      throw new TypeError('a page is Express middleware: mount it on a route, or call page.run() where there is none');
    }
    const collision = findCollision(res.locals, plan, into);
    if (collision !== null) return next(collision);
    // The client has already left.
    if (res.closed || req.socket?.destroyed) return;
    const visit = new Visit(req, res, next, made);
    const run = new Run(plan, instance, req, req, res.locals, visit);
    visit.watch(run, req);
    run.start();
  }

  async function run(input: RunInput = {}) {
    const { outcomes, promised } = await runPage(plan, instance, readRunInput(input));
    return {
      data: dataOf(outcomes, promised),
      outcomes: Object.assign(
        new made.Outcomes(),
        Object.fromEntries(outcomes.map((outcome) => [outcome.name, outcome])),
      ),
    };
  }

  noteGraph(mashupMiddleware, plan.graph);
  return Object.assign(mashupMiddleware, { run }) as Page;
}

/** What was worked out when a page was made. */
interface MadePage {
  /** What it depends on, where it says how it may be cached itself; else null. */
  readonly facts: PageFacts | null;
  readonly Outcomes: OutcomesOfPage;
}

/** One run as Express sees it. */
class Visit implements RunOwner {
  readonly #req: Request;
  readonly #res: Response;
  readonly #next: NextFunction;
  readonly #page: MadePage;
  #run: Run | null = null;
  /** The client's socket, while the response has none of its own yet (see pipelined.ts); else null. */
  #socket: Socket | null = null;
  // A field initializer on purpose: V8 puts a function that is assigned to a property (`this.#onClose = () => …`) in old space,
  // where it would keep the ended run and all its data until the next full collection.
  readonly #onClose = () => {
    this.#unwatch();
    this.#run?.cancel();
  };

  constructor(req: Request, res: Response, next: NextFunction, page: MadePage) {
    this.#req = req;
    this.#res = res;
    this.#next = next;
    this.#page = page;
  }

  watch(run: Run, { socket }: Request): void {
    this.#run = run;
    this.#res.on('close', this.#onClose);
    // Null: the response waits behind another one on its connection. (Without any connection it is undefined.)
    if (this.#res.socket !== null) return;
    this.#socket = socket;
    watchSocket(socket, this.#onClose);
  }

  #unwatch(): void {
    this.#res.removeListener('close', this.#onClose);
    if (this.#socket !== null) forgetSocket(this.#socket, this.#onClose);
  }

  /** Nothing is under way any more that had to be given up when the response ends. */
  allEnded(): void {
    this.#unwatch();
  }

  runEnded(run: Run, error: UpstreamError | null): void {
    // Another page has attached its data before.
    const isJoined = 'mashup' in this.#res.locals;
    const problem = this.#attach(run) ?? error;
    const { facts } = this.#page;
    if (problem === null && facts !== null) {
      if (!this.#isKnown(run, facts, isJoined)) this.#goOn();
      return;
    }
    if (isJoined) takeBack(this.#res);
    if (problem === null) this.#goOn();
    else this.#next(problem);
  }

  /** To the next handler. One that is not asynchronous has replaced `res.locals` by then, if it does. */
  #goOn(): void {
    const { locals } = this.#res;
    this.#next();
    if (this.#res.locals === locals) return;
    const page = routeOf(this.#req) ?? 'a page';
    const why = `what stands after ${page} replaces res.locals, where its data is`;
    warnOnce('MASHUP_LOCALS', `${why}: add to res.locals, or let it stand before the page`);
  }

  /** Says how the page may be cached; true if the client has it already and was told so. */
  #isKnown({ plan, outcomes, isHurried, instance, began }: Run, facts: PageFacts, isJoined: boolean): boolean {
    const { pageCache } = plan.options;
    if (pageCache === null) return false;
    const { clock } = instance;
    const ended = clock.now() - began;
    return sayHowCached(
      this.#req,
      this.#res,
      { outcomes, ended, date: clock.date(), isHurried, isJoined },
      facts,
      pageCache,
    );
  }

  #attach({ plan, outcomes, promised, instance, began }: Run): unknown {
    const res = this.#res;
    try {
      attach(res.locals, plan, outcomes, promised, plan.options.into, this.#page.Outcomes);
      if (!res.headersSent && wantsTiming(plan.options.serverTiming, this.#req)) {
        res.append('Server-Timing', serverTiming(outcomes, instance.clock.now() - began));
      }
      return null;
    } catch (problem) {
      return problem;
    }
  }
}

function wantsTiming(serverTiming: PageConfig['serverTiming'], req: Request): boolean {
  if (typeof serverTiming === 'boolean') return serverTiming;
  try {
    return serverTiming(req) === true;
  } catch {
    return false;
  }
}
