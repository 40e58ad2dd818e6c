// Rounds in which each of several servers has its turn under load, and what comes of them.

import { setTimeout } from 'node:timers/promises';
import { start } from './child.js';
import { expected } from './payload.js';
import { median, order } from './stats.js';
import { watch } from './watch.js';

const LOAD = new URL('../sides/load.js', import.meta.url);
const SERVER = new URL('../sides/server.js', import.meta.url);

// V8 shrinks the heap of a process that has been idle for eight seconds, and lets it grow slowly afterwards: that happens to
// all of them, and not to those alone that have to wait for their first load.
const IDLE_MS = 10_000;

async function verify(name, port, text) {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const answer = await response.text();
  if (response.status !== 200 || answer !== text)
    throw new Error(`${name} answers ${response.status} ${answer}, not ${text}`);
}

/** One turn of one server: load that does not count, then load that does. */
async function turn(load, server, { warmup, window }) {
  await load.ask('open', { port: server.port, connections: server.connections, text: server.text });
  let seen = await watch([server, load], () => load.ask('run', warmup));
  if (!seen.error) seen = await watch([server, load], () => load.ask('run', window));
  await load.ask('close');
  return seen;
}

async function measure(load, server, options, patience) {
  const { value, cpu, calm } = await patience.quiet(() => turn(load, server, options));
  const asksNobody = server.contender === 'none' || server.maxAge !== undefined;
  const calls = asksNobody ? 0 : value.pages * server.upstreams;
  if (value.served !== calls) throw new Error(`${server.name}: ${value.served} upstream requests, not ${calls}`);
  return {
    calm,
    rate: value.pages / (value.ms / 1000),
    cost: cpu[0] / value.pages,
    busy: cpu[0] / (value.ms * 1000),
    loadBusy: cpu[1] / (value.ms * 1000),
  };
}

/**
 * @param {{ origins: number, upstreams: number, size: number, type?: 'json' | 'text', gzip?: boolean, maxAge?: number }} config
 *   of the upstreams; what has a `maxAge` (in seconds) is cached, and not asked for again
 * @param {{ name: string, contender: string, upstreams: number, connections: number, page?: object }[]} pages to compare
 * @returns {Promise<Record<string, object[]>>} the turns of each, by name
 */
export async function rounds(config, pages, options, patience, log) {
  const started = [];
  try {
    const load = await start(LOAD, { core: 1, config });
    started.push(load);
    const where = await load.ask('origins');

    const servers = [];
    for (const page of pages) {
      const { upstreams } = page;
      const urls = Array.from({ length: upstreams }, (_, index) => `${where[index % where.length]}/data/${index}`);
      const child = await start(SERVER, { core: 0, config: { ...config, ...page, urls } });
      started.push(child);
      const text = JSON.stringify(expected({ ...config, upstreams }));
      const server = { ...child, ...page, maxAge: config.maxAge, port: await child.ask('port'), text };
      await verify(page.name, server.port, text);
      servers.push(server);
    }

    const turns = Object.fromEntries(pages.map(({ name }) => [name, []]));
    log('round 0, to warm up: does not count');
    await setTimeout(IDLE_MS);
    for (const server of servers) await measure(load, server, { ...options, warmup: options.heat }, patience);
    for (let round = 0; round < options.rounds; round++) {
      const seen = [];
      for (const server of order(servers, round)) {
        const turn = await measure(load, server, options, patience);
        turns[server.name].push(turn);
        seen.push(`${server.name} ${turn.rate.toFixed(0)}`);
      }
      log(`round ${round + 1} of ${options.rounds}, pages/s: ${seen.join(', ')}`);
    }
    return turns;
  } finally {
    for (const child of started) child.stop();
  }
}

/** Ratios of pages per second are taken from calm rounds only, if there are this many; what a page costs, from all. */
const ENOUGH = 3;

/** The turns of one page beside those of another in the same rounds. */
export function compare(turns, base) {
  const pairs = turns.map((turn, round) => [turn, base[round]]);
  const calm = pairs.filter((pair) => pair.every((turn) => turn.calm));
  const ratios = (calm.length >= ENOUGH ? calm : pairs).map(([turn, other]) => turn.rate / other.rate);
  return {
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    calm: calm.length,
    byCpu: median(pairs.map(([turn, other]) => other.cost / turn.cost)),
  };
}

/** The median of one figure of the turns. */
export const middle = (turns, key) => median(turns.map((turn) => turn[key]));
