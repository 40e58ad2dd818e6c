// Pages per second of every contender, as ratios to the first of the same round: on a shared machine only those mean much.
import { contenders } from '../contenders/index.js';
import { start } from '../lib/child.js';
import { table } from '../lib/markdown.js';
import { expected } from '../lib/payload.js';
import { median, order } from '../lib/stats.js';
import { Patience, watch } from '../lib/watch.js';

const LOAD = new URL('../sides/load.js', import.meta.url);
const SERVER = new URL('../sides/server.js', import.meta.url);

async function verify(name, port, text) {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const answer = await response.text();
  if (response.status !== 200 || answer !== text)
    throw new Error(`${name} answers ${response.status} ${answer}, not ${text}`);
}

/** One turn of one contender: load that does not count, then load that does. */
async function turn(load, server, { connections, warmup, window }) {
  await load.ask('open', { port: server.port, connections, text: server.text });
  let seen = await watch([server, load], () => load.ask('run', warmup));
  if (!seen.error) seen = await watch([server, load], () => load.ask('run', window));
  await load.ask('close');
  return seen;
}

async function measure(load, server, options, patience) {
  const { value, cpu, calm } = await patience.quiet(() => turn(load, server, options));
  const calls = server.name === 'none' ? 0 : value.pages * options.upstreams;
  if (value.served !== calls) throw new Error(`${server.name}: ${value.served} upstream requests, not ${calls}`);
  return {
    calm,
    rate: value.pages / (value.ms / 1000),
    cost: cpu[0] / value.pages,
    busy: cpu[0] / (value.ms * 1000),
    loadBusy: cpu[1] / (value.ms * 1000),
  };
}

/** Ratios of pages per second are taken from calm rounds only, if there are this many; what a page costs, from all. */
const ENOUGH = 3;

function row(name, turns, base) {
  const pairs = turns.map((turn, round) => [turn, base[round]]);
  const calm = pairs.filter((pair) => pair.every((turn) => turn.calm));
  const ratios = (calm.length >= ENOUGH ? calm : pairs).map(([turn, other]) => turn.rate / other.rate);
  const costs = pairs.map(([turn, other]) => other.cost / turn.cost);
  const middle = (key) => median(turns.map((turn) => turn[key]));
  return [
    contenders[name],
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
    calm.length,
    median(costs).toFixed(2),
    middle('cost').toFixed(0),
    middle('rate').toFixed(0),
    `${(100 * middle('busy')).toFixed(0)} %`,
    `${(100 * middle('loadBusy')).toFixed(0)} %`,
  ];
}

const HEAD = [
  'contender',
  'ratio',
  'min–max',
  'calm rounds',
  'ratio by CPU',
  'CPU µs/page',
  'pages/s',
  'server core',
  'load core',
];

export default async function throughput(options, log) {
  const { upstreams, origins, size, connections, rounds } = options;
  const text = JSON.stringify(expected(options));
  const started = [];
  try {
    const load = await start(LOAD, { core: 1, config: { upstreams, origins, size } });
    started.push(load);
    const where = await load.ask('origins');
    const urls = Array.from({ length: upstreams }, (_, index) => `${where[index % origins]}/data/${index}`);

    const servers = [];
    for (const contender of options.contenders) {
      const child = await start(SERVER, { core: 0, config: { contender, urls } });
      started.push(child);
      const server = { ...child, name: contender, port: await child.ask('port'), text };
      await verify(contender, server.port, text);
      servers.push(server);
    }

    const patience = new Patience(options.patience);
    const turns = Object.fromEntries(options.contenders.map((name) => [name, []]));
    log('round 0, to warm up: does not count');
    for (const server of servers) await measure(load, server, options, patience);
    for (let round = 0; round < rounds; round++) {
      const seen = [];
      for (const server of order(servers, round)) {
        const turn = await measure(load, server, options, patience);
        turns[server.name].push(turn);
        seen.push(`${server.name} ${turn.rate.toFixed(0)}`);
      }
      log(`round ${round + 1} of ${rounds}, pages/s: ${seen.join(', ')}`);
    }

    const base = turns[options.contenders[0]];
    const rows = options.contenders.map((name) => row(name, turns[name], base));
    return [
      `## Pages per second: ${upstreams} upstreams of ${size} bytes of JSON, ${connections} connections, ${rounds} rounds`,
      table(HEAD, rows),
      String(patience),
    ].join('\n\n');
  } finally {
    for (const child of started) child.stop();
  }
}
