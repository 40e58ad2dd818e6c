// A child process on a core of its own, and questions to it. `start` is for the parent, `answer` for the child.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Whether this machine can pin a process to a core. */
export const canPin = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

/**
 * Runs the module at `url` on core `core`, with flags of Node's. It must call `answer`.
 *
 * @returns {Promise<{ core: number, ask: (name: string, argument?: unknown) => Promise<any>, stop: () => void }>}
 */
export async function start(url, { core, config, flags = [] }) {
  const pin = canPin ? ['taskset', '-c', String(core)] : [];
  const command = [...pin, process.execPath, ...flags, fileURLToPath(url)];
  const child = spawn(command[0], [...command.slice(1), JSON.stringify(config)], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map();
  let last = 0;
  let ended = null;

  const end = (why) => {
    ended ??= new Error(`${fileURLToPath(url)} ${JSON.stringify(config)}: ${why}`);
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  child.on('error', (error) => end(error.message));
  child.on('exit', (code, signal) => end(`ended by itself (${signal ?? code})`));
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(result);
  });

  const ask = (name, argument) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      const id = last++;
      waiting.set(id, { resolve, reject });
      child.send({ id, name, argument });
    });
  const stop = () => child.disconnect();

  await ask('ready');
  return { core, ask, stop };
}

/** Answers the parent's questions, each by the method of its name, and ends when the parent does. */
export function answer(methods) {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ id, name, argument }) => {
    try {
      process.send({ id, result: (await methods[name]?.(argument)) ?? null });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
}

/** What the parent gave as `config`. */
export const config = () => JSON.parse(process.argv[2]);

/** Microseconds of CPU that this process has used. */
export function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
