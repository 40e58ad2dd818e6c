// Runs of pages on one instance, between clients that come and leave and upstreams that follow a script.
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { MashupInstance } from '../../src/instance.js';
import { mashupOn } from '../../src/mashup.js';
import type { Mashup, Page } from '../../src/page-types.js';
import { ManualClock } from '../support/clock.js';
import { settled } from '../support/deferred.js';
import { Chance } from './chance.js';
import { Heard } from './heard.js';
import { type Client, configure, hosts, type Input, lateDeadlineOf, optionsOf, type Surroundings } from './inputs.js';
import type { Watched } from './ledger.js';
import { ScriptedConnections } from './model.js';
import { tap } from './tap.js';
import { Visit } from './visit.js';
import { Watch } from './watch.js';

/** What an Express route is given, as much of it as a page touches. */
type Handler = (req: object, res: object, next: (error?: unknown) => void) => void;

// Holds whose run it is. One for all worlds: each that is made is asked at every promise from then on.
const storage = new AsyncLocalStorage<Visit>();

export class World implements Watched, Surroundings {
  readonly input: Input;
  readonly clock = new ManualClock();
  readonly faults: string[] = [];
  readonly visits: Visit[] = [];
  /** Whether the instance has been closed, once it is to be. */
  isClosed: boolean | null = null;
  hooks = 0;
  /** When what is stored was made stale, or purged. */
  readonly marked: { readonly at: number; readonly how: 'invalidate' | 'purge'; readonly what: string }[] = [];
  readonly connections: ScriptedConnections;
  readonly instance: MashupInstance;
  readonly mashup: Mashup;
  readonly watch: Watch;
  /** Null where nobody listens. */
  readonly heard: Heard | null;
  readonly #pages: readonly Page[];
  readonly #began = this.clock.now();

  constructor(input: Input) {
    this.input = input;
    this.connections = new ScriptedConnections(this.clock, input.scripts, (exchange) => this.watch.wired(exchange));
    this.heard = input.isHeard ? new Heard() : null;
    const { clock, connections } = this;
    const onFailure = this.heard?.onFailure ?? false;
    this.instance = new MashupInstance({ clock, connections, limits: input.limits, onFailure });
    this.mashup = mashupOn(this.instance);
    this.watch = new Watch(this);
    tap(this.instance, this.watch);
    this.#pages = input.pages.map((page, at) => this.mashup(configure(at, input, this), optionsOf(page)) as Page);
    for (const origin of hosts) {
      const { latencies } = this.instance.origins.of(origin);
      for (let at = 0; input.isWarm && at < 20; at++) latencies.add(20);
    }
  }

