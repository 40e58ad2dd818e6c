import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../src/index.js';
import { describeWith } from '../setup/tools.js';
import { json, type Recorder, startUpstream } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';
import { type RedisServer, startRedis } from '../support/redis.js';

afterEach(closeAll);

const script = fileURLToPath(new URL('process.mjs', import.meta.url));

/** A process of the built package, with pages that cache in Redis. */
class Machine {
  origin = '';
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  constructor(upstream: string, redis: string, timeout: number) {
    this.#child = spawn(process.execPath, [script, upstream, redis, String(timeout)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#lines = createInterface({ input: this.#child.stdout });
    closeLater(async () => {
      // It ends by itself when all is closed.
      this.#child.stdin.end();
      if (this.#child.exitCode === null) await once(this.#child, 'exit');
    });
  }

  async start(): Promise<this> {
    this.origin = `http://127.0.0.1:${await this.#answer()}`;
    await this.tell('ready');
    return this;
  }

  async tell(name: string, argument?: unknown): Promise<unknown> {
    const answer = this.#answer();
    this.#child.stdin.write(`${JSON.stringify([name, argument])}\n`);
    return await answer;
  }

  async ask(id: string, cookie?: string): Promise<{ a: unknown; of: Outcome }> {
    const headers = { connection: 'close', ...(cookie !== undefined && { cookie }) };
    const response = await fetch(`${this.origin}/${id}`, { headers });
    if (response.status !== 200) throw new Error(`it answers ${response.status}`);
    return (await response.json()) as { a: unknown; of: Outcome };
  }

  async #answer(): Promise<unknown> {
    const [line] = (await once(this.#lines, 'line')) as [string];
    return (JSON.parse(line) as { answer: unknown }).answer;
  }
}

describeWith('redis-server', 'four processes with one Redis', (program) => {
  let redis: RedisServer;
  let upstream: Recorder;
  let machines: Machine[];

  beforeEach(async () => {
    redis = await startRedis(program);
    // It takes its time, so that all ask while it is being fetched.
    upstream = await startUpstream((response, { headers, url }) => {
      setTimeout(() => json(response, { url, at: upstream.sent.length, cookie: headers.cookie ?? null }), 100);
    });
  });

  /** @param timeout of each command: longer than usual where it must not be in the way of a busy machine */
  async function start(timeout: number): Promise<void> {
    machines = await Promise.all([1, 2, 3, 4].map(() => new Machine(upstream.origin, redis.url, timeout).start()));
  }

  const all = <T>(ask: (machine: Machine) => Promise<T>) => Promise.all(machines.map(ask));

  test('400 requests at the same time for what nobody has are one request to the upstream', async () => {
    await start(10_000);
    const asks = machines.flatMap((machine) => Array.from({ length: 100 }, () => machine.ask('cold')));
    const answers = await Promise.all(asks);
    expect(new Set(answers.map(({ a }) => JSON.stringify(a))).size).toBe(1);
    expect(answers.every(({ of }) => of.status === 'success')).toBe(true);
    expect(upstream.sent).toHaveLength(1);
  });

  test('a purge by one is seen by all', async () => {
    await start(10_000);
    await all((machine) => machine.ask('x'));
    await all((machine) => machine.ask('y'));
    const { length } = upstream.sent;
    await machines[0]?.tell('purge', 'all-x');
    // Its message may be on its way still.
    let fresh = 0;
    for (let tries = 0; tries < 200 && fresh < machines.length; tries++) {
      const answers = await all((machine) => machine.ask('x'));
      fresh = answers.filter(({ a }) => (a as { at: number }).at > length).length;
    }
    expect(fresh).toBe(machines.length);
    expect(upstream.sent.slice(length).map(({ url }) => url)).toEqual(['/x']);
    expect((await all((machine) => machine.ask('y'))).map(({ of }) => of.source)).toEqual(Array(4).fill('cache'));
  });

  test('users never see what is another’s, whoever fetched it', async () => {
    await start(10_000);
    const users = ['alice', 'bob', 'carol', undefined];
    for (let round = 0; round < 3; round++) {
      const asks = machines.flatMap((machine) =>
        users.map(async (user) => ({ user, ...(await machine.ask('me', user)) })),
      );
      for (const { user, a } of await Promise.all(asks)) expect(a).toMatchObject({ url: '/me', cookie: user ?? null });
    }
    expect(upstream.sent).toHaveLength(users.length);
  });

  test('no page fails while Redis is paused, killed, started anew, or full', async () => {
    await start(50);
    let asked = 0;
    const load = async (isOver: () => boolean) => {
      const failures: unknown[] = [];
      await Promise.all(
        machines.map(async (machine) => {
          while (!isOver()) {
            const id = asked++ % 3 === 0 ? `new${asked}` : 'old';
            const { of } = await machine.ask(id);
            if (of.status !== 'success') failures.push(of);
          }
        }),
      );
      expect(failures).toEqual([]);
    };
    const during = async (event: () => unknown, pages: number) => {
      await event();
      const end = asked + pages;
      await load(() => asked >= end);
    };
    await during(() => {}, 20);
    await during(() => redis.pause(), 40);
    await during(() => redis.resume(), 20);
    await during(() => redis.kill(), 40);
    await during(() => redis.start(), 20);
    await during(() => redis.send('CONFIG', 'SET', 'maxmemory', '1'), 40);
    await during(() => redis.send('CONFIG', 'SET', 'maxmemory', '0'), 20);
    // It is used again.
    const [machine] = machines as [Machine];
    let state = '';
    for (let tries = 0; tries < 500 && state !== 'closed'; tries++) {
      await machine.ask(`again${tries}`);
      ({ state } = ((await machine.tell('stats')) as { store: { state: string } }).store);
    }
    expect(state).toBe('closed');
  });
});
