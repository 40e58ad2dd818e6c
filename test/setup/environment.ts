import { type AsyncHook, createHook } from 'node:async_hooks';
import { hasSubscribers } from 'node:diagnostics_channel';
import { inspect, types } from 'node:util';
import { TestEnvironment } from 'jest-environment-node';

// Pipes and requests to the file system are left out: they are Jest's own, or end with a process that is watched.
const watched = new Set([
  'TCPSERVERWRAP',
  'TCPWRAP',
  'PIPESERVERWRAP',
  'UDPWRAP',
  'PROCESSWRAP',
  'WORKER',
  'FSEVENTWRAP',
  'STATWATCHER',
  'Timeout',
]);

// Closing a socket takes some turns of the event loop, and a rejection may come in the turn after the last hook.
const fewestTurns = 3;
const mostTurns = 30;
const turnMs = 10;

interface Opened {
  type: string;
  resource: { hasRef?: () => boolean };
  stack: string[];
}

/**
 * Fails a test file that leaves something open, and one in which a promise is rejected with no handler at any moment (Node
 * would end the process; Jest forgives what is handled later, and misses what is rejected after a test has returned).
 * It stands outside the sandbox and after every hook of the file, where a setup file's own `afterAll` would run before them.
 */
export default class StrictEnvironment extends TestEnvironment {
  readonly #opened = new Map<number, Opened>();
  readonly #rejections: unknown[] = [];
  readonly #heardBefore = stillHeard();
  readonly #onRejection = (reason: unknown) => this.#rejections.push(reason);
  readonly #hook: AsyncHook = createHook({
    init: (id, type, _trigger, resource) => {
      if (!watched.has(type)) return;
      const stack = (new Error().stack ?? '').split('\n').slice(2).filter(isCaller);
      if (!isJest(stack[0])) this.#opened.set(id, { type, resource, stack });
    },
    destroy: (id) => {
      this.#opened.delete(id);
    },
  });

  async handleTestEvent(event: { name: string }, state: { unhandledErrors: unknown[] }): Promise<void> {
    if (event.name === 'setup') {
      process.on('unhandledRejection', this.#onRejection);
      this.#hook.enable();
    } else if (event.name === 'run_finish') {
      await this.#settle();
      const left = [
        ...this.#leftOpen().map(leftOpenError),
        ...stillHeard()
          .filter((name) => !this.#heardBefore.includes(name))
          .map(stillHeardError),
      ];
      state.unhandledErrors.push(...this.#rejections.map(rejectionError), ...left);
    }
  }

  override async teardown(): Promise<void> {
    this.#hook.disable();
    process.off('unhandledRejection', this.#onRejection);
    await super.teardown();
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < fewestTurns || (turn < mostTurns && this.#leftOpen().length > 0); turn++) {
      await new Promise((resolve) => setTimeout(resolve, turnMs));
    }
  }

  /** What keeps the process alive. What is unref'ed, such as an idle keep-alive connection, does not. */
  #leftOpen(): Opened[] {
    return [...this.#opened.values()].filter(({ resource }) => resource.hasRef?.() !== false);
  }
}

/** Channels are the process's: who listens on would hear the runs of the next file. */
function stillHeard(): string[] {
  const traced = ['run', 'call', 'attempt'].flatMap((name) =>
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:express-mashup:${name}:${event}`),
  );
  const others = ['cache', 'breaker', 'budget', 'store'].map((name) => `express-mashup:${name}`);
  return [...traced, ...others].filter((name) => hasSubscribers(name));
}

function stillHeardError(name: string): Error {
  return new Error(`listened to after every hook of this file: ${name}`);
}

function isCaller(line: string): boolean {
  return /[\\/].+:\d+/.test(line) && !line.includes('node:');
}

function isJest(line: string | undefined): boolean {
  return line !== undefined && /[\\/]node_modules[\\/](@jest[\\/]|jest)|[\\/]environment\.ts:/.test(line);
}

function rejectionError(reason: unknown): Error {
  const error = new Error(`unhandled rejection: ${types.isNativeError(reason) ? reason.message : inspect(reason)}`);
  error.stack = `${error.message}\n${types.isNativeError(reason) ? reason.stack : ''}`;
  return error;
}

function leftOpenError({ type, stack }: Opened): Error {
  const error = new Error(`left open after every hook of this file: ${type}`);
  error.stack = `${error.message}, opened\n${stack.length > 0 ? stack.join('\n') : '    by the event loop'}`;
  return error;
}