  /** Everything that happens, until nothing can happen any more. */
  async play(): Promise<void> {
    const { clients, block, random, closing, marks } = this.input;
    for (const { at, how, what } of marks) this.clock.happen(at, () => this.#mark(how, what));
    if (block !== null) this.clock.happen(block.at, () => this.clock.block(block.ms));
    if (closing !== null) this.clock.happen(closing.at, () => this.#close(closing.timeout));
    for (const [at, client] of clients.entries()) {
      this.clock.happen(client.comesAt, () => this.#come(`r${at}`, client));
    }
    const chance = new Chance(random);
    chance.install();
    try {
      while (this.faults.length === 0 && (await this.clock.step())) {
        await chance.settled();
        this.watch.check();
        this.faults.push(...this.connections.misuse.splice(0));
      }
      if (this.isClosed === false) await settled();
      this.watch.check();
    } finally {
      chance.uninstall();
      this.heard?.stop();
    }
  }

  #close(timeout: number | null): void {
    this.isClosed = false;
    this.connections.onCut = () => this.watch.cut();
    void this.mashup.close(timeout === null ? {} : { timeout }).then(() => {
      this.isClosed = true;
    });
  }

  #mark(how: 'invalidate' | 'purge', what: 'all' | 'url' | 'tag'): void {
    const [origin] = hosts;
    const target = { all: { all: true }, url: { url: `${origin}/same0` }, tag: { tag: 'same1' } } as const;
    this.marked.push({ at: this.clock.now(), how, what });
    void this.mashup[how](target[what]);
  }

  due(time: number): number {
    const { block } = this.input;
    const blocked = block === null ? Infinity : this.#began + block.at;
    return blocked <= time ? Math.max(time, blocked + (block?.ms ?? 0)) : time;
  }

  expect(isSo: boolean, what: string): void {
    if (!isSo) this.faults.push(`${this.clock.now()} ms: it is not so that ${what}`);
  }

  visiting(): Visit | undefined {
    return storage.getStore();
  }

  #come(name: string, client: Client): void {
    const at = client.page % this.#pages.length;
    const page = this.#pages[at] as Page;
    const given = this.input.pages[at] as Input['pages'][number];
    const { deadline, entries } = given;
    const waits = Math.min(deadline, client.waits ?? deadline);
    const now = this.clock.now();
    const visit = new Visit(name, at, entries, now, now + waits, now + lateDeadlineOf(given), waits < deadline);
    this.visits.push(visit);
    const req = { params: { run: name }, headers: client.waits === null ? {} : { 'x-waits': String(client.waits) } };
    const leave = storage.run(visit, () => {
      return client.isPlain ? this.#comePlain(visit, page, req) : this.#comeByExpress(visit, page as Handler, req);
    });
    if (client.leavesAfter === null) return;
    this.clock.happen(client.leavesAfter, () => {
      if (visit.isOver) return;
      visit.hasLeft = true;
      leave();
      this.watch.expectNothingLeft(visit);
    });
  }

  /** Returns what makes the client leave. */
  #comeByExpress(visit: Visit, page: Handler, req: object): () => void {
    const res = new ModelResponse();
    page({ ...req, query: {} }, res, (error) => {
      this.expect(storage.getStore() === visit, `next is called in the context of ${visit.name}`);
      this.#end(visit, error, res.locals['mashup'] as Visit['outcomes'], res.locals);
      const listening = res.listenerCount('close') > 0;
      this.expect(listening === visit.isLate, 'it is listened to the response as long as something is under way');
    });
    return () => res.leave();
  }

  #comePlain(visit: Visit, page: Page, req: object): () => void {
    const controller = new AbortController();
    const reason = new Error(`${visit.name} has left`);
    const run = page.run as (input: object) => Promise<{ data: Visit['data']; outcomes: Visit['outcomes'] }>;
    void run({ ...req, signal: controller.signal }).then(
      ({ data, outcomes }) => this.#end(visit, undefined, outcomes, data),
      (error) => {
        if (visit.hasLeft) this.expect(error === reason, 'a run rejects with the reason of its signal');
        else this.#end(visit, error, null, {});
      },
    );
    return () => controller.abort(reason);
  }

  #end(visit: Visit, error: unknown, outcomes: Visit['outcomes'], data: Visit['data']): void {
    this.expect(!visit.hasLeft, `${visit.name} does not end when its client has left`);
    visit.ends.push({ at: this.clock.now(), error });
    visit.outcomes = outcomes;
    visit.data = data;
    visit.atEnd = visit.whatEnded;
    for (const [at, { defer }] of visit.entries.entries()) {
      if (!defer || outcomes === null) continue;
      const name = `u${at}`;
      this.expect(data[name] instanceof Promise, 'what is deferred is a promise');
      void (data[name] as Promise<unknown>).then((value) => {
        visit.lateData[name] = value;
      });
    }
    if (visit.isOver) this.watch.expectNothingLeft(visit);
  }
}

/** As much of an Express response as a page touches. */
class ModelResponse extends EventEmitter {
  readonly locals: Record<string, unknown> = Object.create(null);
  readonly headersSent = false;
  closed = false;

  append(): void {}

  leave(): void {
    this.closed = true;
    this.emit('close');
  }
}
