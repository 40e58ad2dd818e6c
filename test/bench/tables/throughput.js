// Pages per second of every contender, as ratios to the first of the same round: on a shared machine only those mean much.
import { contenders } from '../contenders/index.js';
import { start } from '../lib/child.js';
import { table } from '../lib/markdown.js';
import { expected } from '../lib/payload.js';
import { median, order } from '../lib/stats.js';

const LOAD = new URL('../sides/load.js', import.meta.url);
const SERVER = new URL('../sides/server.js', import.meta.url);

async function verify(name, port, text) {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const answer = await response.text();
  if (response.status !== 200 || answer !== text)
    throw new Error(`${name} answers ${response.status} ${answer}, not ${text}`);
}

/** One turn of one contender. */
async function measure(load, server, settings, ms) {
  await load.ask('open', { port: server.port, connections: settings.connections, text: server.text });
  await load.ask('run', settings.warmup);
  const before = await server.ask('cpu');
  const turn = await load.ask('run', ms);
  const cpu = (await server.ask('cpu')) - before;
  await load.ask('close');

  const calls = server.name === 'none' ? 0 : turn.pages * settings.upstreams;
  if (turn.served !== calls) throw new Error(`${server.name}: ${turn.served} upstream requests instead of ${calls}`);
  return {
    rate: turn.pages / (turn.ms / 1000),
    cost: cpu / turn.pages,
    busy: cpu / (turn.ms * 1000),
    loadBusy: turn.cpu / (turn.ms * 1000),
  };
}

function row(name, turns, base) {
  const ratios = turns.map(({ rate }, round) => rate / base[round].rate);
  const costs = turns.map(({ cost }, round) => base[round].cost / cost);
  const middle = (key) => median(turns.map((turn) => turn[key]));
  return [
    contenders[name],
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
    middle('rate').toFixed(0),
    middle('cost').toFixed(0),
    median(costs).toFixed(2),
    `${(100 * middle('busy')).toFixed(0)} %`,
    `${(100 * middle('loadBusy')).toFixed(0)} %`,
  ];
}

const HEAD = ['contender', 'ratio', 'min–max', 'pages/s', 'CPU µs/page', 'ratio by CPU', 'server core', 'load core'];

export default async function throughput(options, log) {
  const { upstreams, origins, size, connections, rounds, window } = options;
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

    const turns = Object.fromEntries(options.contenders.map((name) => [name, []]));
    log('round 0, to warm up: does not count');
    for (const server of servers) await measure(load, server, options, window);
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      for (const server of order(servers, round)) turns[server.name].push(await measure(load, server, options, window));
    }

    const base = turns[options.contenders[0]];
    const rows = options.contenders.map((name) => row(name, turns[name], base));
    return [
      `## Pages per second: ${upstreams} upstreams of ${size} bytes of JSON, ${connections} connections, ${rounds} rounds`,
      table(HEAD, rows),
    ].join('\n\n');
  } finally {
    for (const child of started) child.stop();
  }
}
